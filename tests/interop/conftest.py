"""Both backends, on the corpus of a module."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

import duckdb_sketch
from duckdb_sketch.portable import register


@pytest.fixture(scope="module", params=[pytest.param("native", marks=pytest.mark.native), "portable"])
def backend(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the functions, and the module's `CORPUS` as a view."""
    with duckdb_sketch.connect() if request.param == "native" else duckdb.connect() as connection:
        if request.param == "portable":
            register(connection)
        connection.execute(f"CREATE VIEW corpus AS FROM '{request.module.CORPUS}'")
        yield connection
