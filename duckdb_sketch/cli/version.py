"""`duckdb-sketch version`."""

from __future__ import annotations

import duckdb
import typer

from duckdb_sketch import __version__


def version() -> None:
    """Say which versions of duckdb_sketch and DuckDB these are."""
    typer.echo(f"duckdb_sketch {__version__}, DuckDB {duckdb.__version__}")
