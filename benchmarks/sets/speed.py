"""Theta sketches timed: next to a plain aggregate of the same column, HLL sketches and the `datasketches` package."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.connection import connect
from benchmarks.progress import Progress
from benchmarks.scale import THREADS

GROUPS = 1_000
VALUES_OF_A_STATE = 8_192
"""So that each stored sketch has 4,096 entries, and has been cut."""

_SAME = 5_000
"""The most stored sketches that are compared with each other, or are all the same one."""
_COPY = "CREATE OR REPLACE TEMP TABLE copied AS SELECT s || ''::BLOB AS s"

_LINES = (
    # What is computed, of what, by whom, and the SQL.
    ("build", "BIGINT", "sum(u), the floor", "SELECT sum(u) FROM rows"),
    ("build", "BIGINT", "hll_sketch_agg", "SELECT hll_sketch_estimate(hll_sketch_agg(u)) FROM rows"),
    ("build", "BIGINT", "theta_sketch_agg", "SELECT theta_sketch_estimate(theta_sketch_agg(u)) FROM rows"),
    ("build", "5,000 values", "hll_sketch_agg", "SELECT hll_sketch_estimate(hll_sketch_agg(few)) FROM rows"),
    ("build", "5,000 values", "theta_sketch_agg", "SELECT theta_sketch_estimate(theta_sketch_agg(few)) FROM rows"),
    ("build", "by 1,000 groups", "sum(u), the floor", "SELECT sum(s) FROM (SELECT sum(u) AS s FROM rows GROUP BY g)"),
    (
        "build",
        "by 1,000 groups",
        "hll_sketch_agg",
        "SELECT sum(hll_sketch_estimate(s)) FROM (SELECT hll_sketch_agg(u) AS s FROM rows GROUP BY g)",
    ),
    (
        "build",
        "by 1,000 groups",
        "theta_sketch_agg",
        "SELECT sum(theta_sketch_estimate(s)) FROM (SELECT theta_sketch_agg(u) AS s FROM rows GROUP BY g)",
    ),
    ("unite", "all different", "theta_union_agg", "SELECT theta_sketch_estimate(theta_union_agg(s)) FROM states"),
    ("unite", "all the same", "theta_union_agg", "SELECT theta_sketch_estimate(theta_union_agg(s)) FROM same"),
    ("unite", "all different", "a plain copy", f"{_COPY} FROM states"),
    ("unite", "all the same", "a plain copy", f"{_COPY} FROM same"),
    (
        "compare",
        "neighbors",
        "theta_intersection",
        "SELECT sum(theta_sketch_estimate(theta_intersection(s, t))) FROM pairs",
    ),
)


def measure_speed(rows: int, runs: int, progress: Progress) -> dict[str, Any]:
    """The least seconds, and those of processor time, of each line."""
    states = max(rows // 200, 10)
    con = connect(THREADS)
    with progress.step(f"{rows:,} rows and {states:,} stored sketches"):
        con.execute(
            "CREATE TABLE rows AS SELECT (hash(i) >> 1)::BIGINT AS u, (i * 7919 % $groups)::INTEGER AS g, "
            "(i * 31 % 5000)::BIGINT AS few FROM range($rows) t(i)",
            {"groups": GROUPS, "rows": rows},
        )
        con.execute(
            f"CREATE TABLE states AS SELECT i // {VALUES_OF_A_STATE} AS g, theta_sketch_agg(i) AS s "
            f"FROM range({states * VALUES_OF_A_STATE}) t(i) GROUP BY g"
        )
        con.execute(f"CREATE TABLE same AS SELECT a.s FROM (FROM states LIMIT 1) a, (FROM states LIMIT {_SAME}) b")
        neighbors = f"(FROM states WHERE g < {_SAME})"
        con.execute(f"CREATE TABLE pairs AS SELECT s, lead(s) OVER (ORDER BY g) AS t FROM {neighbors}")
    lines = []
    for what, of, who, sql in _LINES:
        with progress.step(f"{what} {of}: {who}"):
            lines.append(
                {"what": what, "of": of, "who": who, **_least(lambda sql=sql: con.execute(sql).fetchall(), runs)}
            )  # type: ignore[misc]
    with progress.step("build BIGINT: the package datasketches, in Python"):
        part = [value * 0x9E3779B97F4A7C15 % 2**62 for value in range(rows // 20)]
        found = _least(lambda: _of_package(part), 1)
    con.close()
    whole = {name: 20 * seconds for name, seconds in found.items()}
    lines.insert(3, {"what": "build", "of": "BIGINT", "who": "PyPI datasketches, value by value", **whole})
    same = min(states, _SAME)
    return {"threads": THREADS, "rows": rows, "states": states, "same": same, "runs": runs, "lines": lines}


def _least(run: Callable[[], object], runs: int) -> dict[str, float]:
    found = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {"seconds": min(wall for wall, _ in found), "cpu_seconds": min(cpu for _, cpu in found)}


def _of_package(values: list[int]) -> float:
    import datasketches

    sketch = datasketches.update_theta_sketch(12)
    for value in values:
        sketch.update(value)
    return float(sketch.get_estimate())
