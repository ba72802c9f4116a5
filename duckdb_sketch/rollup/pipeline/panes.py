"""Panes: whether a change comes before its bucket is final (early), makes it so (on time), or comes after (late)."""

from __future__ import annotations

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Record
from duckdb_sketch.rollup.specification.table import Table, literal


def is_late(table: Table, record: Record) -> str | None:
    """SQL that tells whether a row is for a bucket that was final before this batch; None if none was."""
    conditions = []
    if record.watermark is not None:
        conditions.append(f"{table.end(table.bucket)} <= {literal(record.watermark)}")
    if record.expired_before is not None:
        conditions.append(f"{table.naive(table.bucket)} < {literal(record.expired_before)}")
    return f"({' OR '.join(conditions)})" if conditions else None


def pane(table: Table, record: Record) -> str:
    """SQL of the pane of a change that is not the one that makes its bucket final."""
    late = is_late(table, record)
    return f"CASE WHEN {late} THEN 'late' ELSE 'early' END" if late else "'early'"


def add_changes(ledger: Ledger, record: Record, table: Table, rows: str) -> None:
    """Note the buckets that a batch changed.

    Args:
        ledger: The ledger.
        record: The record of the rollup or level, of which `last_batch` is the batch.
        table: Its table.
        rows: SQL to follow FROM: the column of buckets, and `rows`, how many rows the batch has for each.
    """
    ledger.connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {quote(table.name)}, {record.last_batch}, "
        f"{table.naive(table.bucket)}, {pane(table, record)}, sum(rows) FROM {rows} GROUP BY ALL"
    )
