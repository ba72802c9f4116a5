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
    seed: Annotated[int, typer.Option(help="Random seed: the same number selects the same buckets.")] = 0,
    expand: Expand = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Recompute a sample of buckets from the files, and compare; exit with 1 if the rollup is wrong."""
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
