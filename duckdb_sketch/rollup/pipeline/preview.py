"""What a refresh would change, without doing it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from duckdb_sketch.rollup.pipeline.panes import pane
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.reading.status import Change, Pane
from duckdb_sketch.rollup.sources.batches import batches
from duckdb_sketch.rollup.sources.source import Source
from duckdb_sketch.rollup.specification.specification import over
from duckdb_sketch.rollup.specification.table import literal


def preview(target: Target, source: Source) -> list[Change]:
    """The buckets that new files have rows for, how many, and what pane that would be."""
    record = target.record()
    found: Counter[tuple[datetime, Pane]] = Counter()
    for files in batches(source.poll(target.fingerprints(source.kind)).new, {}, most_rows=1):
        with source.events(files, record.input_types) as events:
            table = target.table(events)
            bucket = table.naive(table.bucket)
            valid = f"{bucket} >= {table.naive_truncated(record.earliest)} AND {bucket} < {literal(record.latest)}"
            counted = over(events.sql, target.specification.typed(events.types).buckets())
            rows = fetch(
                target.ledger.connection,
                f"SELECT {bucket}, {pane(table, record)}, rows "
                f"FROM ({counted}) AS b(rows, {table.bucket}) WHERE {valid}",
            )
        for start, when, count in rows:
            found[start, when] += count
    return [Change(record.last_batch + 1, start, when, count) for (start, when), count in sorted(found.items())]
