"""What is read off a histogram: counts, quantiles and buckets. See "What is read off" in `docs/STORAGE.md`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.histogram import Histogram
from duckdb_sketch.portable.piece import between
from duckdb_sketch.portable.ranks import ranks_of

GREATEST_BUCKETS = 1 << 20
"""Of equi_width and equi_depth: what they return must not take memory that the histogram does not justify."""

_ROUNDING = 2.0**-50
"""A rank within this part of the count of a whole number is that number."""

Bucket = dict[str, float]


def count_below(histogram: Histogram, x: float) -> float:
    """Return the number of values <= x (the paper's *sum*); 0 if there are none.

    Raises:
        InvalidInputError: If x is NaN.
    """
    if math.isnan(x):
        raise InvalidInputError("x is NaN, and must be a number")
    return 0.0 if histogram.is_empty else ranks_of(histogram).at(x)


def cdf(histogram: Histogram, x: float) -> float | None:
    """Return the fraction of values <= x; None if there are none.

    Raises:
        InvalidInputError: If x is NaN.
    """
    below = count_below(histogram, x)
    return None if histogram.is_empty else below / histogram.count


def quantile(histogram: Histogram, q: float) -> float | None:
    """Return the least x with `count_below(x) >= q N`; None if there are no values.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    rank = rank_of(histogram, q)
    return None if histogram.is_empty else ranks_of(histogram).value_of(rank)


def equi_width(histogram: Histogram, n: int) -> list[Bucket]:
    """Return n buckets of one width from the minimum to the maximum; one if these are equal, none of no values.

    Raises:
        InvalidInputError: If n is less than 1, or too many.
    """
    _check_buckets(n)
    if histogram.is_empty:
        return []
    if histogram.min == histogram.max:
        n = 1
    edges = [between(histogram.min, histogram.max, i / n) for i in range(n)] + [histogram.max]
    return _buckets(histogram, edges)


def equi_depth(histogram: Histogram, n: int) -> list[Bucket]:
    """Return n buckets of equal count from the minimum to the maximum (the paper's *uniform*); none of no values.

    Raises:
        InvalidInputError: If n is less than 1, or too many.
    """
    _check_buckets(n)
    if histogram.is_empty:
        return []
    ranks = ranks_of(histogram)
    inner = [ranks.value_of(rank_of(histogram, i / n)) for i in range(1, n)]
    edges = [histogram.min, *inner, histogram.max]
    depth = ranks.total / n
    return [{"lower": lower, "upper": upper, "count": depth} for lower, upper in _pairs(edges)]


def buckets(histogram: Histogram, edges: Sequence[float | None]) -> list[Bucket]:
    """Return the buckets between edges, each with its upper edge, the first with its lower edge, too.

    Raises:
        InvalidInputError: Unless there are two edges or more, strictly ascending.
    """
    checked = [edge for edge in edges if edge is not None]
    if len(checked) < len(edges):
        raise InvalidInputError("an edge is NULL, and must be a number")
    if len(checked) < 2:
        raise InvalidInputError(f"{len(checked)} edges were given, and a bucket has two")
    for lower, upper in _pairs(checked):
        if not lower < upper:
            raise InvalidInputError(
                f"the edges are out of order: {lower} does not come before {upper}; "
                "they must be numbers in ascending order"
            )
    if histogram.is_empty:
        return [{"lower": lower, "upper": upper, "count": 0.0} for lower, upper in _pairs(checked)]
    return _buckets(histogram, checked)


def _buckets(histogram: Histogram, edges: Sequence[float]) -> list[Bucket]:
    ranks = ranks_of(histogram)
    reached = [ranks.strictly_below(edges[0]), *(ranks.at(edge) for edge in edges[1:])]
    return [
        {"lower": lower, "upper": upper, "count": max(above - below, 0.0)}
        for (lower, upper), (below, above) in zip(_pairs(edges), _pairs(reached), strict=True)
    ]


def rank_of(histogram: Histogram, q: float) -> float:
    """Return `q N`; a whole number if it is one but for rounding."""
    if not 0 <= q <= 1:
        raise InvalidInputError(f"q is {q}, and must be from 0 to 1")
    rank = q * histogram.count
    nearest = float(round(rank))
    return nearest if abs(rank - nearest) <= histogram.count * _ROUNDING else rank


def _check_buckets(n: int) -> None:
    if not 1 <= n <= GREATEST_BUCKETS:
        raise InvalidInputError(f"the number of buckets is {n}, and must be from 1 to {GREATEST_BUCKETS}")


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))
