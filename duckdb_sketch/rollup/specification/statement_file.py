"""A statement, or the file that it is in."""

from __future__ import annotations

import re
from pathlib import Path

from duckdb_sketch.rollup.errors import SpecificationError

_NAME_OF_A_FILE = re.compile(r"(?!\s*(?:SELECT|WITH|FROM)\s)[^\n]+\.sql", re.IGNORECASE)


def read_statement(statement: str | Path) -> tuple[str, str | None]:
    """A statement, and the name of its file if it is in one.

    Raises:
        SpecificationError: If the file cannot be read.
    """
    if isinstance(statement, str) and not _NAME_OF_A_FILE.fullmatch(statement):
        return statement, None
    path = Path(statement)
    try:
        return path.read_text(encoding="utf-8-sig"), path.stem
    except OSError as error:
        raise SpecificationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{path} cannot be read: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except ValueError as error:  # a NUL in the path
        raise SpecificationError(f"{str(path)!r} cannot be read: {error}") from error
