"""Memory after many queries is what it was after a few.

A longer look: `DUCKDB_SKETCH_SOAK_MINUTES=120 pytest -m slow tests/host/test_leaks.py -k soak`. And `make leaks` has
valgrind look at every allocation that the extension makes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import cycle

import duckdb
import pytest
from reference import prepare
from resident import growth, least_growth, needs_proc, resident

pytestmark = needs_proc

QUERIES = 10_000
MOST = 8  # MB: 800 bytes a query, less than the state of any aggregate of more than a few values
SOAK_MINUTES = float(os.environ.get("DUCKDB_SKETCH_SOAK_MINUTES", "0.5"))

# Each group has more values than fit into the row of DuckDB's hash table, so that every state has memory of its own.
LARGER = """
    SELECT count(hll_sketch_estimate(a) + hll_sketch_estimate(c)), count(approx_histogram_stats(d).count)
    FROM (SELECT hll_union_agg(a) AS a, approx_histogram_union_agg(b) AS b, hll_union_agg(c) AS c,
                 approx_histogram_union_agg(d) AS d
          FROM (SELECT hll_sketch_agg(i) AS a, approx_histogram_agg(i) AS b, hll_sketch_agg(i::VARCHAR, 10) AS c,
                       approx_histogram_agg(i, 9) AS d
                FROM range(3000) t(i) GROUP BY i % 8))
"""


@pytest.fixture
def ask(con: duckdb.DuckDBPyConnection) -> Callable[[], object]:
    """Run the next query of a round of the reference's, and one of larger groups."""
    con.execute("SET threads = 2")
    queries = cycle([*prepare(con), LARGER])
    return lambda: con.execute(next(queries)).fetchall()


def test_the_reference_calls_every_function(con: duckdb.DuckDBPyConnection) -> None:
    """So a function that is new is looked at too."""
    before = {name for (name,) in duckdb.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    found = con.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    ours = {name for (name,) in found} - before
    text = "\n".join(prepare(con))
    assert "hll_sketch_agg" in ours
    assert [name for name in sorted(ours) if f"{name}(" not in text] == []


def test_a_leak_is_noticed() -> None:
    """Of two kilobytes a query: half of the registers of a sketch."""
    kept = []
    assert growth(lambda: kept.append(bytearray(2000)), warm_up=100, times=QUERIES) > MOST


@pytest.mark.slow
def test_ten_thousand_queries(ask: Callable[[], object]) -> None:
    assert least_growth(ask, warm_up=QUERIES // 5, times=QUERIES, most=MOST) < MOST


@pytest.mark.slow
def test_a_thousand_connections() -> None:
    """Each loads the extension anew, into a database of its own."""
    import duckdb_sketch

    def work() -> None:
        with duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 1}) as connection:
            duckdb_sketch.load(connection).execute("SELECT hll_sketch_agg(i) FROM range(1000) t(i)").fetchall()

    assert least_growth(work, warm_up=100, times=300, most=MOST) < MOST


@pytest.mark.slow
def test_soak(ask: Callable[[], object]) -> None:
    """For as many minutes as DUCKDB_SKETCH_SOAK_MINUTES says."""
    half = SOAK_MINUTES * 30
    for _ in range(QUERIES // 10):
        ask()
    peaks = []
    for _ in range(2):
        end, peak, queries = time.monotonic() + half, 0.0, 0
        while time.monotonic() < end:
            for _ in range(500):
                ask()
            peak, queries = max(peak, resident()), queries + 500
        peaks.append(peak)
        print(f"{queries:,} queries in {half / 60:g} minutes: at most {peak:.0f} MB")
    assert peaks[1] < peaks[0] + MOST
