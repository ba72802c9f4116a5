"""Theta sketches in the bytes of Apache DataSketches: distinct counts that can also be intersected and subtracted."""

from __future__ import annotations

import math
from typing import NamedTuple

from duckdb_sketch.families.family import Aggregate, Answer, Family, Precision
from duckdb_sketch.families.reading import DistinctCount
from duckdb_sketch.families.record import BigInt, Boolean, Bounds, Double, Integer, Varchar
from duckdb_sketch.families.spark_function import SparkFunction, spark_type


class ThetaDescription(NamedTuple):
    """What a theta sketch is: the columns of `theta_sketch_describe`."""

    lg_nom_entries: Integer
    """The logarithm of the nominal number of entries to base 2."""
    mode: Varchar
    """`EMPTY`, `EXACT` or `ESTIMATION`."""
    serial_version: Integer
    """3, or 4 of packed entries."""
    ordered: Boolean
    entries: BigInt
    """Hashes that it keeps."""
    theta: Double
    """Which fraction of all hashes it would keep."""
    estimate: Double
    bytes: BigInt


def standard_error(entries: int) -> float:
    """The relative standard error of an estimate from that many entries (Dasgupta and others, 2016)."""
    return 1 / math.sqrt(entries - 1)


_ESTIMATE = Answer("theta_sketch_estimate({state})", bounds="theta_sketch_bounds({state}, 2)")

THETA = Family(
    name="theta",
    title="theta sketch",
    plural="theta sketches",
    magic=tuple(bytes((preamble, version, 3)) for version in (3, 4) for preamble in (1, 2, 3)),
    build=Aggregate("theta_sketch_agg", "BIGINT", default="12"),
    union=Aggregate("theta_union_agg", "BLOB"),
    pair="theta_union({a}, {b})",
    describe="theta_sketch_describe({state})",
    is_empty="about.mode = 'EMPTY'",
    reading=DistinctCount(
        estimate="theta_sketch_estimate({state})",
        bounds="theta_sketch_bounds({state}, {deviations})",
        standard_error="1 / sqrt(2 ** theta_sketch_describe({state}).lg_nom_entries - 1)",
        # A sketch skips what is empty.
        exact="count(DISTINCT CASE WHEN CAST({x} AS VARCHAR) <> '' THEN {x} END)",
        lg_size="about.lg_nom_entries",
        modes={mode: f"about.mode = '{mode}'" for mode in ("EMPTY", "EXACT", "ESTIMATION")},
    ),
    answers={"count(DISTINCT)": _ESTIMATE, "approx_count_distinct": _ESTIMATE},
    precision=Precision(
        errors={lg_nom: standard_error(1 << lg_nom) for lg_nom in range(4, 27)},
        written="lg_nom_entries {0}",
        values="SELECT range AS x FROM range({n})",
    ),
    portable=True,
    compressed=False,
    # Spark has the others of its own, on the same bytes.
    spark=(
        SparkFunction("theta_sketch_bounds", "theta_sketch_bounds", ("BLOB", "BIGINT"), spark_type(Bounds)),
        SparkFunction("theta_sketch_describe", "theta_sketch_describe", ("BLOB",), spark_type(ThetaDescription)),
        SparkFunction("theta_jaccard", "theta_jaccard", ("BLOB", "BLOB"), spark_type(Bounds)),
    ),
)
