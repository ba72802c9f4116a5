"""Where DuckDB's memory ends in the middle of a function the query fails, and the process lives."""

from __future__ import annotations

import pytest
from processes import HAS_REPOSITORIES, run_python

pytestmark = pytest.mark.thorough

# 400 histograms, and 20 sketches of half a megabyte.
SETUP = """
import duckdb, duckdb_sketch
con = duckdb_sketch.load(duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 1}))
made = "CREATE TABLE {0} AS SELECT g, {1} AS {0} FROM range({2}) t(g), range({3}) u(i) GROUP BY g"
con.execute(made.format("h", "approx_histogram_agg(g + i)", 400, 60))
con.execute(made.format("s", "hll_sketch_agg(g + i, 20)", 20, 200_000))
con.execute("SET memory_limit = '100MB'; SET temp_directory = ''; SET enable_progress_bar = false")
"""
TOO_LARGE = {
    "lists": "SELECT sum(x[5].count) FROM (SELECT approx_histogram_equi_width(h, 100_000) AS x FROM h)",
    "aggregates": "SELECT sum(octet_length(x)) FROM (SELECT hll_union_agg(a.s) x FROM s a, s b, s c GROUP BY b.g, c.g)",
}


@pytest.mark.parametrize("results", TOO_LARGE)
def test_results_larger_than_the_limit(results: str) -> None:
    """DuckDB throws an exception of C++, which passes through Rust."""
    said = run_python(f"""{SETUP}
try:
    con.execute({TOO_LARGE[results]!r}).fetchall()
except duckdb.OutOfMemoryException:
    print("out of memory,", end=" ")
print(con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(i)) FROM range(9) t(i)").fetchall())
""")
    assert said.endswith("[(9,)]")
    assert said.startswith("out of memory") or not HAS_REPOSITORIES
