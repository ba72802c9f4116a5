"""What a refresh would change, without doing it."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime

from duckdb_sketch.rollup.ledger.ledger import Entry, Manifest
from duckdb_sketch.rollup.pipeline.batch import bind, pane
from duckdb_sketch.rollup.pipeline.plan import Plan, batches
from duckdb_sketch.rollup.pipeline.refresh import Refresher
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.reading.status import Change, Pane
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import literal


def preview(
    manifest: Manifest, refresher: Refresher, specification: Specification, plan: Plan, entry: Entry
) -> list[Change]:
    """The buckets that new files have rows for, how many, and what pane that would be.

    Args:
        manifest: The manifest of the database.
        refresher: Reads the files.
        specification: The rollup's statement.
        plan: The files.
        entry: The rollup's line, or what it would be.
    """
    found: Tally[tuple[datetime, Pane]] = Tally()
    for files in batches(plan.new, {}, most_rows=1):
        refresher.view(files, entry.input_types)
        table = bind(manifest.connection, specification, entry.rollup, entry.time_zone)
        bucket = table.naive(table.bucket)
        sane = f"{bucket} >= {table.naive_truncated(entry.earliest)} AND {bucket} < {literal(entry.latest)}"
        rows = fetch(
            manifest.connection,
            f"SELECT {bucket}, {pane(table, entry)}, rows "
            f"FROM ({specification.buckets()}) AS b(rows, {table.bucket}) WHERE {sane}",
        )
        for start, when, count in rows:
            found[start, when] += count
    return [Change(entry.last_batch + 1, start, when, count) for (start, when), count in sorted(found.items())]
