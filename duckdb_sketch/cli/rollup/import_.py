"""`duckdb-sketch rollup import`."""

from __future__ import annotations

from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, TableName, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.created import unless_empty
from duckdb_sketch.cli.rollup.tables import print_status
from duckdb_sketch.rollup import Rollup


def import_(
    folder: Annotated[str, typer.Argument(help="The folder of an export: a path or a URL.", show_default=False)],
    database: Database,
    name: TableName = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Restore a rollup from an export; the next refresh continues where the export ended."""
    with unless_empty(database), Rollup.from_export(folder, database=database, name=name, wait=wait) as rollup:
        print_status(Output(json), rollup.status())
