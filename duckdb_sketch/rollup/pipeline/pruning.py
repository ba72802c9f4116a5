"""Pruning: `changes` keeps each change of the newest batches, and of older ones what verification needs of each bucket.

So it grows with the buckets of a rollup, not with its batches.
"""

from __future__ import annotations

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import LevelRecord, RollupRecord
from duckdb_sketch.rollup.reading.status import PRUNED, pruned_until
from duckdb_sketch.rollup.specification.table import literal

# Pruning reads all changes, and so is not done with every batch.
_AT_ONCE = 10


def prune(ledger: Ledger, record: RollupRecord | LevelRecord, keep: int) -> None:
    """Forget old changes of a rollup and of its levels, inside the caller's transaction.

    A level that has not taken a change up yet keeps it. An export does not: one that is behind writes every partition.

    Args:
        ledger: The ledger.
        record: The rollup's record.
        keep: Of how many batches every change is kept.
    """
    children = ledger.children(record.name)
    limit = min([record.last_batch - keep, *(child.consumed for child in children)])
    if limit > 0 and limit - pruned_until(ledger, record.name) > keep // _AT_ONCE:
        _prune(ledger, record, limit)
    for child in children:
        prune(ledger, child, keep)


def _prune(ledger: Ledger, record: RollupRecord | LevelRecord, limit: int) -> None:
    """Of each bucket these stay: the first rows, the batch that made it final, and the last that rebuilt it."""
    here = f"rollup = {quote(record.name)} AND batch <= {limit}"
    expired = f"AND bucket >= {literal(record.expired_before)}" if record.expired_before else ""
    rebuilds = f"(SELECT batch FROM rollup_manifest.batches WHERE {here} AND kind = 'rebuild')"
    kept = (
        "SELECT unnest([min(batch) FILTER (rows > 0), min(batch) FILTER (pane IN ('on time', 'late')), "
        f"max(batch) FILTER (batch IN {rebuilds})]) AS batch, bucket "
        f"FROM rollup_manifest.changes WHERE {here} AND pane <> '{PRUNED}' {expired} GROUP BY bucket"
    )
    connection = ledger.connection
    connection.execute(
        f"DELETE FROM rollup_manifest.changes AS c WHERE {here} AND NOT EXISTS "
        f"(FROM ({kept}) AS kept WHERE kept.batch = c.batch AND kept.bucket = c.bucket AND c.pane <> '{PRUNED}')"
    )
    connection.execute(
        "INSERT INTO rollup_manifest.changes VALUES (?, ?, TIMESTAMP 'epoch', ?, 0)", [record.name, limit, PRUNED]
    )
