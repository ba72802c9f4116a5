"""Retention: old buckets are dropped from one level, and stay in the coarser ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.ledger import Batch, Entry, Manifest
from duckdb_sketch.rollup.pipeline.batch import table_of
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table, literal, without_zone


def expire(
    manifest: Manifest, entry: Entry, older_than: str | timedelta | None, before: datetime | None
) -> datetime | None:
    """Drop the buckets of a rollup that end before a time, and remember that they are gone.

    Returns:
        The time before which there is nothing now; None if nothing has expired.
    """
    with manifest.transaction():
        # Whatever the levels have not taken up yet has to be there before it goes.
        update_levels(manifest, entry.rollup)
        entry = manifest.begin(entry.rollup)
        table = table_of(manifest, entry)
        cutoff = _cutoff(manifest, entry, table, older_than, before)
        if cutoff is None or (entry.expired_before is not None and cutoff <= entry.expired_before):
            cutoff = entry.expired_before
        else:
            manifest.connection.execute(
                f"DELETE FROM {table.sql} WHERE {table.bucket} < {table.typed(literal(cutoff))}"
            )
        manifest.add_batch(entry.rollup, Batch(entry.last_batch, "expire"))
        manifest.set(entry.rollup, expired_before=cutoff)
        for child in manifest.children(entry.rollup):
            manifest.set(child.rollup, consumed=entry.last_batch)
    return cutoff


def _cutoff(
    manifest: Manifest, entry: Entry, table: Table, older_than: str | timedelta | None, before: datetime | None
) -> datetime | None:
    """The time asked for, moved back to where a bucket begins in this level and in each one made from it."""
    if (older_than is None) == (before is None):
        raise RollupError("say how old (older_than='90 days'), or before when (before=datetime(2026, 1, 1))")
    if before is not None:
        cutoff = literal(without_zone(before))
    elif entry.watermark is None:
        return None
    elif isinstance(older_than, timedelta):
        cutoff = f"({literal(entry.watermark)} - to_microseconds({older_than // timedelta(microseconds=1)}))"
    else:
        cutoff = f"({literal(entry.watermark)} - {Granularity.parse(str(older_than)).interval})"
    levels = [table, *(table_of(manifest, child) for child in manifest.children(entry.rollup))]
    starts = [level.naive(level.truncated(level.typed(cutoff))) for level in levels]
    found: datetime = fetch_row(manifest.connection, f"SELECT least({', '.join(starts)})")[0]
    if entry.parent is not None:
        parent = manifest.entry(entry.parent)
        assert parent is not None
        if parent.expired_before is None or parent.expired_before < found:
            raise RollupError(
                f"{entry.rollup} would lose what {entry.parent} still has, and a late row there could no longer be "
                f"taken up: expire {entry.parent} first, at least to {found}"
            )
    return found
