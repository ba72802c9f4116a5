"""Cubic interpolation between DataSketches' published points (see NOTICE), the data files of the native extension."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Curve:
    """Points in ascending order of x."""

    xs: Sequence[float]
    ys: Sequence[float]

    def at(self, x: float) -> float:
        """Return the cubic through the four points around `x`, which must lie on the curve."""
        if x >= self.xs[-1]:
            return self.ys[-1]
        at_or_before = bisect_right(self.xs, x) - 1
        first = min(max(at_or_before - 1, 0), len(self.xs) - 4)
        return _lagrange(self.xs[first : first + 4], self.ys[first : first + 4], x)


def _lagrange(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    total = 0.0
    for i, (xi, yi) in enumerate(zip(xs, ys, strict=True)):
        numerator = denominator = 1.0
        for j, xj in enumerate(xs):
            if j != i:
                numerator *= x - xj
                denominator *= xi - xj
        total += yi * numerator / denominator
    return total


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file in `duckdb_sketch/data`, by the names in its first line."""
    with files("duckdb_sketch").joinpath("data", name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def coupon_curve() -> Curve:
    """Return the curve from the number of different coupons to the count, for coupons of 26 bits of address."""
    points = rows("hll_coupon_interpolation.csv")
    return Curve([float(point["x"]) for point in points], [float(point["y"]) for point in points])


@cache
def composite_curves() -> dict[int, Curve]:
    """Return, by lg_k, the curve from the raw estimate to the count."""
    curves = {}
    for row in rows("hll_composite_interpolation.csv"):
        lg_k, y_stride, *xs = row.values()
        curves[int(lg_k)] = Curve([float(x) for x in xs], [float(y_stride) * i for i in range(len(xs))])
    return curves
