"""`duckdb-sketch rollup expire`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.rollup import open_level


def expire(
    name: Name,
    database: Database,
    older_than: Annotated[str | None, typer.Option(help="Counted from the watermark: '90 days'.")] = None,
    before: Annotated[datetime | None, typer.Option(help="Or the time itself.")] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Drop old buckets of one level; coarser levels keep theirs."""
    output = Output(json)
    with open_level(name, database, wait=wait) as level:
        expired = level.expire(older_than, before)
    if output.json:
        output.document({"rollup": name, "expired_before": expired})
    else:
        output.line(f"{name} has nothing before {expired}" if expired else f"nothing of {name} has expired")
