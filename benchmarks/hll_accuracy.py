"""The error of HyperLogLog over the cardinality, by simulation: many sketches in one query.

Each trial is one growing set. Between two cardinalities its sketch is merged with that of the values in between, which
gives the sketch of all of them, so that a million values are hashed once and not once for every smaller cardinality.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.connection import connect
from benchmarks.progress import Progress
from benchmarks.scale import THREADS, Scale

LG_KS = range(8, 17)
_DEVIATIONS = (1, 2, 3)


def standard_error(lg_k: int) -> float:
    """HyperLogLog's relative standard error, 1.04 / sqrt(k) (Flajolet, Fusy, Gandouet and Meunier, 2007)."""
    return 1.04 / math.sqrt(1 << lg_k)


def measure_hll(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Relative standard error, bias and coverage, by lg_k and cardinality."""
    curves = {}
    for lg_k in LG_KS:
        trials = max(scale.hll_trials, scale.hll_registers >> lg_k)
        with progress.step(
            f"distinct counts: lg_k {lg_k}, {trials:,} sketches of up to {scale.hll_cardinality:,} values"
        ):
            curves[str(lg_k)] = _Simulation(lg_k, trials).run(cardinalities(scale))
    return {"cardinality": scale.hll_cardinality, "curves": curves}


def cardinalities(scale: Scale) -> list[int]:
    """From 1 up, evenly spaced on a logarithmic scale."""
    points = round(math.log10(scale.hll_cardinality) * scale.hll_points_per_decade) + 1
    return sorted({round(float(n)) for n in np.geomspace(1, scale.hll_cardinality, points)})


class _Simulation:
    """Independent sketches of one precision, all at the same cardinality."""

    def __init__(self, lg_k: int, trials: int) -> None:
        self.lg_k = lg_k
        self.trials = trials
        self.con = connect(THREADS)

    def run(self, cardinalities: list[int]) -> list[dict[str, float]]:
        self.con.execute("CREATE TABLE sketches (trial BIGINT, s BLOB)")
        points = []
        before = 0
        for cardinality in cardinalities:
            self._grow(before, cardinality)
            points.append(self._look(cardinality))
            before = cardinality
        return points

    def _grow(self, before: int, after: int) -> None:
        """Add the values from `before` to `after` to every trial. No two trials have a value in common."""
        self.con.execute(f"""
            CREATE OR REPLACE TABLE sketches AS
            SELECT trial, hll_union_agg(s) AS s
            FROM (
                SELECT trial, s FROM sketches
                UNION ALL
                SELECT trial, hll_sketch_agg(trial << 32 | i, {self.lg_k}) AS s
                FROM range({self.trials}) t(trial), range({before}, {after}) v(i) GROUP BY trial
            )
            GROUP BY trial
        """)

    def _look(self, n: int) -> dict[str, float]:
        covered = ", ".join(f"avg((b{d}.lower <= {n} AND {n} <= b{d}.upper)::INT)" for d in _DEVIATIONS)
        bounds = ", ".join(f"hll_sketch_bounds(s, {d}) AS b{d}" for d in _DEVIATIONS)
        ((bias, error, *coverage),) = self.con.execute(f"""
            SELECT avg(b1.estimate / {n} - 1), sqrt(avg((b1.estimate / {n} - 1) ** 2)), {covered}
            FROM (SELECT {bounds} FROM sketches)
        """).fetchall()
        return {
            "cardinality": n,
            "trials": self.trials,
            "error": error,
            "bias": bias,
            "bias_error": math.sqrt(max(error**2 - bias**2, 0) / self.trials),
            **{f"covered_{d}": share for d, share in zip(_DEVIATIONS, coverage, strict=True)},
        }
