"""Merging the groups of a batch into a rollup's table, and what is late or invalid among them."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Groups
from duckdb_sketch.rollup.errors import LateDataError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, Record, RollupRecord
from duckdb_sketch.rollup.ledger.table import present_children, table_of
from duckdb_sketch.rollup.pipeline.panes import add_changes, is_late
from duckdb_sketch.rollup.query import fetch, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.specification.table import KNOWN, LATEST, ROWS, Table, literal

_MERGED = "duckdb_sketch_merged"


@dataclass(frozen=True)
class Merge:
    """Merges groups with existing ones; those of expired buckets go into the levels that still have them."""

    def put(self, ledger: Ledger, record: RollupRecord, table: Table, groups: Groups, batch: Batch) -> RollupRecord:
        """See `Placement`.

        Raises:
            LateDataError: If there are late rows, and the rollup refuses them.
        """
        _examine(ledger, record, table, groups.table, batch)
        with reading():
            gone = _merge(ledger, record, table, groups.table)
        batch.rows -= gone
        batch.late_rows -= gone
        batch.dropped_rows += gone
        return record


def _examine(ledger: Ledger, record: RollupRecord, table: Table, groups: str, batch: Batch) -> None:
    """Do what `reject`, `_judge` and `measure` do: with one query, where nothing is to be left out."""
    rejected, late, *measured = fetch_row(
        ledger.connection,
        f"SELECT {_events_of(_invalid(record, table))}, {_events_of(is_late(table, record) or 'false')}, "
        f"{_measured(table)} FROM {groups}",
    )
    if rejected or (late and record.late != "merge"):
        reject(ledger, record, table, groups, batch)
        _judge(ledger, record, table, groups, batch)
        measure(ledger, table, groups, batch)
    else:
        batch.late_rows += late
        batch.rows, batch.first_event, batch.last_event = measured


def reject(ledger: Ledger, record: RollupRecord, table: Table, groups: str, batch: Batch) -> None:
    """Delete the groups whose time is NULL or out of range, and say in `batch` how many rows that is."""
    batch.rejected_rows += _delete(ledger, groups, _invalid(record, table))


def _invalid(record: RollupRecord, table: Table) -> str:
    """SQL that tells whether the time of a group is NULL or out of range."""
    bucket = table.naive(table.bucket)
    earliest = table.naive_truncated(record.earliest)
    return f"({table.bucket} IS NULL OR {bucket} < {earliest} OR {bucket} >= {literal(record.latest)})"


def measure(ledger: Ledger, table: Table, groups: str, batch: Batch) -> None:
    """Say in `batch` how many events the groups have, and from when to when they are."""
    batch.rows, batch.first_event, batch.last_event = fetch_row(
        ledger.connection, f"SELECT {_measured(table)} FROM {groups}"
    )


def _measured(table: Table) -> str:
    """SQL of how many events groups have, and of the first and the last time of them."""
    return f"{_events_of('true')}, min({table.naive(table.bucket)}), max({table.naive(LATEST)})"


def _events_of(condition: str) -> str:
    """SQL of how many events there are in the groups of which a condition holds."""
    return f"coalesce(sum({ROWS}) FILTER ({condition}), 0)"


def _judge(ledger: Ledger, record: RollupRecord, table: Table, groups: str, batch: Batch) -> None:
    """Treat the groups of final buckets as the rollup's rule for late rows says."""
    late = is_late(table, record)
    if late is None:
        return
    if record.late == "error":
        _refuse_late(ledger, record, table, groups, late)
    elif record.late == "drop":
        batch.dropped_rows += _delete(ledger, groups, late)
    else:
        batch.late_rows += _count(ledger, groups, late)


