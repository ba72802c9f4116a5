"""How far off the estimate of a theta sketch may be, as DataSketches computes it: the same here and there."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.interpolation import rows
from duckdb_sketch.portable.theta_image import ThetaImage

_FEW = 120
"""Of that many entries and fewer the binomial distribution is not a normal one."""
_SUMMED_UP_TO = 360.0
"""Up to so high an estimate the distribution is summed up; beyond, the normal one of other deviations is close."""
_NEARLY_ALL = 1 - 1e-5
_TAILS = (0.1586553191586026479, 0.0227502618904135701, 0.0013498126861731796)
"""What lies beyond 1, 2 and 3 standard deviations, on one side."""
_COEFFICIENTS = (0.0705230784, 0.0422820123, 0.0092705272, 0.0001520143, 0.0002765672, 0.0000430638)


def bounds(image: ThetaImage, num_std_dev: int) -> dict[str, float]:
    """Return lower bound, estimate and upper bound: 1 covers 68 %, 2 covers 95.4 %, 3 covers 99.7 %.

    Raises:
        InvalidInputError: Unless `num_std_dev` is 1, 2 or 3.
    """
    if not 1 <= num_std_dev <= 3:
        raise InvalidInputError(f"num_std_dev is {num_std_dev}, and must be 1, 2 or 3")
    count, theta, estimate = len(image.entries), image.fraction, image.estimate
    if not image.is_sample:
        return {"lower": estimate, "estimate": estimate, "upper": estimate}
    lower = min(max(_lower(count, theta, num_std_dev), float(count)), estimate)
    return {"lower": lower, "estimate": estimate, "upper": max(_upper(count, theta, num_std_dev), estimate)}


def bounds_of_proportion(successes: int, sampled: int, fraction: float) -> tuple[float, float, float]:
    """Return lower bound, estimate and upper bound of a proportion of which `fraction` of all is sampled.

    Two standard deviations, after Clopper and Pearson.
    """
    if sampled == 0:
        return 0.0, 0.5, 1.0
    estimate = successes / sampled
    if fraction == 1:
        return estimate, estimate, estimate
    left_out = math.sqrt(1 - fraction)
    deviations = 2 * (left_out if fraction <= 0.5 else left_out + 0.01 * (fraction - 0.5))
    return (
        _lower_proportion(successes, sampled, deviations),
        estimate,
        _upper_proportion(successes, sampled, deviations),
    )


def _lower(count: int, theta: float, deviations: int) -> float:
    tail = _TAILS[deviations - 1]
    if count == 0:
        return 0.0
    if count == 1:
        return math.floor(math.log1p(-tail) / math.log1p(-theta)) if theta < 1 else 0.0
    if count > _FEW:
        return _normal(count - 0.5, theta, -deviations) - 0.5
    if theta > _NEARLY_ALL:
        return count
    if theta < count / _SUMMED_UP_TO:
        return _normal(count - 0.5, theta, -_equivalent(count, "lower", deviations)) - 0.5
    return _trials(count, theta, lambda total: total > tail) - 1


def _upper(count: int, theta: float, deviations: int) -> float:
    tail = _TAILS[deviations - 1]
    if count == 0:
        return math.ceil(math.log(tail) / math.log1p(-theta)) if theta < 1 else 0.0
    if count > _FEW:
        return _normal(count + 0.5, theta, deviations) + 0.5
    if theta > _NEARLY_ALL:
        return count + 1
    if theta < count / _SUMMED_UP_TO:
        return _normal(count + 0.5, theta, _equivalent(count, "upper", deviations)) + 0.5
    return _trials(count + 1, theta, lambda total: total >= 1 - tail)


def _normal(count: float, theta: float, deviations: float) -> float:
    """Return how many values there are if that many entries are that many standard deviations from what is expected."""
    width = deviations * math.sqrt((1 - theta) / theta)
    estimate = count / theta
    return estimate + width * width / 2 + width / 2 * math.sqrt(width * width + 4 * estimate)


def _trials(successes: int, probability: float, is_reached: Callable[[float], bool]) -> float:
    """Return after how many trials the probability of that many successes is reached."""
    last = total = probability**successes
    trials = float(successes)
    while not is_reached(total):
        last *= (1 - probability) * trials / (trials + 1 - successes)
        total += last
        trials += 1
    return trials


@cache
def _table() -> list[dict[str, str]]:
    return list(rows("theta_equivalent_deviations.csv"))


def _equivalent(count: int, side: str, deviations: int) -> float:
    return float(_table()[count - 1][f"{side}{deviations}"])


def _lower_proportion(k: int, n: int, deviations: float) -> float:
    if k == 0:
        return 0.0
    if k == 1:
        return 1 - math.pow(1 - _tail(deviations), 1 / n)
    if k == n:
        return math.pow(_tail(deviations), 1 / n)
    return 1 - _inverse_beta(n - k + 1, k, -deviations)


def _upper_proportion(k: int, n: int, deviations: float) -> float:
    if k == n:
        return 1.0
    if k == n - 1:
        return math.pow(1 - _tail(deviations), 1 / n)
    if k == 0:
        return 1 - math.pow(_tail(deviations), 1 / n)
    return 1 - _inverse_beta(n - k, k + 1, deviations)


def _inverse_beta(a: float, b: float, y: float) -> float:
    """Abramowitz and Stegun, 26.5.22: where the incomplete beta function is what lies beyond `y` deviations."""
    by_a, by_b = 1 / (2 * a - 1), 1 / (2 * b - 1)
    h = 2 / (by_a + by_b)
    lam = (y * y - 3) / 6
    w = y * math.sqrt(h + lam) / h - (by_b - by_a) * (lam + 5 / 6 - 2 / (3 * h))
    return a / (a + b * math.exp(2 * w))


def _tail(deviations: float) -> float:
    """Abramowitz and Stegun, 7.1.28: what of a normal distribution lies beyond that many deviations, on one side."""
    x, total = deviations / math.sqrt(2), 0.0
    for coefficient in reversed(_COEFFICIENTS):
        total = (total + coefficient) * x
    return 0.5 * math.pow(1 + total, -16)
