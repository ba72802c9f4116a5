"""Druid's `hyperUnique`: HyperLogLog of 2,048 registers, with another hash than DataSketches'."""

from __future__ import annotations

from duckdb_sketch.families.family import Aggregate, Answer, Family, Precision
from duckdb_sketch.families.hll import standard_error
from duckdb_sketch.families.reading import DistinctCount
from duckdb_sketch.families.spark_function import BLOB, DOUBLE, SparkFunction

_LG_K = 11
_ERROR = standard_error(1 << _LG_K)
_DENSE = 7 + 1024  # bytes: the header, and a byte for each pair of registers

ESTIMATE = "hyper_unique_estimate({state})"
BOUNDS = (
    f"CASE WHEN {{state}} IS NOT NULL THEN struct_pack(lower := {ESTIMATE} / (1 + {{deviations}} * {_ERROR}), "
    f"estimate := {ESTIMATE}, upper := {ESTIMATE} / (1 - {{deviations}} * {_ERROR})) END"
)
_ANSWER = Answer(f"round({ESTIMATE})::BIGINT", bounds=BOUNDS.replace("{deviations}", "2"))

HYPER_UNIQUE = Family(
    name="hyper_unique",
    title="hyperUnique of Druid",
    plural="hyperUniques of Druid",
    magic=(b"\x01",),
    build=Aggregate("hyper_unique_agg", "VARCHAR"),
    union=Aggregate("hyper_unique_union_agg", "BLOB"),
    pair="hyper_unique_union({a}, {b})",
    describe=ESTIMATE,
    is_empty="about = 0",
    reading=DistinctCount(
        estimate=ESTIMATE,
        bounds=BOUNDS,
        standard_error=f"CASE WHEN {ESTIMATE} IS NOT NULL THEN {_ERROR}::DOUBLE END",
        exact="count(DISTINCT {x})",
        lg_size=str(_LG_K),
        modes={
            "sparse": f"octet_length(sketch) < {_DENSE}",
            "dense": f"octet_length(sketch) = {_DENSE}",
        },
    ),
    # Four bits a register cut off all but one of the ranks that they do not say. A union of parts cuts off other bits
    # than the whole does: of each register less than 2^-15 of the sum that the estimate is computed from.
    same="({a} IS NOT DISTINCT FROM {b} OR coalesce("
    f"abs({ESTIMATE.format(state='{a}')} - {ESTIMATE.format(state='{b}')}) <= 1e-6 * {ESTIMATE.format(state='{b}')}"
    ", false))",
    answers={"count(DISTINCT)": _ANSWER, "approx_count_distinct": _ANSWER},
    precision=Precision(
        errors={_LG_K: _ERROR},
        written="lg_k {0}",
        values="SELECT range::VARCHAR AS x FROM range({n})",
        adjustable=False,
    ),
    spark=(
        SparkFunction("hyper_unique_agg", "hyper_unique_agg", ("VARCHAR",), BLOB, aggregate=True),
        SparkFunction("hyper_unique_union_agg", "hyper_unique_union_agg", ("BLOB",), BLOB, aggregate=True),
        SparkFunction("hyper_unique_union", "hyper_unique_union", ("BLOB", "BLOB"), BLOB),
        SparkFunction("hyper_unique_estimate", "hyper_unique_estimate", ("BLOB",), DOUBLE),
    ),
    portable=True,
    compressed=False,
)
