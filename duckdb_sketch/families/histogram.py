"""Approximate histograms: bins of center and count, after Ben-Haim and Tom-Tov (JMLR 11, 2010)."""

from __future__ import annotations

from typing import NamedTuple

from duckdb_sketch.families.family import Aggregate, Answer, Family, Precision
from duckdb_sketch.families.reading import Distribution
from duckdb_sketch.families.record import (
    BigInt,
    Boolean,
    Bounds,
    Double,
    Integer,
    UBigInt,
    signed_struct,
    spark_struct,
)
from duckdb_sketch.families.spark_function import BLOB, DOUBLE, DOUBLES, SparkFunction, SparkType, spark_type


class Bin(NamedTuple):
    """A bin of Ben-Haim and Tom-Tov: `count` values whose mean is `center`."""

    center: Double
    count: UBigInt  # type: ignore[assignment]  # a tuple has a method of this name, for which a bin has no use


class Bucket(NamedTuple):
    """About `count` values above `lower` and up to `upper`; the first of several also holds `lower`."""

    lower: Double
    upper: Double
    count: Double  # type: ignore[assignment]


class HistogramStats(NamedTuple):
    """What a histogram holds: the columns of `approx_histogram_stats`."""

    count: UBigInt  # type: ignore[assignment]
    """Values, exactly, but for those in `non_finite`."""
    min: Double | None
    """Exact; None of an empty histogram, as `max` and `mean`."""
    max: Double | None
    mean: Double | None
    bins: Integer
    max_bins: Integer
    non_finite: UBigInt
    """NaN and the infinities."""
    exact: Boolean
    """Whether every bin holds one value repeated, so that each answer is exact."""
    rank_error: Double
    """The proven rank error at the centers of bins, as a fraction of `count`."""
    bytes: BigInt


RANK_ERRORS = {10: 0.08, 20: 0.0205, 30: 0.011, 50: 0.01, 100: 0.0025, 200: 0.002, 400: 0.0006}
"""By bins, the largest rank error that docs/CHOOSING.md measured, rounded up; with 50, what it says of gaps."""

_FINITE = "CASE WHEN isfinite(CAST({x} AS DOUBLE)) THEN CAST({x} AS DOUBLE) END"
_QUANTILE = Answer("approx_histogram_quantile({state}, {0})", bounds="approx_histogram_quantile_bounds({state}, {0})")
_MEDIAN = Answer("approx_histogram_quantile({state}, 0.5)", bounds="approx_histogram_quantile_bounds({state}, 0.5)")


def _list(record: type[tuple[object, ...]]) -> SparkType:
    return SparkType(f"{signed_struct(record)}[]", f"array<{spark_struct(record)}>")


def _spark(name: str, arguments: tuple[str, ...], returns: SparkType, function: str | None = None) -> SparkFunction:
    return SparkFunction(f"approx_histogram_{name}", f"approx_histogram_{function or name}", arguments, returns)


HISTOGRAM = Family(
    name="histogram",
    title="approximate histogram",
    plural="approximate histograms",
    magic=(b"AH\x01", b"AH\x02"),
    build=Aggregate("approx_histogram_agg", "DOUBLE", default="50"),
    union=Aggregate("approx_histogram_union_agg", "BLOB"),
    pair="approx_histogram_union({a}, {b})",
    describe="approx_histogram_stats({state})",
    is_empty="about.count + about.non_finite = 0",
    reading=Distribution(
        stats="approx_histogram_stats({state})",
        quantile="approx_histogram_quantile({state}, {q})",
        bounds="approx_histogram_quantile_bounds({state}, {q})",
        exact={
            "count": f"count({_FINITE})",
            "min": f"min({_FINITE})",
            "max": f"max({_FINITE})",
            "non_finite": "count(CASE WHEN NOT isfinite(CAST({x} AS DOUBLE)) THEN 1 END)",
            "values": f"list({_FINITE})",
        },
    ),
    answers={
        "median": _MEDIAN,
        "quantile": _QUANTILE,
        "quantile_cont": _QUANTILE,
        "quantile_disc": _QUANTILE,
        "approx_quantile": _QUANTILE,
    },
    precision=Precision(
        errors=RANK_ERRORS,
        written="{0} bins",
        # Skewed, all different: the more digits numbers have, the more bytes a histogram takes.
        values="SELECT exp(3 * (range + 0.5) / {n}) * 10 AS x FROM range({n})",
        least="the least measured",
    ),
    spark=(
        _spark("union", ("BLOB", "BLOB"), BLOB),
        _spark("quantile", ("BLOB", "DOUBLE"), DOUBLE),
        _spark("quantiles", ("BLOB", "DOUBLE[]"), DOUBLES, "quantile"),
        _spark("quantile_bounds", ("BLOB", "DOUBLE"), spark_type(Bounds)),
        _spark("cdf", ("BLOB", "DOUBLE"), DOUBLE),
        _spark("cdfs", ("BLOB", "DOUBLE[]"), DOUBLES, "cdf"),
        _spark("count_below", ("BLOB", "DOUBLE"), DOUBLE),
        _spark("counts_below", ("BLOB", "DOUBLE[]"), DOUBLES, "count_below"),
        _spark("bins", ("BLOB",), _list(Bin)),
        _spark("equi_width", ("BLOB", "BIGINT"), _list(Bucket)),
        _spark("equi_depth", ("BLOB", "BIGINT"), _list(Bucket)),
        _spark("buckets", ("BLOB", "DOUBLE[]"), _list(Bucket)),
        _spark("stats", ("BLOB",), spark_type(HistogramStats)),
        SparkFunction("approx_histogram_agg", "approx_histogram_agg", ("DOUBLE", "BIGINT"), BLOB, aggregate=True),
        SparkFunction(
            "approx_histogram_union_agg", "approx_histogram_union_agg", ("BLOB", "BIGINT"), BLOB, aggregate=True
        ),
    ),
    portable=True,
    compressed=False,
)
