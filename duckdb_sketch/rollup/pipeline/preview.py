"""What a refresh would change, without doing it."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime

from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import RollupRecord
from duckdb_sketch.rollup.pipeline.batch import bind, pane
from duckdb_sketch.rollup.pipeline.plan import Plan, batches
from duckdb_sketch.rollup.pipeline.refresh import Refresher
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.reading.status import Change, Pane
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import literal


def preview(
    ledger: Ledger, refresher: Refresher, specification: Specification, plan: Plan, record: RollupRecord
) -> list[Change]:
    """The buckets that new files have rows for, how many, and what pane that would be.

    Args:
        ledger: The ledger of the database.
        refresher: Reads the files.
        specification: The rollup's statement.
        plan: The files.
        record: The rollup's line, or what it would be.
    """
    found: Tally[tuple[datetime, Pane]] = Tally()
    for files in batches(plan.new, {}, most_rows=1):
        refresher.view(files, record.input_types)
        table = bind(ledger.connection, specification, record.name, record.time_zone)
        bucket = table.naive(table.bucket)
        sane = f"{bucket} >= {table.naive_truncated(record.earliest)} AND {bucket} < {literal(record.latest)}"
        rows = fetch(
            ledger.connection,
            f"SELECT {bucket}, {pane(table, record)}, rows "
            f"FROM ({specification.buckets()}) AS b(rows, {table.bucket}) WHERE {sane}",
        )
        for start, when, count in rows:
            found[start, when] += count
    return [Change(record.last_batch + 1, start, when, count) for (start, when), count in sorted(found.items())]
