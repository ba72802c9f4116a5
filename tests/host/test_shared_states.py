"""Windows over a whole partition, for which DuckDB before 2.0 has one state."""

from __future__ import annotations

import duckdb
import pytest
from processes import run_python

pytestmark = pytest.mark.thorough

WHOLE = "BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
FRAMES = [
    "()",
    f"(ORDER BY i ROWS {WHOLE})",
    f"(ORDER BY i RANGE {WHOLE})",
    f"(ORDER BY i GROUPS {WHOLE})",
    f"(PARTITION BY i % 2 ORDER BY i ROWS {WHOLE})",
]
SAFE = [
    "(ORDER BY i)",
    "(ORDER BY i ROWS 2 PRECEDING)",
    "(ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "(ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    f"(ORDER BY i ROWS {WHOLE} EXCLUDE CURRENT ROW)",
]
AGGREGATES = ["hll_sketch_agg(i)", "hll_sketch_agg(i) FILTER (i % 3 > 0)", "approx_histogram_agg(i)"]
CHILD = """
import duckdb
import duckdb_sketch

con = duckdb_sketch.connect()
try:
    print(len(con.execute("SELECT {aggregate} OVER {frame} FROM range({rows}) t(i)").fetchall()))
except duckdb.Error as error:
    print(error)
"""
OLD = int(duckdb.__version__.split(".")[0]) < 2


def run(aggregate: str, frame: str, rows: int) -> str:
    """What a process prints, which does not crash."""
    code = CHILD.replace("{aggregate}", aggregate).replace("{frame}", frame).replace("{rows}", str(rows))
    return run_python(code)


@pytest.mark.parametrize("rows", [50, 5_000])
@pytest.mark.parametrize("frame", FRAMES)
def test_a_window_over_a_whole_partition_is_right_or_an_error(frame: str, rows: int) -> None:
    for aggregate in AGGREGATES:
        found = run(aggregate, frame, rows)
        if OLD:
            assert "does not say which state is a row's" in found
        else:
            assert found == str(rows)


@pytest.mark.parametrize("frame", SAFE)
def test_other_windows_are_safe(frame: str) -> None:
    assert run("hll_sketch_agg(i)", frame, 500) == "500"
