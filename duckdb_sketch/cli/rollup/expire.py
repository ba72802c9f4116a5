"""`duckdb-sketch rollup expire`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from duckdb_sketch._text import counted
from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.rollup import Expiry, open_level


def expire(
    name: Name,
    database: Database,
    older_than: Annotated[str | None, typer.Option(help="Age relative to the watermark, such as '90 days'.")] = None,
    before: Annotated[datetime | None, typer.Option(help="Drop buckets before this time.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be dropped, and drop nothing.")] = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Drop old buckets of one level; coarser levels keep theirs."""
    output = Output(json)
    with open_level(name, database, wait=wait) as level:
        expiry = level.preview_expiry(older_than, before)
        if not dry_run:
            level.expire(older_than, before)
    if output.json:
        document = {"rollup": name, "expired_before": expiry.before, "dry_run": dry_run}
        output.document({**document, "buckets": expiry.buckets, "groups": expiry.groups})
    else:
        output.line(_line(expiry, "would be dropped" if dry_run else "dropped"))


def _line(expiry: Expiry, dropped: str) -> str:
    if not expiry.groups:
        until = "" if expiry.before is None else f" before {expiry.before}"
        return f"{expiry.rollup}: nothing to drop{until}"
    groups, buckets = counted(expiry.groups, "group"), counted(expiry.buckets, "bucket")
    return f"{expiry.rollup}: {groups} in {buckets} before {expiry.before} {dropped}"
