"""How many values two HLL sketches have in common: the most likely number, by both their registers (Ertl 2017).

The same as in `extension/src/sketch/hll/intersection.rs` and `joint.rs`, which say why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.portable.coupon import coupon_slots, coupon_values
from duckdb_sketch.portable.estimator import estimate
from duckdb_sketch.portable.hll_image import HLL, HllImage, Registers
from duckdb_sketch.portable.interpolation import coupon_curve
from duckdb_sketch.portable.lg_k import common_lg_k

Doubles = NDArray[np.float64]

_DEVIATIONS = 2.0
_FALL = _DEVIATIONS * _DEVIATIONS / 2
_TAIL = 0.0228
_COUPON_ERROR = 0.409 / 8192
_EQUAL_BY_CHANCE = 1 / (3 * 2.0**26)
_LEAST_RATE, _GREATEST_RATE = 1e-3, 1e25
_GREATEST = 63
_VALUES = _GREATEST + 1
_MOST_STEPS = 60


def intersection(a: HllImage, b: HllImage, allow_different_lg_k: bool) -> dict[str, float]:
    """Return how many values both have counted, with bounds of two standard deviations.

    Raises:
        InvalidInputError: If they differ in lg_k and may not.
    """
    if a.is_empty or b.is_empty:
        return {"lower": 0.0, "estimate": 0.0, "upper": 0.0}
    lg_k = common_lg_k({a.lg_k, b.lg_k}, allow_different_lg_k)
    if HLL not in (a.mode, b.mode):
        return _of_coupons(a, b)
    counts = _Counts.of(_registers(a, lg_k), _registers(b, lg_k))
    return _Profile(counts, (estimate(a), estimate(b))).bounds()


def _of_coupons(a: HllImage, b: HllImage) -> dict[str, float]:
    common = len(np.intersect1d(a.coupons, b.coupons, assume_unique=True))
    by_chance = (len(a.coupons) - common) * (len(b.coupons) - common) * _EQUAL_BY_CHANCE
    at_most = 0.0 if by_chance <= _TAIL else by_chance + _DEVIATIONS * math.sqrt(by_chance) + 1
    count = coupon_curve().at(float(common))
    lower = max((count - at_most) / (1 + _DEVIATIONS * _COUPON_ERROR), 0.0)
    upper = count / (1 - _DEVIATIONS * _COUPON_ERROR)
    return {"lower": lower, "estimate": min(max(count - by_chance, lower), upper), "upper": upper}


def _registers(image: HllImage, lg_k: int) -> Registers:
    if image.mode == HLL:
        folded: Registers = image.registers.reshape(-1, 1 << lg_k).max(axis=0)
        return folded
    registers = np.zeros(1 << lg_k, np.uint8)
    np.maximum.at(registers, coupon_slots(image.coupons, lg_k), coupon_values(image.coupons))
    return registers


@dataclass(frozen=True)
class _Counts:
    """Registers side by side: how many pairs there are of each kind, by the value of a register."""

    registers: int
    z: Doubles
    """By value, the probability that a hash goes to one register and has a greater value."""
    lesser: tuple[Doubles, Doubles]
    greater: tuple[Doubles, Doubles]
    equal: Doubles

    @classmethod
    def of(cls, first: Registers, second: Registers) -> _Counts:
        def count(values: Registers) -> Doubles:
            return np.bincount(values, minlength=_VALUES).astype(np.float64)

        less, more, same = first < second, first > second, first == second
        values = np.minimum(np.arange(_VALUES), _GREATEST - 1)
        return cls(
            registers=len(first),
            z=0.5 ** values.astype(np.float64) / len(first),
            lesser=(count(first[less]), count(second[more])),
            greater=(count(first[more]), count(second[less])),
            equal=count(first[same]),
        )


@dataclass
class _Likelihood:
    """The logarithm of a likelihood, with its first and second derivatives by the rates."""

    log: float
    slope: Doubles
    curve: Doubles


@dataclass(frozen=True)
class _Place:
    """A place on the profile."""

    log: float
    slope: float
    rates: tuple[float, float, float]


_BELOW = np.arange(_VALUES) < _GREATEST
_ABOVE = np.arange(_VALUES) > 0


def _likelihood(counts: _Counts, rates: tuple[float, float, float]) -> _Likelihood:
    found = _Likelihood(0.0, np.zeros(3), np.zeros((3, 3)))
    for sketch in (0, 1):
        _add_registers(found, counts.lesser[sketch], counts.z, [sketch, 2], rates)
        _add_registers(found, counts.greater[sketch], counts.z, [sketch], rates)
    _add_equal(found, counts.equal, counts.z, rates)
    return found


def _add_registers(
    found: _Likelihood, count: Doubles, z: Doubles, of: list[int], rates: tuple[float, float, float]
) -> None:
    rate = sum(rates[i] for i in of)
    found.log -= float((count * z)[_BELOW].sum()) * rate
    slope = -float((count * z)[_BELOW].sum())
    there = (count > 0) & _ABOVE
    count, z = count[there], z[there]
    missed = -np.expm1(-rate * z)
    odds = np.exp(-rate * z) / missed
    found.log += float((count * np.log(missed)).sum())
    slope += float((count * z * odds).sum())
    found.slope[of] += slope
    found.curve[np.ix_(of, of)] -= float((count * z * z * odds * (1 + odds)).sum())


def _add_equal(found: _Likelihood, count: Doubles, z: Doubles, rates: tuple[float, float, float]) -> None:
    below = float((count * z)[_BELOW].sum())
    found.log -= below * sum(rates)
    found.slope -= below
    there = (count > 0) & _ABOVE
    count, z = count[there], z[there]
    a, b, x = (rate * z for rate in rates)
    first, second, none = np.exp(-a - x), np.exp(-b - x), np.exp(-a - b - x)
    both = np.expm1(-a - x) * np.expm1(-b - x) - none * np.expm1(-x)
    only_first, only_second = -first * np.expm1(-b), -second * np.expm1(-a)
    slopes = [z * slope / both for slope in (only_first, only_second, first + only_second)]
    curves = [
        [-only_first, none, -only_first],
        [none, -only_second, -only_second],
        [-only_first, -only_second, -first - only_second],
    ]
    found.log += float((count * np.log(both)).sum())
    for i in range(3):
        found.slope[i] += float((count * slopes[i]).sum())
        for j in range(3):
            found.curve[i, j] += float((count * (z * z * curves[i][j] / both - slopes[i] * slopes[j])).sum())


def _rate(rate: float) -> float:
    return min(max(rate, _LEAST_RATE), _GREATEST_RATE)


@dataclass(frozen=True)
class _Profile:
    """The likelihood by the number of values in common, with whatever else makes it greatest."""

    counts: _Counts
    sizes: tuple[float, float]

    def bounds(self) -> dict[str, float]:
        none = self._at(0.0, self.sizes)
        most = max(min(self.sizes), 1.0) * (1 + 10 / math.sqrt(self.counts.registers)) + 10
        best = none if none.slope <= 0 else self._root(none, most, lambda place: place.slope)

        def is_out(place: _Place) -> float:
            return place.log - (best.log - _FALL)

        lower = 0.0 if is_out(none) >= 0 else self._root(best, 0.0, is_out).rates[2]
        upper = self._root(best, most, is_out).rates[2]
        middle = best.rates[2]
        return {"lower": min(lower, middle), "estimate": middle, "upper": max(upper, middle)}

    def _root(self, above: _Place, end: float, function: Callable[[_Place], float]) -> _Place:
        value_above = function(above)
        below = self._from(end, above)
        value_below = function(below)
        if value_below >= 0:
            return below
        stayed = 0
        for _ in range(_MOST_STEPS):
            left, right = above.rates[2], below.rates[2]
            if abs(right - left) <= 1e-7 * max(left, right) + 1e-6:
                break
            part = min(max(value_above / (value_above - value_below), 0.01), 0.99)
            place = self._from(left + part * (right - left), above)
            value = function(place)
            if value >= 0:
                above, value_above = place, value
                stayed = max(stayed, 0) + 1
                value_below *= 0.5 if stayed > 1 else 1.0
            else:
                below, value_below = place, value
                stayed = min(stayed, 0) - 1
                value_above *= 0.5 if stayed < -1 else 1.0
        return above

    def _from(self, common: float, near: _Place) -> _Place:
        a, b, x = near.rates
        return self._at(common, (a + x, b + x))

    def _at(self, common: float, sizes: tuple[float, float]) -> _Place:
        alone = [_rate(max(size - common, size * 0.01)) for size in sizes]
        here = _likelihood(self.counts, (alone[0], alone[1], common))
        damping = 1e-6
        for _ in range(_MOST_STEPS):
            following = _newton(alone, here, damping)
            there = _likelihood(self.counts, (following[0], following[1], common))
            gain = there.log - here.log
            if gain < 0:
                damping = max(damping * 10, 1e-2)
                if damping > 1e9:
                    break
                continue
            alone, here = following, there
            damping *= 0.1
            if gain < 1e-9:
                break
        return _Place(here.log, float(here.slope[2]), (alone[0], alone[1], common))


def _newton(alone: list[float], here: _Likelihood, damping: float) -> list[float]:
    """Return the next rates: a step on their logarithms, damped where it does not climb (Levenberg, 1944)."""
    slope = [alone[i] * float(here.slope[i]) for i in (0, 1)]
    own = [alone[i] * alone[i] * float(here.curve[i, i]) + slope[i] for i in (0, 1)]
    diagonal = [max(-own[i], 1e-9) * (1 + damping) for i in (0, 1)]
    beside = -alone[0] * alone[1] * float(here.curve[0, 1])
    determinant = diagonal[0] * diagonal[1] - beside * beside
    if determinant > 1e-6 * diagonal[0] * diagonal[1]:
        step = [
            (slope[0] * diagonal[1] - slope[1] * beside) / determinant,
            (slope[1] * diagonal[0] - slope[0] * beside) / determinant,
        ]
    else:
        step = [slope[0] / diagonal[0], slope[1] / diagonal[1]]
    return [_rate(alone[i] * math.exp(min(max(step[i], -3.0), 3.0))) for i in (0, 1)]
