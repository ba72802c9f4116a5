"""Writing SQL that DuckDB takes no parameters in."""

import re
from pathlib import Path


def quote(text: str | Path) -> str:
    """`text` as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal_path(path: str | Path) -> str:
    """A local path as DuckDB's readers take it, to which `*`, `?` and `[` in a name are a pattern."""
    return re.sub(r"([*?[])", r"[\1]", str(path))
