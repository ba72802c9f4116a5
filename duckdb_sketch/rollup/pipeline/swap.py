"""Putting a table that was built beside a rollup's into its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Groups
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.pipeline.panes import add_changes
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import ROWS, Table


@dataclass(frozen=True)
class Swap:
    """Puts a table of groups into the place of the rollup's.

    Attributes:
        changes: Fields of the rollup's record that change with it; empty if it is the same rollup as before.
        besides: Fields that change, and make no other rollup of it.
    """

    changes: dict[str, Any]
    besides: dict[str, Any] = field(default_factory=dict)

    def put(self, ledger: Ledger, record: RollupRecord, table: Table, groups: Groups, batch: Batch) -> RollupRecord:
        """See `Placement`. The groups have a column `ROWS`, and none that tells their last event."""
        connection, shadow = ledger.connection, identifier(groups.table)
        highest = max((known.last_event for known in groups.slices if known.last_event), default=None)
        batch.rows, batch.first_event = fetch_row(
            connection, f"SELECT coalesce(sum({ROWS}), 0), min({table.naive(table.bucket)}) FROM {shadow}"
        )
        batch.last_event = highest or record.highest_event
        old = table_of(ledger, record)
        add_changes(
            ledger,
            record,
            table,
            f"(SELECT {old.bucket} AS {table.bucket}, 0 AS rows FROM {old.sql} "
            f"UNION ALL SELECT {table.bucket}, {ROWS} FROM {shadow})",
        )
        connection.execute(f"ALTER TABLE {shadow} DROP COLUMN {ROWS}")
        connection.execute(f"DROP TABLE {table.sql}")
        connection.execute(f"ALTER TABLE {shadow} RENAME TO {table.sql}")
        if self.besides:
            ledger.set(record.name, **self.besides)
        if not self.changes:
            return replace(record, **self.besides)
        ledger.set(record.name, **self.changes, watermark=None)
        _remake_levels(ledger, record.name, table)
        return replace(record, watermark=None, highest_event=None)


def _remake_levels(ledger: Ledger, parent: str, table: Table) -> None:
    """Replace the tables of the levels by empty ones: they may have other columns now."""
    for child in ledger.children(parent):
        level = table.coarser(child.name, Granularity.parse(child.every), child.dimensions)
        ledger.connection.execute(f"DROP TABLE IF EXISTS {level.sql}")
        ledger.connection.execute(level.create())
        ledger.set(child.name, watermark=None)
        _remake_levels(ledger, child.name, level)