def _refuse_late(ledger: Ledger, record: RollupRecord, table: Table, groups: str, late: str) -> None:
    bucket = table.naive(table.bucket)
    rows, first, last = fetch_row(
        ledger.connection, f"SELECT sum({ROWS}), min({bucket}), max({bucket}) FROM {groups} WHERE {late}"
    )
    if rows:
        raise LateDataError(
            f"{rows:,} rows are late: they are for final buckets, from {first} to {last}, and the watermark is "
            f"{record.watermark}. Count them with late='merge' (--late merge), or leave them out with drop"
        )


def _delete(ledger: Ledger, groups: str, condition: str) -> int:
    rows = _count(ledger, groups, condition)
    if rows:
        ledger.connection.execute(f"DELETE FROM {groups} WHERE {condition}")
    return rows


def _count(ledger: Ledger, groups: str, condition: str) -> int:
    """How many events there are in the groups of which a condition holds."""
    return int(fetch_row(ledger.connection, f"SELECT {_events_of('true')} FROM {groups} WHERE {condition}")[0])


def merge_rows(ledger: Ledger, table: Table, groups: str, into: str) -> None:
    """Merge rows into a table, or into one like it.

    The rows that match are deleted, and inserted merged: DuckDB updates scattered BLOBs in place 20 times slower.

    Args:
        ledger: The ledger, for its connection.
        table: The table.
        groups: SQL of the rows, which have its columns.
        into: The name of the table that they go into.
    """
    connection = ledger.connection
    bucket = table.naive(table.bucket)
    first, last = fetch_row(connection, f"SELECT min({bucket}), max({bucket}) FROM {groups}")
    if first is None:
        return
    low, high = table.typed(literal(first)), table.typed(literal(last))
    within = f"{table.bucket} BETWEEN {low} AND {high}"
    if not fetch(connection, f"SELECT 1 FROM {identifier(into)} WHERE {within} LIMIT 1"):
        connection.execute(f"INSERT INTO {identifier(into)} SELECT {table.columns} FROM {groups}")
        return
    with temporary(connection, _MERGED):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_MERGED} AS {table.merge(groups, into, low, high)}")
        connection.execute(
            f"DELETE FROM {identifier(into)} WHERE {within} AND rowid IN (SELECT {KNOWN} FROM {_MERGED})"
        )
        connection.execute(f"INSERT INTO {identifier(into)} SELECT {table.columns} FROM {_MERGED}")


def _merge(ledger: Ledger, record: Record, table: Table, groups: str) -> int:
    """Merge groups into a table and the levels above it; give how many events none of them has buckets for."""
    expired, fresh = None, f"(SELECT * FROM {groups})"
    if record.expired_before is not None:
        expired = f"{table.naive(table.bucket)} < {literal(record.expired_before)}"
        fresh = f"(SELECT * FROM {groups} WHERE NOT ({expired}))"
    merge_rows(ledger, table, fresh, table.name)
    add_changes(ledger, record, table, f"(SELECT {table.bucket}, {ROWS} AS rows FROM {fresh})")
    if expired is None:
        return 0
    gone = _count(ledger, groups, expired)
    return _absorb(ledger, table, f"{groups} WHERE {expired}", gone) if gone else 0


def _absorb(ledger: Ledger, table: Table, groups: str, rows: int) -> int:
    """Merge groups of expired buckets into the levels: the bucket is gone, but the day that it was part of is not."""
    left = rows
    for child in present_children(ledger, table.name):
        level = table_of(ledger, child)
        coarse = identifier(f"duckdb_sketch_coarse_{child.name}")
        with temporary(ledger.connection, coarse):
            ledger.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {coarse} AS "
                f"{level.grouped(table, f', sum({ROWS}) AS {ROWS}')} FROM {groups} GROUP BY ALL"
            )
            absorbing = ledger.begin_level(child.name)
            gone = _merge(ledger, absorbing, level, coarse)
        ledger.add_batch(child.name, Batch(absorbing.last_batch, "level", rows=rows - gone))
        left = min(left, gone)  # what is gone from a level is what is older than a time
    return left
