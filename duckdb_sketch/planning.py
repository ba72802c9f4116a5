"""What precision costs: lg_k and bins for an error, and the bytes of a rollup."""

from __future__ import annotations

import math
from dataclasses import dataclass

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.values import ApproxHistogram, HllSketch

LG_K = range(4, 22)
RANK_ERRORS = {10: 0.1, 20: 0.035, 30: 0.015, 50: 0.01, 100: 0.0025, 200: 0.002, 400: 0.0015}
"""By bins, the largest error of rank that docs/CHOOSING.md measured, rounded up; with 50, what it says of gaps."""

_LARGEST_SAMPLE = 1_000_000  # a sketch of more values has no more bytes but for a few


@dataclass(frozen=True)
class Plan:
    """The precision that an error asks for, and what a rollup takes."""

    lg_k: int
    standard_error: float
    """Relative, of distinct counts: 68 % lie within it, 95 % within twice as much."""
    bins: int
    rank_error: float
    """The largest that was measured."""
    uniques_a_row: int
    """Different values in one row of the rollup, as expected."""
    distinct_bytes: int
    """Of the HLL state of such a row."""
    distribution_bytes: int
    """Of its histogram."""
    rows: int
    rollup_rows: int
    raw_bytes: int
    rollup_bytes: int

    @property
    def reduction(self) -> float:
        """How many times smaller the rollup is than the raw rows."""
        return self.raw_bytes / self.rollup_bytes


def plan(
    *, error: float, rank_error: float, uniques: int, rows: int, rollup_rows: int, raw_row: int, key_bytes: int
) -> Plan:
    """Choose lg_k and bins, and measure what states of such rows take.

    Args:
        error: The relative standard error that distinct counts may have, 0 to 1.
        rank_error: The error of rank that quantiles may have, 0 to 1.
        uniques: Different values in all raw rows. They are taken to be spread evenly over the rollup's rows.
        rows: Raw rows.
        rollup_rows: Rows of the rollup: its buckets of time times its dimensions' combinations.
        raw_row: Bytes of a raw row.
        key_bytes: Bytes of a rollup's row beside its two sketches: time, dimensions, sums.

    Raises:
        InvalidInputError: If no precision has so small an error, or a number is out of range.
    """
    numbers = {"uniques": uniques, "rows": rows, "rollup-rows": rollup_rows, "raw-row": raw_row}
    for name, number in numbers.items():
        if number < 1:
            raise InvalidInputError(f"{name} is {number}, and must be at least 1")
    if rollup_rows > rows:
        raise InvalidInputError(f"the rollup has {rollup_rows:,} rows, and cannot have more than the {rows:,} raw rows")
    lg_k = _lg_k(error)
    bins = _bins(rank_error)
    values = rows / rollup_rows
    uniques_a_row = _expected_uniques(uniques, values)
    distinct = HllSketch.from_values(range(min(uniques_a_row, _LARGEST_SAMPLE)), lg_k)
    distribution = ApproxHistogram.from_values(_prices(min(math.ceil(values), 20 * bins)), bins)
    distinct_bytes, distribution_bytes = len(bytes(distinct)), len(bytes(distribution))
    return Plan(
        lg_k=lg_k,
        standard_error=_standard_error(lg_k),
        bins=bins,
        rank_error=RANK_ERRORS[bins],
        uniques_a_row=uniques_a_row,
        distinct_bytes=distinct_bytes,
        distribution_bytes=distribution_bytes,
        rows=rows,
        rollup_rows=rollup_rows,
        raw_bytes=rows * raw_row,
        rollup_bytes=rollup_rows * (key_bytes + distinct_bytes + distribution_bytes),
    )


def _standard_error(lg_k: int) -> float:
    """1.04 / sqrt(k) (Flajolet, Fusy, Gandouet and Meunier, 2007)."""
    return 1.04 / math.sqrt(1 << lg_k)


def _lg_k(error: float) -> int:
    for lg_k in LG_K:
        if _standard_error(lg_k) <= error:
            return lg_k
    least = _standard_error(LG_K[-1])
    raise InvalidInputError(f"error is {error:g}, and {least:.4f} is the least, with lg_k {LG_K[-1]}")


def _bins(rank_error: float) -> int:
    for bins, measured in RANK_ERRORS.items():
        if measured <= rank_error:
            return bins
    bins, least = list(RANK_ERRORS.items())[-1]
    raise InvalidInputError(f"rank-error is {rank_error:g}, and {least:g} is the least measured, with {bins} bins")


def _expected_uniques(uniques: int, values: float) -> int:
    """Different ones among so many values drawn from `uniques` that are equally frequent."""
    return max(1, round(-uniques * math.expm1(values * math.log1p(-1 / uniques)))) if uniques > 1 else 1


def _prices(count: int) -> list[float]:
    """Skewed numbers, all different: the more digits they have, the more bytes a histogram takes."""
    return [math.exp(3 * (i + 0.5) / count) * 10 for i in range(count)]
