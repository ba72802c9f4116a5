"""Sketches as Python values, and questions to whole columns of them.

All of it is computed by the extension, on a database in memory that belongs to this module.
"""

from duckdb_sketch.families.histogram import Bin, Bucket, HistogramStats
from duckdb_sketch.families.hll import HllDescription
from duckdb_sketch.families.record import Bounds
from duckdb_sketch.families.theta import ThetaDescription
from duckdb_sketch.families.top_k import TopKDescription
from duckdb_sketch.values.approx_histogram import ApproxHistogram
from duckdb_sketch.values.columns import (
    histogram_cdf,
    histogram_quantile,
    histogram_stats,
    hll_bounds,
    hll_estimate,
)
from duckdb_sketch.values.hll_sketch import HllSketch
from duckdb_sketch.values.hyper_unique_sketch import HyperUniqueSketch, hyper_unique_estimate
from duckdb_sketch.values.theta_sketch import ThetaSketch
from duckdb_sketch.values.top_k import FrequentItem, TopK

__all__ = [
    "ApproxHistogram",
    "Bin",
    "Bounds",
    "Bucket",
    "FrequentItem",
    "HistogramStats",
    "HllDescription",
    "HllSketch",
    "HyperUniqueSketch",
    "ThetaDescription",
    "ThetaSketch",
    "TopK",
    "TopKDescription",
    "histogram_cdf",
    "histogram_quantile",
    "histogram_stats",
    "hll_bounds",
    "hll_estimate",
    "hyper_unique_estimate",
]
