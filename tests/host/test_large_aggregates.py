"""Very many groups, and large states: the memory that `docs/STORAGE.md` states, and how to stay inside a limit."""

from __future__ import annotations

import duckdb
import pytest
from queries import rows
from resident import needs_proc, peak

pytestmark = [pytest.mark.slow, needs_proc]

DENSE = 200_000
VALUES = 500
STATE = 4.5e-3  # MB: 4 kB of registers, and a little
LIMIT = 500  # MB


@pytest.fixture
def limited(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    con.execute(f"SET threads = 2; SET memory_limit = '{LIMIT}MB'; SET preserve_insertion_order = false")
    return con


@pytest.mark.parametrize(
    ("aggregate", "count"),
    [
        ("hll_sketch_agg(i)", "sum(hll_sketch_estimate(x))"),
        ("approx_histogram_agg(i)", "sum(approx_histogram_stats(x).count)::BIGINT"),
    ],
)
def test_ten_million_groups(con: duckdb.DuckDBPyConnection, aggregate: str, count: str) -> None:
    """Of two values each: their states take no more than the rows of DuckDB's own hash table."""
    con.execute("SET threads = 2; SET preserve_insertion_order = false")
    groups = f"SELECT i % 10_000_000, {aggregate} AS x FROM range(20_000_000) t(i) GROUP BY 1"
    with peak() as memory:
        ((number, counted),) = rows(con, f"SELECT count(*), {count} FROM ({groups})")
    assert (number, counted) == (10_000_000, pytest.approx(20_000_000, abs=10))  # two values may share a coupon
    assert memory.growth < 2000


def test_dense_sketches_take_what_is_stated_and_no_limit_stops_them(limited: duckdb.DuckDBPyConnection) -> None:
    groups = f"SELECT i % {DENSE}, hll_sketch_agg(i) AS x FROM range({DENSE * VALUES}) t(i) GROUP BY 1"
    with peak() as memory:
        assert rows(limited, f"SELECT count(*) FROM ({groups}) WHERE octet_length(x) > 2000") == [(DENSE,)]
    assert LIMIT < memory.growth < DENSE * STATE * 2


def test_dense_sketches_in_parts_stay_inside_the_limit(limited: duckdb.DuckDBPyConnection) -> None:
    limited.execute(f"SET memory_limit = '{LIMIT // 2}MB'")
    limited.execute("CREATE TABLE sketches (g BIGINT, s BLOB)")
    parts = 16
    size = DENSE // parts
    with peak() as memory:
        for part in range(parts):
            limited.execute(f"""
                INSERT INTO sketches SELECT {part * size} + i % {size} AS g, hll_sketch_agg(i)
                FROM range({size * VALUES}) t(i) GROUP BY g
            """)
            # What is written goes to disk, as it would in a database file.
            limited.execute("DELETE FROM sketches")
    assert memory.growth < LIMIT
