"""Asking DuckDB. Results are fetched to their end: a connection with one that is not takes no other work."""

from __future__ import annotations

from typing import Any

import duckdb

Row = tuple[Any, ...]


def fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None) -> list[Row]:
    """All rows of a query."""
    return connection.execute(query, parameters).fetchall()


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None) -> Row:
    """The row of a query that has one."""
    (found,) = fetch(connection, query, parameters)
    return found


def describe(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query and their types."""
    return {name: kind for name, kind, *_ in fetch(connection, f"DESCRIBE {query}")}
