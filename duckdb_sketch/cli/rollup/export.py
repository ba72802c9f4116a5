"""`duckdb-sketch rollup export`."""

from __future__ import annotations

from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.rollup import open_level


def export(
    name: Name,
    database: Database,
    folder: Annotated[
        str, typer.Argument(help="A folder for this export alone: a path, or s3://bucket/folder.", show_default=False)
    ],
    partition: Annotated[str, typer.Option(help="Time range per file: day, month, year.")] = "month",
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Write a rollup or a level as partitioned Parquet, or update an existing export."""
    output = Output(json)
    with open_level(name, database, wait=wait) as level:
        exported = level.export(folder, partition)
    if output.json:
        output.document(exported)
    else:
        output.line(str(exported))
