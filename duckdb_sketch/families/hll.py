"""HyperLogLog sketches in the bytes of Apache DataSketches."""

from __future__ import annotations

import math
from typing import NamedTuple

from duckdb_sketch.families.family import Aggregate, Answer, Family, Precision
from duckdb_sketch.families.reading import DistinctCount
from duckdb_sketch.families.record import BigInt, Boolean, Bounds, Double, Integer, Varchar
from duckdb_sketch.families.spark_function import SparkFunction, spark_type


class HllDescription(NamedTuple):
    """What an HLL sketch is: the columns of `hll_sketch_describe`."""

    lg_k: Integer
    """The logarithm of the number of registers to base 2."""
    mode: Varchar
    """`LIST`, `SET` or `HLL`."""
    target_type: Varchar
    """`HLL_4`, `HLL_6` or `HLL_8`."""
    compact: Boolean
    out_of_order: Boolean
    coupons: BigInt
    """Stored coupons of a LIST or SET; registers that are not 0 of an HLL."""
    estimate: Double
    bytes: BigInt


_ESTIMATE = Answer("hll_sketch_estimate({state})", bounds="hll_sketch_bounds({state}, 2)")


def standard_error(registers: int) -> float:
    """The relative standard error of an estimate (Flajolet, Fusy, Gandouet and Meunier, 2007)."""
    return 1.04 / math.sqrt(registers)


HLL = Family(
    name="hll",
    title="HyperLogLog",
    plural="HLL sketches",
    magic=(b"\x02\x01\x07", b"\x03\x01\x07", b"\x0a\x01\x07"),
    build=Aggregate("hll_sketch_agg", "BIGINT", default="12"),
    union=Aggregate("hll_union_agg", "BLOB", alone="the sketches of one column have one lg_k"),
    pair="hll_union({a}, {b})",
    describe="hll_sketch_describe({state})",
    is_empty="about.coupons = 0",
    reading=DistinctCount(
        estimate="hll_sketch_estimate({state})",
        bounds="hll_sketch_bounds({state}, {deviations})",
        standard_error="1.04 / sqrt(2 ** hll_sketch_describe({state}).lg_k)",
        # A sketch skips what is empty.
        exact="count(DISTINCT CASE WHEN CAST({x} AS VARCHAR) <> '' THEN {x} END)",
        lg_size="about.lg_k",
        modes={mode: f"about.mode = '{mode}'" for mode in ("LIST", "SET", "HLL")},
    ),
    answers={"count(DISTINCT)": _ESTIMATE, "approx_count_distinct": _ESTIMATE},
    precision=Precision(
        errors={lg_k: standard_error(1 << lg_k) for lg_k in range(4, 22)},
        written="lg_k {0}",
        values="SELECT range AS x FROM range({n})",
    ),
    # Spark has the others of its own, on the same bytes.
    spark=(SparkFunction("hll_intersection", "hll_intersection", ("BLOB", "BLOB"), spark_type(Bounds)),),
    portable=True,
    compressed=False,
)
