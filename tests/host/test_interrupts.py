"""Queries that end before they are over: interrupted, or by an error in the middle of an aggregate.

The connection answers the next query, rightly, and the states that were in flight are given back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest
from processes import HAS_REPOSITORIES
from queries import value
from resident import least_growth, needs_proc
from samples import few_fast

pytestmark = pytest.mark.thorough

GROUPS = 2_000
LEAST_LEAK = 20  # MB; a query that is interrupted has more of them in its states
BAD_ROW = 500_000
AGGREGATES = {
    "hll_sketch_agg": "hll_sketch_agg(i)",
    "approx_histogram_agg": "approx_histogram_agg(i)",
    "hll_union_agg": "hll_union_agg(s)",
    "approx_histogram_union_agg": "approx_histogram_union_agg(h)",
}

needs_errors_in_windows = pytest.mark.skipif(
    not HAS_REPOSITORIES,
    reason="needs DuckDB 2.0: before, the threads of a window wait for ever for the one that has failed",
)


@pytest.fixture(scope="module")
def sketches() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table of 600,000 sketches of either kind, of which one is damaged."""
    import duckdb_sketch

    with duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 2}) as connection:
        duckdb_sketch.load(connection)
        connection.execute(f"""
            CREATE TABLE sketches AS
            SELECT i, i % {GROUPS} AS g,
                   CASE i WHEN {BAD_ROW} THEN 'bad'::BLOB ELSE hll_sketch_agg(i) END AS s,
                   CASE i WHEN {BAD_ROW} THEN 'bad'::BLOB ELSE approx_histogram_agg(i) END AS h
            FROM range(600_000) t(i) GROUP BY i
        """)
        # Of so many values that each state has memory of its own from its first row on.
        connection.execute("""
            CREATE TABLE larger AS
            SELECT i % 20 AS k, hll_sketch_agg(i) AS s, approx_histogram_agg(sqrt(i), 200) AS h
            FROM range(20_000) t(i) GROUP BY k
        """)
        yield connection


class Passing:
    """A SQL function that hands on what it gets, and knows how many rows have passed: a query is interrupted once it
    holds states, however fast the machine is.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._rows = 0
        self._most = 0
        self._enough = threading.Event()
        types = {"parameters": ["BIGINT"], "return_type": "BIGINT"}
        connection.create_function("passing", self._pass, **types, type="arrow", side_effects=True)

    def _pass(self, column: Any) -> Any:
        self._rows += len(column)
        if self._rows >= self._most:
            self._enough.set()
        return column

    @contextmanager
    def interrupting_after(self, rows: int) -> Iterator[None]:
        """Interrupt what the connection runs once so many rows have passed, again and again until it is over."""
        over = threading.Event()
        self._rows, self._most = 0, rows
        self._enough.clear()

        def interrupt() -> None:
            self._enough.wait()
            while not over.wait(0.01):
                self._connection.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            yield
        finally:
            over.set()
            self._enough.set()
            thread.join()


@pytest.fixture(scope="module")
def passing(sketches: duckdb.DuckDBPyConnection) -> Passing:
    return Passing(sketches)


def assert_works(connection: duckdb.DuckDBPyConnection, aggregate: str) -> None:
    count = f"hll_sketch_estimate({aggregate})" if "hll" in aggregate else f"approx_histogram_stats({aggregate}).count"
    assert value(connection, f"SELECT {count} FROM sketches WHERE i < 100") == 100


# Queries that do not end in a test's time.
SHAPES = {
    "GROUP BY": f"""
        SELECT count(x) FROM (
            SELECT {{aggregate}} AS x FROM range(1_000_000_000_000) t(i) JOIN larger ON k = i % 20
            WHERE passing(i) >= 0 GROUP BY i % {GROUPS})
    """,
    "OVER": f"""
        SELECT count(x) FROM (
            SELECT {{aggregate}} OVER (ORDER BY i ROWS 500 PRECEDING) AS x FROM sketches WHERE i < {BAD_ROW})
        WHERE passing(octet_length(x)) >= 0
    """,
}


def rows_until_states_are_large(name: str, shape: str) -> int:
    """Rows that come into a GROUP BY, and out of a window: these are read off a tree of states."""
    if shape == "OVER":
        return 10_000
    return 10 * GROUPS if "union" in name else 1000 * GROUPS


@needs_proc
@pytest.mark.parametrize("name", few_fast(AGGREGATES, "hll_sketch_agg", "approx_histogram_union_agg"))
@pytest.mark.parametrize("shape", SHAPES)
def test_interrupt(sketches: duckdb.DuckDBPyConnection, passing: Passing, name: str, shape: str) -> None:
    aggregate = AGGREGATES[name]
    query, rows = SHAPES[shape].format(aggregate=aggregate), rows_until_states_are_large(name, shape)

    def attempt() -> None:
        with passing.interrupting_after(rows), pytest.raises(duckdb.InterruptException):
            sketches.execute(query).fetchall()

    assert least_growth(attempt, warm_up=2, times=5, most=LEAST_LEAK) < LEAST_LEAK
    assert_works(sketches, aggregate)


MISTAKES = {
    "damaged sketch": ("hll_union_agg(s)", "it starts with 62 61 64"),
    "damaged histogram": ("approx_histogram_union_agg(h)", "it starts with 62 61 64"),
    "lg_k": (f"hll_sketch_agg(i, CASE i WHEN {BAD_ROW} THEN 11 ELSE 12 END)", "lg_k changes from row to row"),
    "bins": (f"approx_histogram_agg(i, CASE i WHEN {BAD_ROW} THEN 11 ELSE 12 END)", "bins changes from row to row"),
    "lg_k between threads": (
        f"hll_sketch_agg(i, CASE WHEN i < {BAD_ROW} THEN 11 ELSE 12 END)",
        "lg_k changes from row to row",
    ),
    "above the aggregate": (
        f"hll_sketch_estimate(CASE WHEN max(i) >= {BAD_ROW} THEN 'bad'::BLOB ELSE hll_sketch_agg(i) END)",
        "it starts with 62 61 64",
    ),
}


@needs_proc
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("shape", ["GROUP BY g", "", pytest.param("OVER", marks=needs_errors_in_windows)])
def test_error_in_the_middle(sketches: duckdb.DuckDBPyConnection, mistake: str, shape: str) -> None:
    aggregate, message = MISTAKES[mistake]
    if shape == "OVER":
        if "max(i)" in aggregate:
            pytest.skip("is not a window function")
        select = (
            f"SELECT {aggregate} OVER (ORDER BY i ROWS 3 PRECEDING) AS x FROM sketches WHERE i > {BAD_ROW} - 50_000"
        )
    else:
        select = f"SELECT {aggregate} AS x FROM sketches {shape}"

    def attempt() -> None:
        with pytest.raises(duckdb.InvalidInputException, match=message):
            sketches.execute(f"SELECT count(x) FROM ({select})").fetchall()

    assert least_growth(attempt, warm_up=3, times=6, most=LEAST_LEAK) < LEAST_LEAK
    assert_works(sketches, "hll_sketch_agg(i)")
