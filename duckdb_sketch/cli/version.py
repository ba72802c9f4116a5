"""`duckdb-sketch version`, and `duckdb-sketch --version`."""

from __future__ import annotations

from importlib.metadata import version as installed


def version() -> None:
    """Print the versions of duckdb_sketch and DuckDB."""
    # From the installed metadata: to import DuckDB takes 0.1 s.
    print(f"duckdb_sketch {installed('duckdb-sketch')}, DuckDB {installed('duckdb')}")
