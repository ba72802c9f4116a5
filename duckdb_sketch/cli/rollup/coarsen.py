"""`duckdb-sketch rollup coarsen`."""

from __future__ import annotations

from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.tables import print_status
from duckdb_sketch.rollup import open_level


def coarsen(
    name: Name,
    database: Database,
    every: Annotated[str, typer.Option(help="The width of its buckets: day, month, '15 minutes'.", show_default=False)],
    into: Annotated[str, typer.Option("--name", help="The level's name.", show_default=False)],
    by: Annotated[list[str] | None, typer.Option(help="A dimension to keep; may be repeated. Default: all.")] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Create a coarser level of a rollup, which each refresh then updates, or update it."""
    with open_level(name, database, wait=wait) as level:
        level.coarsen(every, into, by)
        print_status(Output(json), [status for status in level.status() if status.rollup == into])
