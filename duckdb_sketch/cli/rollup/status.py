"""`duckdb-sketch rollup status`."""

from __future__ import annotations

from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.tables import print_status
from duckdb_sketch.rollup import Status, open_level, rollup_names


def status(
    database: Database,
    name: Annotated[str | None, typer.Argument(help="Only this rollup and its levels.")] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Print the status of the rollups in a database."""
    found: dict[str, Status] = {}
    for rollup in [name] if name else rollup_names(database, wait=wait):
        if rollup not in found:
            with open_level(rollup, database, wait=wait, read_only=True) as level:
                found |= {each.rollup: each for each in level.status()}
    print_status(Output(json), list(found.values()))
