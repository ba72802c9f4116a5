"""How many distinct values an HLL image counted, and how far off that may be.

DataSketches' own estimators, so that the same bytes give the same number there and here.
"""

from __future__ import annotations

import math
from functools import cache

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.hll_image import HLL, HllImage
from duckdb_sketch.portable.interpolation import composite_curves, coupon_curve, rows

_COUPON_ERROR = 0.409 / 8192
"""DataSketches' relative standard error of the coupon estimator."""
_HIP_FACTOR = 0.8325546
"""sqrt(ln 2), as DataSketches rounds it: the relative error of HIP times sqrt(k)."""
_MERGED_FACTOR = 1.03896
"""sqrt(3 ln 2 - 1), likewise: of merged sketches."""
_GREATEST_MEASURED_LG_K = 12
"""Up to here the quantiles of the error were measured; beyond, the normal approximation holds."""
_GREATEST_BIGINT = (1 << 63) - 1


def estimate(image: HllImage) -> float:
    """Return the estimate: HIP where the image carries it, else by coupons or composite."""
    if image.mode != HLL:
        count = len(image.coupons)
        return max(coupon_curve().at(count), float(count))
    return _composite(image) if image.out_of_order else image.hip


def rounded_estimate(image: HllImage) -> int:
    """Return the estimate, rounded half away from zero, within BIGINT."""
    exact = estimate(image)
    below = math.floor(exact)
    return min(below + (exact - below >= 0.5), _GREATEST_BIGINT)


def bounds(image: HllImage, num_std_dev: int) -> dict[str, float]:
    """Return lower bound, estimate and upper bound: 1 covers 68 %, 2 covers 95.4 %, 3 covers 99.7 %.

    Raises:
        InvalidInputError: Unless `num_std_dev` is 1, 2 or 3.
    """
    if not 1 <= num_std_dev <= 3:
        raise InvalidInputError(f"num_std_dev is {num_std_dev}, and must be 1, 2 or 3")
    middle, at_least = estimate(image), float(image.occupied)
    if image.mode == HLL:
        lower_error, upper_error = _relative_errors(image.lg_k, not image.out_of_order, num_std_dev)
        upper = middle / (1 + upper_error)
        # The estimate of a damaged image may be below its number of registers.
        return {"lower": max(middle / (1 + lower_error), min(at_least, middle)), "estimate": middle, "upper": upper}
    center, error = coupon_curve().at(at_least), num_std_dev * _COUPON_ERROR
    lower, upper = center / (1 + error), center / (1 - error)
    return {"lower": max(lower, at_least), "estimate": middle, "upper": max(upper, at_least)}


def _composite(image: HllImage) -> float:
    """Return the estimate of merged sketches: the raw one, corrected, and linear counting where that is better.

    The thresholds are DataSketches' own (`HllArray::getCompositeEstimate`), measured where the two errors cross.
    """
    k = float(1 << image.lg_k)
    raw = _raw(image)
    curve = composite_curves()[image.lg_k]
    if raw < curve.xs[0]:
        return 0.0
    if raw > curve.xs[-1]:
        return raw * (curve.ys[-1] / curve.xs[-1])
    adjusted = curve.at(raw)
    if adjusted > 3 * k:
        return adjusted
    linear = _linear_counting(1 << image.lg_k, image.summary.unhit)
    crossover = {4: 0.718, 5: 0.672}.get(image.lg_k, 0.64)
    # The mean of both is compared: less biased than either.
    return adjusted if (adjusted + linear) / 2 > crossover * k else linear


def _raw(image: HllImage) -> float:
    """Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007), figure 3."""
    k = float(1 << image.lg_k)
    correction = {4: 0.673, 5: 0.697, 6: 0.709}.get(image.lg_k) or 0.7213 / (1 + 1.079 / k)
    return correction * k * k / (image.summary.kxq0 + image.summary.kxq1)


def _linear_counting(k: int, unhit: int) -> float:
    """Return how many balls were thrown, in expectation, if that many of k bins are empty: the coupon collector."""
    if unhit == 0:
        return k * math.log(k / 0.5)
    return k * (_harmonic(k) - _harmonic(unhit))


def _harmonic(n: int) -> float:
    if n < 25:
        return math.fsum(1 / i for i in range(1, n + 1))
    # Euler and Maclaurin: the terms left out are below the precision of a double from 25 on.
    square = 1.0 / (float(n) * n)
    tail = square * (-1 / 12 + square * (1 / 120 + square * (-1 / 252 + square / 240)))
    euler_mascheroni = 0.5772156649015329
    return math.log(n) + euler_mascheroni + 0.5 / n + tail


@cache
def _measured_errors() -> dict[tuple[int, bool, str], list[float]]:
    return {
        (int(row["lg_k"]), row["hip"] == "1", row["side"]): [float(row[f"sd{i}"]) for i in (1, 2, 3)]
        for row in rows("hll_relative_error.csv")
    }


def _relative_errors(lg_k: int, hip: bool, num_std_dev: int) -> tuple[float, float]:
    """Return that of the lower bound, positive, and that of the upper, negative."""
    if lg_k > _GREATEST_MEASURED_LG_K:
        error = num_std_dev * (_HIP_FACTOR if hip else _MERGED_FACTOR) / math.sqrt(1 << lg_k)
        return error, -error
    measured = _measured_errors()
    lower, upper = (measured[lg_k, hip, side][num_std_dev - 1] for side in ("lower", "upper"))
    return lower, upper
