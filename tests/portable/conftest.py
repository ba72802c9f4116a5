"""The portable backend on a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from queries import Ask

import duckdb_sketch
from duckdb_sketch.portable import register


@pytest.fixture(scope="session")
def portable() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the portable functions, for tests that leave nothing behind in it."""
    with duckdb.connect() as connection:
        register(connection)
        yield connection


@pytest.fixture(scope="session")
def native() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the native functions, likewise."""
    with duckdb_sketch.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def ask(portable: duckdb.DuckDBPyConnection) -> Ask:
    """The first field of the first row of a query."""

    def first(query: str, *parameters: Any) -> Any:
        row = portable.execute(query, list(parameters)).fetchone()
        assert row is not None
        return row[0]

    return first
