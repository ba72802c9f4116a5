"""Asking DuckDB. Results are fetched to their end: a connection with one that is not takes no other work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup.errors import DamagedError

Row = tuple[Any, ...]


_DAMAGED = re.compile(r"Corrupt (database|WAL) file|does not match stored checksum|replaying WAL file")


@contextmanager
def noticing_damage() -> Iterator[None]:
    """Tell a database that is damaged from everything else that DuckDB may say.

    Raises:
        DamagedError: If it is.
    """
    try:
        yield
    except duckdb.Error as error:
        if not _DAMAGED.search(str(error)):
            raise
        raise DamagedError(
            f"the database is damaged: {error}. Restore a copy of it, or rebuild it from an export (rollup import) "
            "or from the source files"
        ) from error


def fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None) -> list[Row]:
    """All rows of a query.

    Raises:
        DamagedError: If the database is damaged where they are.
        InvalidInputError: If a parameter is not Unicode text.
    """
    for text in parameters or ():
        if isinstance(text, str):
            _check_text(text)
    with noticing_damage():
        return connection.execute(query, parameters).fetchall()


def _check_text(text: str) -> None:
    """See that DuckDB takes a text, as no version says it alike: an argument that is not UTF-8 has surrogates.

    Raises:
        InvalidInputError: If it does not.
    """
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"{text!r} is not Unicode text: {error.reason}") from error


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None) -> Row:
    """The row of a query that has one."""
    (found,) = fetch(connection, query, parameters)
    return found


def describe(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query and their types."""
    return {name: kind for name, kind, *_ in fetch(connection, f"DESCRIBE {query}")}


@contextmanager
def temporary(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[None]:
    """Drop a temporary table at the end.

    Args:
        connection: The connection that it is in.
        table: Its name, as an identifier.
    """
    try:
        yield
    finally:
        with suppress(duckdb.Error):  # the connection may be closed, or its transaction aborted
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
