"""Writing SQL that DuckDB takes no parameters in."""

from pathlib import Path


def quote(text: str | Path) -> str:
    """`text` as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'
