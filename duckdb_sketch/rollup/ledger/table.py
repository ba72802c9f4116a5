"""The tables of rollups and levels that are in the database, from their records."""

from __future__ import annotations

from contextlib import suppress

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import MissingTableError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import LevelRecord, RollupRecord
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table


def table_of(ledger: Ledger, record: RollupRecord | LevelRecord) -> Table:
    """The table of a rollup or a level.

    Raises:
        MissingTableError: If it has been dropped, or its parent's has.
    """
    _check_schema(ledger, record.name)
    types = describe(ledger.connection, f"SELECT * FROM {identifier(record.name)}")
    if isinstance(record, RollupRecord):
        return Table.of(Specification.parse(record.statement), record.name, types)
    finer = table_of(ledger, ledger.get(record.parent))
    return finer.coarser(record.name, Granularity.parse(record.every), record.dimensions)


def _check_schema(ledger: Ledger, name: str) -> None:
    """See that a rollup's table is in the connection's schema. DuckDB falls back to the schema main by itself.

    Raises:
        MissingTableError: If it is not.
    """
    rows = fetch(
        ledger.connection,
        "SELECT schema_name, schema_name = current_schema(), current_database(), current_schema() FROM duckdb_tables() "
        "WHERE database_name = current_database() AND lower(table_name) = lower(?) ORDER BY ALL",
        [name],
    )
    if any(current for _, current, *_ in rows):
        return
    if rows:
        schema, _, database, current = rows[0]
        raise MissingTableError(
            f"the table of the rollup {name} is in the schema {schema}, and the connection's is {current}: "
            f"USE {identifier(database)}.{identifier(schema)} first, or give the rollup another name"
        )
    raise MissingTableError(
        f"the ledger has a rollup {name}, and its table is gone: duckdb-sketch rollup drop {name} (drop_rollup) takes "
        "it out of the ledger"
    )


def present_children(ledger: Ledger, name: str) -> list[LevelRecord]:
    """The levels that are made directly from a rollup or a level, but for those whose table was dropped by hand."""
    found = []
    for child in ledger.children(name):
        with suppress(MissingTableError):
            _check_schema(ledger, child.name)
            found.append(child)
    return found


def specification_of(ledger: Ledger, record: RollupRecord | LevelRecord) -> Specification:
    """The statement that a rollup, or the one that a level comes from, is made by."""
    while isinstance(record, LevelRecord):
        record = ledger.get(record.parent)
    return Specification.parse(record.statement)
