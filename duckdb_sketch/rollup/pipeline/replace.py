"""Replacing whole buckets by what their files hold now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duckdb_sketch.rollup.engines.engine import Groups
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, RollupRecord
from duckdb_sketch.rollup.pipeline.merge import measure, reject
from duckdb_sketch.rollup.pipeline.panes import add_changes
from duckdb_sketch.rollup.specification.table import ROWS, Table, literal


@dataclass(frozen=True)
class Replace:
    """Puts groups in the place of all rows from one bucket to another; none of them is late.

    Attributes:
        low: The start of the first bucket, as the ledger holds times.
        high: The start of the last one, which is included.
    """

    low: datetime
    high: datetime

    def put(self, ledger: Ledger, record: RollupRecord, table: Table, groups: Groups, batch: Batch) -> RollupRecord:
        """See `Placement`."""
        reject(ledger, record, table, groups.table, batch)
        measure(ledger, table, groups.table, batch)
        low, high = (table.typed(literal(time)) for time in (self.low, self.high))
        within = f"{table.bucket} BETWEEN {low} AND {high}"
        add_changes(
            ledger,
            record,
            table,
            f"(SELECT {table.bucket}, 0 AS rows FROM {table.sql} WHERE {within} "
            f"UNION ALL SELECT {table.bucket}, {ROWS} FROM {groups.table})",
        )
        ledger.connection.execute(f"DELETE FROM {table.sql} WHERE {within}")
        ledger.connection.execute(f"INSERT INTO {table.sql} SELECT {table.columns} FROM {groups.table}")
        return record
