"""`duckdb-sketch rollup verify`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from duckdb_sketch.cli.options import Attach, Cursor, Database, Expand, Json, Lag, Sources, Statement, TableName, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.definition import Definition


def verify(
    statement: Statement,
    database: Database,
    source: Sources = None,
    cursor: Cursor = None,
    lag: Lag = None,
    attach: Attach = None,
    name: TableName = None,
    sample: Annotated[int, typer.Option(help="How many buckets to recompute.")] = 10,
    seed: Annotated[int, typer.Option(help="Chooses them: the same ones for the same number.")] = 0,
    expand: Expand = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Recompute some buckets from the files, exactly, and say how far the rollup is off; exit with 1 if it is wrong."""
    output = Output(json)
    with Definition(
        statement, database, source, name, wait=wait, expand=expand, cursor=cursor, lag=lag, attach=attach
    ).open() as rollup:
        verified = rollup.verify(sample, seed)
    if output.json:
        output.document({"ok": verified.ok, **asdict(verified)})
    else:
        output.line(str(verified))
    if not verified.ok:
        raise typer.Exit(1)
