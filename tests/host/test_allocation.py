"""A state for which there is no memory is an error, and the process goes on."""

from __future__ import annotations

import sys

import pytest
from processes import run_python

CHILD = """
import resource
import duckdb
import duckdb_sketch

con = duckdb_sketch.connect()
con.execute("SET threads = 1")
con.execute("CREATE TABLE s AS SELECT hll_sketch_agg(i, 21) AS users FROM range(300_000) t(i)")
con.execute("SELECT octet_length(hll_union_agg(users)) FROM s").fetchall()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20), resource.RLIM_INFINITY))
try:
    con.execute("SELECT g, octet_length(hll_union_agg(users)) FROM s, range(1_000) r(g) GROUP BY g")  # of 2 MiB each
except duckdb.Error as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(i)) FROM range(3) t(i)").fetchall())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits its address space")
def test_a_state_that_cannot_grow_is_an_error() -> None:
    error, after = run_python(CHILD).rsplit("\n", 1)
    assert "hll_union_agg: out of memory: " in error
    assert "bytes for a sketch are not to be had" in error
    assert after == "[(3,)]"
