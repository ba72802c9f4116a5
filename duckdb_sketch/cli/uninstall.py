"""`duckdb-sketch uninstall`."""

from __future__ import annotations

import typer

import duckdb_sketch


def uninstall() -> None:
    """Remove the files that install has written to DuckDB's folders; the package stays."""
    versions = duckdb_sketch.uninstall()
    typer.echo(f"Removed from DuckDB {', '.join(versions)}." if versions else "Nothing was installed.")
