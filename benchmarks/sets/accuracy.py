"""The error of unions, intersections and differences by how alike two sets are: theta, and HLL in two ways."""

from __future__ import annotations

from typing import Any

from benchmarks.connection import connect
from benchmarks.progress import Progress
from benchmarks.scale import THREADS

LIKENESSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0)
"""Jaccard indices."""
THETA, LIKELIHOOD, DIFFERENCE = "theta", "hll_intersection", "HLL, |A| + |B| - |A or B|"

_HLL_UNION = "hll_sketch_describe(hll_union(ha, hb)).estimate"
_ESTIMATES = {
    ("union", THETA): "theta_sketch_describe(theta_union(ta, tb)).estimate",
    ("union", DIFFERENCE): _HLL_UNION,
    ("intersection", THETA): "theta_sketch_describe(theta_intersection(ta, tb)).estimate",
    ("intersection", LIKELIHOOD): "hll_intersection(ha, hb).estimate",
    ("intersection", DIFFERENCE): f"{{a}} + {{b}} - {_HLL_UNION}",
    ("difference", THETA): "theta_sketch_describe(theta_difference(ta, tb)).estimate",
    ("difference", LIKELIHOOD): "{a} - hll_intersection(ha, hb).estimate",
    ("difference", DIFFERENCE): f"{_HLL_UNION} - {{b}}",
}
_BOUNDS = {
    ("union", THETA): "theta_sketch_bounds(theta_union(ta, tb), 2)",
    ("intersection", THETA): "theta_sketch_bounds(theta_intersection(ta, tb), 2)",
    ("intersection", LIKELIHOOD): "hll_intersection(ha, hb)",
    ("difference", THETA): "theta_sketch_bounds(theta_difference(ta, tb), 2)",
}


def measure_accuracy(values: int, trials: int, progress: Progress) -> dict[str, Any]:
    """Of two sets of that many values each, by likeness: the relative standard error, and how often bounds hold."""
    points = []
    for likeness in LIKENESSES:
        common = round(2 * values * likeness / (1 + likeness))
        with progress.step(f"likeness {likeness:g}: {trials} pairs of {values:,} values, {common:,} in common"):
            points.append({"likeness": likeness, "common": common, "found": _measure(values, common, trials)})
    return {"values": values, "trials": trials, "points": points}


def _measure(values: int, common: int, trials: int) -> list[dict[str, Any]]:
    truths = {"union": 2 * values - common, "intersection": common, "difference": values - common}
    alone = {name: f"hll_sketch_describe(h{name}).estimate" for name in "ab"}
    columns = []
    for (what, how), sql in _ESTIMATES.items():
        truth = truths[what]
        columns.append(f"sqrt(avg(({sql.format(**alone)} - {truth}) ** 2)) / greatest({truth}, 1)")
        bounds = _BOUNDS.get((what, how))
        columns.append(
            "NULL"
            if bounds is None
            else f"avg(({truth} BETWEEN b.lower AND b.upper)::INTEGER)".replace("b.", f"({bounds}).")
        )
    with connect(THREADS) as con:
        con.execute(
            f"""
            CREATE TABLE pairs AS
            SELECT theta_sketch_agg(v) FILTER (i < {values}) AS ta,
                   theta_sketch_agg(v) FILTER (i >= {values - common}) AS tb,
                   hll_sketch_agg(v) FILTER (i < {values}) AS ha,
                   hll_sketch_agg(v) FILTER (i >= {values - common}) AS hb
            FROM (SELECT g, i, g << 32 | i AS v FROM range({2 * values - common}) t(i), range({trials}) u(g)) GROUP BY g
            """
        )
        (found,) = con.execute(f"SELECT {', '.join(columns)} FROM pairs").fetchall()
    return [
        {"what": what, "how": how, "error": found[2 * i], "covered": found[2 * i + 1]}
        for i, (what, how) in enumerate(_ESTIMATES)
    ]
