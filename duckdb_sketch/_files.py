"""Where this package's own files are, in an installed wheel and in a working copy alike."""

from pathlib import Path

_PACKAGE = Path(__file__).parent

EXTENSION = _PACKAGE / "duckdb_sketch.duckdb_extension"
PUBLIC_KEY = _PACKAGE / "duckdb_sketch.pem"


def sql_folder() -> Path:
    """The folder of `.sql` files: inside the package once it is in a wheel, beside it in a working copy."""
    packaged = _PACKAGE / "sql"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "sql"
