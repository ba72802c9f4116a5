"""What precision costs: lg_k, lg_nom_entries, bins and max_items for an error, and the bytes of a rollup."""

from __future__ import annotations

import math
from dataclasses import dataclass

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import Family, Precision
from duckdb_sketch.families.histogram import HISTOGRAM
from duckdb_sketch.families.hll import HLL
from duckdb_sketch.families.theta import THETA
from duckdb_sketch.families.top_k import MOST_ITEMS, count_error
from duckdb_sketch.families.top_k import state_bytes as bytes_of_items
from duckdb_sketch.values.session import row

_LARGEST_SAMPLE = 1_000_000  # a sketch of more values has no more bytes but for a few


@dataclass(frozen=True)
class Sizing:
    """The precision that an error asks for, and what a rollup takes."""

    lg_k: int
    standard_error: float
    """Relative, of distinct counts: 68 % lie within it, 95 % within twice as much."""
    lg_nom_entries: int
    theta_error: float
    """As `standard_error`, of theta sketches."""
    bins: int
    rank_error: float
    """The largest that was measured."""
    max_items: int
    count_error: float
    """By how much the count of a frequent item may be too high, as a part of all values."""
    uniques_a_row: int
    """Distinct values in one row of the rollup, as expected."""
    distinct_bytes: int
    """Of the HLL state of such a row."""
    theta_bytes: int
    """Of a theta sketch in its place, for intersections and differences."""
    distribution_bytes: int
    """Of its histogram."""
    items_bytes: int
    """Of its frequent items, if they are BIGINTs."""
    rows: int
    rollup_rows: int
    raw_bytes: int
    rollup_bytes: int
    """With an HLL sketch and a histogram in each row."""

    @property
    def reduction(self) -> float:
        """How many times smaller the rollup is than the raw rows."""
        return self.raw_bytes / self.rollup_bytes


def size_rollup(
    *,
    error: float,
    rank_error: float,
    item_error: float,
    uniques: int,
    rows: int,
    rollup_rows: int,
    raw_row: int,
    key_bytes: int,
) -> Sizing:
    """Choose the precision of each family, and measure what states of such rows take.

    Args:
        error: The relative standard error that distinct counts may have, 0 to 1.
        rank_error: The rank error that quantiles may have, 0 to 1.
        item_error: By how much counts of frequent items may be too high, as a part of all values, above 0 to 1.
        uniques: Distinct values in all raw rows. They are taken to be spread evenly over the rollup's rows.
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
    lg_k, standard_error = _least(HLL, error, "error")
    lg_nom_entries, theta_error = _least(THETA, error, "error")
    bins, largest_rank_error = _least(HISTOGRAM, rank_error, "rank-error")
    max_items = _least_items(item_error)
    values = rows / rollup_rows
    uniques_a_row = _expected_uniques(uniques, values)
    distinct_bytes = state_bytes(HLL, lg_k, min(uniques_a_row, _LARGEST_SAMPLE))
    distribution_bytes = state_bytes(HISTOGRAM, bins, min(math.ceil(values), 20 * bins))
    return Sizing(
        lg_k=lg_k,
        standard_error=standard_error,
        lg_nom_entries=lg_nom_entries,
        theta_error=theta_error,
        bins=bins,
        rank_error=largest_rank_error,
        max_items=max_items,
        count_error=count_error(max_items),
        uniques_a_row=uniques_a_row,
        distinct_bytes=distinct_bytes,
        theta_bytes=state_bytes(THETA, lg_nom_entries, min(uniques_a_row, _LARGEST_SAMPLE)),
        distribution_bytes=distribution_bytes,
        items_bytes=bytes_of_items(min(uniques_a_row, max_items)),
        rows=rows,
        rollup_rows=rollup_rows,
        raw_bytes=rows * raw_row,
        rollup_bytes=rollup_rows * (key_bytes + distinct_bytes + distribution_bytes),
    )


def state_bytes(family: Family, precision: int, values: int) -> int:
    """The bytes of a state of that many distinct values, measured.

    Raises:
        InvalidInputError: If nothing is known of what the precision of this family may be.
    """
    known = _precision(family)
    state = family.build.call("x", *([str(precision)] if known.adjustable else []))
    (found,) = row(f"SELECT octet_length({state}) FROM ({known.values.format(n=values)})")
    return int(found)


def _precision(family: Family) -> Precision:
    if family.precision is None:
        raise InvalidInputError(f"there is no table of errors for {family.plural}")
    return family.precision


def _least(family: Family, error: float, option: str) -> tuple[int, float]:
    """The least precision of a family whose error is no greater, and that error."""
    known = _precision(family)
    for precision, its_error in known.errors.items():
        if its_error <= error:
            return precision, its_error
    precision, its_error = list(known.errors.items())[-1]
    raise InvalidInputError(
        f"{option} is {error:g}, and {its_error:.4f} is {known.least}, with {known.written.format(precision)}"
    )


def _least_items(error: float) -> int:
    """The least number of items whose counts are off by no more."""
    if not count_error(MOST_ITEMS) <= error <= 1:
        raise InvalidInputError(
            f"item-error is {error:g}, and must be from {count_error(MOST_ITEMS):g}, with {MOST_ITEMS:,} items, to 1"
        )
    return next(items for items in range(math.floor(2 / error), MOST_ITEMS + 1) if count_error(items) <= error)


def _expected_uniques(uniques: int, values: float) -> int:
    """Distinct ones among that many values drawn from `uniques` that are equally frequent."""
    return max(1, round(-uniques * math.expm1(values * math.log1p(-1 / uniques)))) if uniques > 1 else 1
