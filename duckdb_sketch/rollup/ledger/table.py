"""The tables of rollups and levels that are in the database, from their records."""

from __future__ import annotations

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import ManifestError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import LevelRecord, RollupRecord
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table


def table_of(ledger: Ledger, record: RollupRecord | LevelRecord) -> Table:
    """The table of a rollup or a level.

    Raises:
        ManifestError: If it has been dropped, or its parent's has.
    """
    try:
        types = describe(ledger.connection, f"SELECT * FROM {identifier(record.name)}")
    except duckdb.CatalogException as error:
        raise ManifestError(f"the ledger has a rollup {record.name}, and its table is gone: {error}") from error
    if isinstance(record, RollupRecord):
        return Table.of(Specification.parse(record.statement), record.name, types)
    finer = table_of(ledger, ledger.get(record.parent))
    return finer.coarser(record.name, Granularity.parse(record.every), record.dimensions)


def specification_of(ledger: Ledger, record: RollupRecord | LevelRecord) -> Specification:
    """The statement that a rollup, or the one that a level comes from, is made by."""
    while isinstance(record, LevelRecord):
        record = ledger.get(record.parent)
    return Specification.parse(record.statement)
