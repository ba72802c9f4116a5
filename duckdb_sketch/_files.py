"""Where this package's own files are, in an installed wheel and in a working copy alike."""

import os
import threading
from pathlib import Path

_PACKAGE = Path(__file__).parent

EXTENSION = _PACKAGE / "duckdb_sketch.duckdb_extension"
PUBLIC_KEY = _PACKAGE / "duckdb_sketch.pem"


def sql_folder() -> Path:
    """The folder of `.sql` files: inside the package once it is in a wheel, beside it in a working copy."""
    packaged = _PACKAGE / "sql"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "sql"


def replace_file(path: Path, content: bytes) -> None:
    """Put a new file into the place of `path` at once: what a process has mapped of the old one stays as it is.

    A file that holds the same bytes stays: Windows lets nobody replace a library that is loaded.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    scratch = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
