"""Migration: a ledger of an older version becomes one of the version that this package knows, in one transaction."""

from __future__ import annotations

import duckdb

from duckdb_sketch._files import sql_folder
from duckdb_sketch.rollup.errors import ManifestError
from duckdb_sketch.rollup.ledger.transaction import transaction
from duckdb_sketch.rollup.query import fetch, fetch_row

#: The version of the ledgers that this package reads and writes.
VERSION = 2

_CHANGED = ("rollups", "batches", "slices")


def version_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of a database's ledger; None if it has none."""
    if not fetch(
        connection,
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'rollup_manifest' AND table_name = 'version' "
        "AND database_name = current_database()",
    ):
        return None
    return int(fetch_row(connection, "SELECT max(version) FROM rollup_manifest.version")[0])


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the ledger of a database to this package's version. Without one, or with a newer one, nothing happens.

    Raises:
        ManifestError: If it has to be migrated, and the database is read-only.
        LockedError: If another connection of this process is changing the ledger.
        RollupError: If it could not be written: the disk may be full.
    """
    if version_of(connection) != 1:
        return
    if fetch_row(connection, "SELECT readonly FROM duckdb_databases() WHERE database_name = current_database()")[0]:
        raise ManifestError(
            "the database's ledger is of version 1, and has to be migrated, but the database is open read-only: "
            f"open it once for writing (duckdb-sketch rollup status), which makes it one of version {VERSION}"
        )
    with transaction(connection):
        if version_of(connection) == 1:  # and no other connection has migrated it meanwhile
            _migrate_1(connection)


def _migrate_1(connection: duckdb.DuckDBPyConnection) -> None:
    # First of all, as of two that update the same row the second one fails.
    connection.execute("UPDATE rollup_manifest.version SET version = 2")
    run_script(connection, "migrate_1.sql")
    run_script(connection, "ledger.sql")
    for table in _CHANGED:
        connection.execute(f"INSERT INTO rollup_manifest.{table} BY NAME FROM temp.migrated_{table}")
        connection.execute(f"DROP TABLE temp.migrated_{table}")


def run_script(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Run one of the package's scripts for the ledger, statement by statement."""
    text = (sql_folder() / "rollup" / name).read_text(encoding="utf-8")
    for statement in connection.extract_statements(text):
        connection.execute(statement.query)
