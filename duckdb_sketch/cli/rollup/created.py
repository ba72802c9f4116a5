"""A database that a command makes, and does not leave behind empty if it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb


@contextmanager
def unless_empty(database: Path) -> Iterator[None]:
    """Remove a database at an error, if it was not there before and nothing is in it."""
    existed = _exists(database)
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error, OSError):
            if not existed and database.is_file() and _is_empty(database):
                database.unlink()
        raise


def _exists(database: Path) -> bool:
    try:
        return database.exists()
    except OSError:  # a folder that may not be looked into, a link to itself
        return True


def _is_empty(database: Path) -> bool:
    query = "SELECT 1 FROM duckdb_tables() UNION ALL SELECT 1 FROM duckdb_views() WHERE NOT internal"
    with duckdb.connect(str(database)) as connection:
        return not connection.execute(query).fetchall()
