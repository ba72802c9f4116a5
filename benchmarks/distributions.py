"""The eight distributions that a histogram is tried on, and what a rank error is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SEED = 2010
# 0.1 % … 0.9 %, 1 % … 99 %, 99.1 % … 99.9 %: 117 of them.
QUANTILES: Floats = np.concatenate([np.arange(1, 10), np.arange(10, 1000, 10), np.arange(991, 1000)]) / 1000


def distributions(size: int) -> dict[str, Floats]:
    """`size` values of each, by name, in the order in which they are fed.

    In parentheses the sigma of the lognormal and the exponent of the Pareto distribution.
    """
    rng = np.random.default_rng(SEED)
    two_peaks = np.concatenate([rng.normal(0, 1, size // 2), rng.normal(1000, 5, size - size // 2)])
    ordered = np.sort(rng.lognormal(0, 1, size))
    return {
        "uniform": rng.random(size),
        "normal": rng.normal(0, 1, size),
        "lognormal (2)": rng.lognormal(0, 2, size),
        "Pareto (1.1)": rng.pareto(1.1, size) + 1,
        "bimodal": rng.permutation(two_peaks),
        "cents": np.round(rng.lognormal(1, 1, size), 2),
        "sorted": ordered,
        "reverse-sorted": ordered[::-1].copy(),
    }


def rank_errors(values: Floats, quantiles: Floats, estimates: Floats) -> Floats:
    """How far each quantile is from the ranks that its estimate x has: the interval [P(X < x), P(X <= x)].

    Args:
        values: All of them, in ascending order.
        quantiles: The ranks that were asked for, 0 to 1.
        estimates: The answers.
    """
    below = np.searchsorted(values, estimates, side="left") / len(values)
    not_above = np.searchsorted(values, estimates, side="right") / len(values)
    return np.maximum(np.maximum(below - quantiles, quantiles - not_above), 0.0)


def true_quantiles(values: Floats, quantiles: Floats) -> Floats:
    """The least value of at least that rank, from all values in ascending order."""
    ranks = np.ceil(quantiles * len(values) - 1e-9).astype(int)
    return np.asarray(values[np.clip(ranks - 1, 0, len(values) - 1)])
