"""What is aimed for: the only place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.columns.column import CLUSTERS, DECIMALS, INTEGERS, SCALES

DUCKDB_DISTINCT = "DuckDB approx_count_distinct"
DUCKDB_QUANTILE = "DuckDB approx_quantile"
DATAFUSION_QUANTILE = "DataFusion approx_percentile_cont"
CLICKHOUSE_HISTOGRAM = "ClickHouse histogram(50)"
FLOOR = "DuckDB, the floor"
"""A plain aggregate of the same column: what DuckDB needs to deliver the values."""
READING_THE_COLUMN = "sum(octet_length(column))"
OURS_HLL = "duckdb_sketch hll_sketch_agg"
OURS_HISTOGRAM = "duckdb_sketch approx_histogram_agg"
OURS_ESTIMATE = "duckdb_sketch hll_sketch_estimate"


@dataclass(frozen=True)
class Target:
    """`ours` is to take at most `at_most` times what `peer` takes."""

    workload: str
    ours: str
    peer: str
    at_most: float
    measure: Literal["seconds", "memory"] = "seconds"


TARGETS = (
    Target("hll_bigint", OURS_HLL, DUCKDB_DISTINCT, 1.0),
    Target("hll_varchar", OURS_HLL, DUCKDB_DISTINCT, 1.0),
    Target("hll_groups", OURS_HLL, DUCKDB_DISTINCT, 1.1),
    Target("hll_small_groups", OURS_HLL, DUCKDB_DISTINCT, 0.4),
    Target("hll_small_groups", OURS_HLL, DUCKDB_DISTINCT, 0.5, "memory"),
    Target("hll_merge", OURS_HLL, DUCKDB_DISTINCT, 0.4),
    Target("hll_bigint", OURS_HLL, FLOOR, 2.0),
    Target("hll_varchar", OURS_HLL, FLOOR, 1.2),
    Target("hll_groups", OURS_HLL, FLOOR, 1.25),
    Target("hll_small_groups", OURS_HLL, FLOOR, 2.0),
    Target("histogram", OURS_HISTOGRAM, FLOOR, 3.5),
    Target("histogram_groups", OURS_HISTOGRAM, FLOOR, 1.6),
    Target("histogram", OURS_HISTOGRAM, DUCKDB_QUANTILE, 0.35),
    Target("histogram_groups", OURS_HISTOGRAM, DUCKDB_QUANTILE, 0.35),
    Target("histogram", OURS_HISTOGRAM, DATAFUSION_QUANTILE, 1.0),
    Target("histogram", OURS_HISTOGRAM, CLICKHOUSE_HISTOGRAM, 0.12),
    Target("histogram_merge", OURS_HISTOGRAM, DUCKDB_QUANTILE, 0.1),
    Target("estimate", OURS_ESTIMATE, READING_THE_COLUMN, 3.0),
    Target("estimate_parquet", OURS_ESTIMATE, READING_THE_COLUMN, 3.0),
)

# Merges per second per core: "Not exactly! Approximate algorithms for big data" (Yang and Ray), 1,600 cores.
TALK_MERGES = {"hll_merge": 2.5e6, "histogram_merge": 0.94e6}
TALK_REDUCTION = 40.0
TALK_ROWS = 16.9e6


def rank_error_target(bins: int, distribution: str) -> float:
    """The largest rank error, as a fraction, that a histogram of `bins` bins (50 or 100) is to have."""
    if bins == 50:
        return 0.0075
    return 0.005 if distribution == "cents" else 0.0025


def column_target(bins: int, kind: str) -> float:
    """The same for a column of a kind, directly or however it is merged."""
    at_50 = {SCALES: 0.02, CLUSTERS: 0.02, INTEGERS: 0.004, DECIMALS: 0.004}.get(kind, 0.01)
    return at_50 if bins == 50 else at_50 / 2


COLUMN_MEDIAN = 0.0035
"""The same for the median of all columns, at 50 bins."""
PROVEN_RANK_ERROR = 0.05
"""What is to be proven of it, at 50 bins, but where parts are of very different scale."""

# HyperLogLog: at most that many times 1.04 / sqrt(k), and a mean relative error of at most so much.
HLL_ERROR_FACTOR = 1.05
HLL_BIAS = 0.002
# What an interval of one, two and three standard errors covers of a normal distribution.
NORMAL_COVERAGE = (0.6827, 0.9545, 0.9973)


def hll_size_target(uniques: int, lg_k: int = 12) -> int:
    """The most bytes that a stored HLL sketch of that many distinct values is to take."""
    if uniques <= 7:
        return 8 + 4 * uniques
    if uniques <= 3 << (lg_k - 5):
        return 12 + 4 * uniques
    return 40 + (1 << (lg_k - 1)) + 24


HISTOGRAM_SIZE_TARGET = 700
