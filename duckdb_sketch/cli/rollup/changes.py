"""`duckdb-sketch rollup changes`."""

from __future__ import annotations

from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.tables import print_changes
from duckdb_sketch.rollup import open_level


def changes(
    name: Name,
    database: Database,
    since: Annotated[int, typer.Option(help="List changes after this batch.")] = 0,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """List the buckets that changed after a batch."""
    with open_level(name, database, wait=wait, read_only=True) as level:
        print_changes(Output(json), level.changes(since))
