"""Retention: old buckets are dropped from one level, and stay in the coarser ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import present_children, table_of
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table, literal, without_zone


@dataclass(frozen=True)
class Expiry:
    """What an expiry drops.

    Attributes:
        rollup: Of which rollup or level.
        before: The time before which nothing is left, as the ledger holds times; None if nothing expires.
        buckets: How many buckets it drops.
        groups: How many groups they have.
    """

    rollup: str
    before: datetime | None
    buckets: int
    groups: int


def preview_expiry(
    ledger: Ledger, record: RollupRecord | LevelRecord, older_than: str | timedelta | None, before: datetime | None
) -> Expiry:
    """What `expire` would drop. Nothing is written."""
    table = table_of(ledger, record)
    cutoff = _cutoff(ledger, record, table, older_than, before)
    if cutoff is None or (record.expired_before is not None and cutoff <= record.expired_before):
        return Expiry(record.name, record.expired_before, 0, 0)
    buckets, groups = fetch_row(
        ledger.connection,
        f"SELECT count(DISTINCT {table.bucket}), count(*) FROM {table.sql} "
        f"WHERE {table.bucket} < {table.typed(literal(cutoff))}",
    )
    return Expiry(record.name, cutoff, buckets, groups)


def expire(
    ledger: Ledger, record: RollupRecord | LevelRecord, older_than: str | timedelta | None, before: datetime | None
) -> datetime | None:
    """Drop the buckets of a rollup that end before a time, and remember that they are gone.

    Returns:
        The time before which there is nothing now; None if nothing has expired.
    """
    with ledger.transaction():
        # Whatever the levels have not taken up yet has to be there before it goes.
        update_levels(ledger, record.name)
        record = ledger.begin(record.name)
        table = table_of(ledger, record)
        cutoff = _cutoff(ledger, record, table, older_than, before)
        if cutoff is None or (record.expired_before is not None and cutoff <= record.expired_before):
            cutoff = record.expired_before
        else:
            ledger.connection.execute(f"DELETE FROM {table.sql} WHERE {table.bucket} < {table.typed(literal(cutoff))}")
        ledger.add_batch(record.name, Batch(record.last_batch, "expire"))
        ledger.set(record.name, expired_before=cutoff)
        for child in present_children(ledger, record.name):
            ledger.set(child.name, consumed=record.last_batch)
    return cutoff


def _cutoff(
    ledger: Ledger,
    record: RollupRecord | LevelRecord,
    table: Table,
    older_than: str | timedelta | None,
    before: datetime | None,
) -> datetime | None:
    """The time asked for, moved back to where a bucket begins in this level and in each one made from it."""
    if (older_than is None) == (before is None):
        raise RollupError("give an age (older_than='90 days') or a time (before=datetime(2026, 1, 1))")
    if before is not None:
        cutoff = literal(without_zone(before))
    elif record.watermark is None:
        return None
    elif isinstance(older_than, timedelta):
        cutoff = f"({literal(record.watermark)} - to_microseconds({older_than // timedelta(microseconds=1)}))"
    else:
        cutoff = f"({literal(record.watermark)} - {Granularity.parse(str(older_than)).interval})"
    levels = [table, *(table_of(ledger, child) for child in present_children(ledger, record.name))]
    starts = [level.naive(level.truncated(level.typed(cutoff))) for level in levels]
    found: datetime = fetch_row(ledger.connection, f"SELECT least({', '.join(starts)})")[0]
    if isinstance(record, LevelRecord):
        parent = ledger.get(record.parent)
        if parent.expired_before is None or parent.expired_before < found:
            raise RollupError(
                f"{record.name} would lose what {record.parent} still has, and late rows there would be "
                f"lost: expire {record.parent} first, at least to {found}"
            )
    return found
