"""`duckdb-sketch install`."""

from __future__ import annotations

from typing import Annotated

import typer

import duckdb_sketch


def install(
    duckdb_version: Annotated[
        list[str] | None,
        typer.Option(help="Serve this version of DuckDB too, such as v2.0.1. May be given more than once."),
    ] = None,
) -> None:
    """Make LOAD duckdb_sketch FROM duckdb_sketch work in every DuckDB client of yours."""
    duckdb_sketch.install(duckdb_version or ())
    typer.echo("Installed. In any DuckDB of this version, without Python too:")
    typer.echo("  LOAD duckdb_sketch FROM duckdb_sketch;")
    for other in duckdb_version or ():
        typer.echo(f"In DuckDB {other}, once before that:")
        typer.echo("  INSTALL duckdb_sketch FROM duckdb_sketch;")
