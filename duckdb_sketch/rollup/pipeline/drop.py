"""Dropping: a rollup leaves the ledger, and its table goes with it, if it is still there."""

from __future__ import annotations

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.query import fetch

_TABLES = ("slices", "batches", "changes", "exports", "sources", "rollups")


def drop(ledger: Ledger, name: str) -> None:
    """Drop a rollup or a coarser level: its table and all that the ledger has of it.

    Raises:
        ManifestError: If there is none of this name.
        RollupError: If coarser levels are made from it.
        LockedError: If another connection is changing it.
    """
    with ledger.transaction():
        ledger.create()
        record = ledger.begin(name)
        children = [child.name for child in ledger.children(name)]
        if children:
            raise RollupError(f"{', '.join(children)} is made from {name}: drop that first")
        if fetch(
            ledger.connection,
            "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
            "AND schema_name = current_schema() AND lower(table_name) = lower(?)",
            [record.name],
        ):
            ledger.connection.execute(f"DROP TABLE {identifier(record.name)}")
        for table in _TABLES:
            ledger.connection.execute(f"DELETE FROM rollup_manifest.{table} WHERE rollup = ?", [name])
