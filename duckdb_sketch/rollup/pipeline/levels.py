"""Coarser levels: days of hours, months of days. A level reads what changed in its parent, and nothing else."""

from __future__ import annotations

from datetime import datetime

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, LevelRecord, Record
from duckdb_sketch.rollup.ledger.table import present_children, table_of
from duckdb_sketch.rollup.pipeline.panes import pane
from duckdb_sketch.rollup.pipeline.watermark import announce_final
from duckdb_sketch.rollup.query import fetch_row, temporary
from duckdb_sketch.rollup.specification.table import Table, literal


def update_levels(ledger: Ledger, parent: str) -> None:
    """Bring the levels above a rollup up to date, inside the caller's transaction."""
    children = present_children(ledger, parent)
    if not children:
        return
    record = ledger.get(parent)
    finer = table_of(ledger, record)
    for child in children:
        _update(ledger, record, finer, child)
        update_levels(ledger, child.name)


def _update(ledger: Ledger, parent: Record, finer: Table, child: LevelRecord) -> None:
    level = table_of(ledger, child)
    touched = identifier(f"duckdb_sketch_touched_{child.name}")
    with temporary(ledger.connection, touched):
        changed = _list_touched(ledger, parent, finer, child, level, touched)
        if changed or parent.watermark != child.watermark:
            child = ledger.begin_level(child.name)
            batch = Batch(child.last_batch, "level")
            if changed:
                _rebuild(ledger, finer, child, level, batch, touched)
            if parent.watermark is not None and parent.watermark != child.watermark:
                announce_final(ledger, child, level, batch.batch, parent.watermark)
            ledger.add_batch(child.name, batch)
    ledger.set(
        child.name,
        consumed=parent.last_batch,
        highest_event=parent.highest_event,
        watermark=parent.watermark,
    )


def _list_touched(ledger: Ledger, parent: Record, finer: Table, child: LevelRecord, level: Table, touched: str) -> bool:
    """List a level's buckets that changed, except those of which some parts have expired.

    Args:
        ledger: The ledger.
        parent: The level's parent.
        finer: The parent's table.
        child: The level.
        level: The level's table.
        touched: The temporary table to list them in: `bucket` and `rows`.

    Returns:
        Whether there is any.
    """
    kept = [time for time in (parent.expired_before, child.expired_before) if time]
    above = f"WHERE bucket >= {literal(max(kept))}" if kept else ""
    coarse = level.naive(level.truncated(finer.typed("bucket")))
    connection = ledger.connection
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {touched} AS FROM (SELECT {coarse} AS bucket, sum(rows) AS rows "
        "FROM rollup_manifest.changes WHERE rollup = ? AND batch > ? AND NOT (pane = 'on time' AND rows = 0) "
        f"GROUP BY ALL) {above}",
        [parent.name, child.consumed],
    )
    return bool(fetch_row(connection, f"SELECT count(*) FROM {touched}")[0])


def _rebuild(ledger: Ledger, finer: Table, child: LevelRecord, level: Table, batch: Batch, touched: str) -> None:
    """Rebuild the buckets of a level that are listed in the table `touched`, from its parent's."""
    connection = ledger.connection
    low, high, rows = fetch_row(connection, f"SELECT min(bucket), max(bucket), sum(rows) FROM {touched}")
    buckets = f"(SELECT {level.typed('bucket')} FROM {touched})"
    first, last = level.typed(literal(low)), level.typed(literal(high))
    connection.execute(
        f"DELETE FROM {level.sql} WHERE {level.bucket} BETWEEN {first} AND {last} AND {level.bucket} IN {buckets}"
    )
    # Where clocks went back, a bucket begins after some of its parts, and lasts longer.
    margin = "INTERVAL '2 hours'" if level.zoned else "INTERVAL '0 hours'"
    connection.execute(
        f"INSERT INTO {level.sql} {level.grouped(finer)} FROM {finer.sql} "
        f"WHERE {finer.bucket} >= {first} - {margin} "
        f"AND {finer.bucket} < {last} + {level.granularity.interval} + {margin} "
        f"AND {level.truncated(finer.bucket)} IN {buckets} GROUP BY ALL"
    )
    batch.rows, batch.first_event = int(rows), low
    connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {quote(level.name)}, {batch.batch}, b.bucket, "
        f"{pane(level, child)}, b.rows FROM (SELECT bucket, rows, {level.typed('bucket')} AS {level.bucket} "
        f"FROM {touched}) AS b"
    )


def whole_from(connection: duckdb.DuckDBPyConnection, parent: Record, level: Table) -> datetime | None:
    """The first bucket of a new level of which no part has expired."""
    if parent.expired_before is None:
        return None
    start = level.naive_truncated(parent.expired_before)
    after = level.end(level.typed(f"({start})"))
    found: datetime = fetch_row(
        connection, f"SELECT CASE WHEN {start} < ? THEN {after} ELSE {start} END", [parent.expired_before]
    )[0]
    return found
