"""Many connections, many threads, many processes: the same answers, and an end."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest
from counting import count
from processes import run_python
from queries import rows
from samples import few_fast

import duckdb_sketch

QUERY = """
    SELECT i % 7 AS g, hll_sketch_agg(i * 31 % 4099) AS users, approx_histogram_agg(i % 40) AS prices,
           hll_union_agg(s) AS merged, approx_histogram_union_agg(h) AS all_prices
    FROM range({start}, {start} + 20_000) t(i), (SELECT hll_sketch_agg(1) AS s, approx_histogram_agg(1) AS h)
    GROUP BY g ORDER BY g
"""


def answer(connection: duckdb.DuckDBPyConnection, start: int) -> list[tuple[object, ...]]:
    return rows(connection, QUERY.format(start=start))


@pytest.mark.parametrize("databases", few_fast([1, 64], 1))
def test_64_connections_on_8_threads(databases: int) -> None:
    """All to one database, and each to its own."""
    config = {"allow_unsigned_extensions": "true", "threads": 2}
    opened = [duckdb_sketch.load(duckdb.connect(config=config)) for _ in range(databases)]
    connections = [opened[n % databases].cursor() for n in range(64)]
    expected = [answer(opened[0], n) for n in range(4)]

    def work(n: int) -> bool:
        # Connections are closed from the threads that worked with them, while others work.
        with connections[n] as connection:
            return all(answer(connection, start) == expected[start] for start in range(4))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64), timeout=120))
    for connection in opened:
        connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork() -> None:
    """A child makes connections of its own, the functions loaded before and after; the parent's go on."""
    code = """
import os, sys
import duckdb_sketch

QUERY = "SELECT hll_sketch_estimate(hll_sketch_agg(i % 100)) FROM range(300_000) t(i)"
parent = duckdb_sketch.connect(config={"allow_unsigned_extensions": "true"})
assert parent.execute(QUERY).fetchone() == (100,)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        own = duckdb_sketch.connect(config={"allow_unsigned_extensions": "true"})
        found = own.execute(QUERY).fetchone()
        own.close()
        os._exit(found != (100,))
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], parent.execute(QUERY).fetchone())
"""
    assert run_python(code, PYTHONWARNINGS="ignore") == "[0, 0, 0, 0] (100,)"


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_of_processes(method: str) -> None:
    assert count(3) == 3
    with multiprocessing.get_context(method).Pool(4) as pool:
        assert pool.map_async(count, range(1, 20)).get(timeout=60) == list(range(1, 20))
