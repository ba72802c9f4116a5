"""Frequent items in the bytes of Apache DataSketches: which values come most often, and how often."""

from __future__ import annotations

from typing import NamedTuple

from duckdb_sketch.families.family import Aggregate, Answer, Family
from duckdb_sketch.families.reading import Ranking
from duckdb_sketch.families.record import BigInt, Integer, Varchar


class TopKDescription(NamedTuple):
    """What a sketch of frequent items is: the columns of `approx_top_k_describe`."""

    item_type: Varchar | None
    """The SQL type of its items; None if it has seen none, and nothing is known of those that may come."""
    max_items: Integer
    """How many items it counts at most."""
    items: BigInt
    """How many it counts."""
    total: BigInt
    """How many values it has seen, NULLs among them."""
    nulls: BigInt
    """How many of them were NULL."""
    max_error: BigInt
    """How much too high a count may be, and how often an item may have come that is not counted."""
    bytes: BigInt


MOST_ITEMS = 1_000_000
"""The most that `max_items` may be."""


def count_error(max_items: int) -> float:
    """By how much a count may be too high, as a part of all values that a sketch has seen: its guarantee."""
    return 2 / max_items


def state_bytes(items: int) -> int:
    """The bytes of a sketch that counts that number of items of eight bytes each (`docs/STORAGE.md`)."""
    return 40 + 16 * items


# As DuckDB's own aggregate answers: values that are not NULL, and NULL if there are none.
_MOST_FREQUENT = Answer(
    "nullif(list_transform(list_filter(approx_top_k_estimate({state}, {0} + 1), lambda e: e.item IS NOT NULL)[:{0}], "
    "lambda e: e.item), []::VARCHAR[])",
    argument="count",
)

TOP_K = Family(
    name="top_k",
    title="frequent items",
    plural="sketches of frequent items",
    magic=tuple(bytes((preamble, 1, 10)) for preamble in (1, 4)),
    build=Aggregate("approx_top_k_accumulate", "VARCHAR", default="10000", weighted=True),
    union=Aggregate("approx_top_k_combine", "BLOB"),
    pair="approx_top_k_union({a}, {b})",
    describe="approx_top_k_describe({state})",
    is_empty="about.total = 0",
    reading=Ranking(
        items="approx_top_k_estimate({state}, {k})",
        total="approx_top_k_describe({state}).total",
        max_error="approx_top_k_describe({state}).max_error",
        exact="count(*)",
    ),
    answers={"approx_top_k": _MOST_FREQUENT},
    # What was subtracted from the counters depends on the order of the values.
    same="approx_top_k_agree({a}, {b})",
    counts_null=True,
)
