"""Sketches as Python values, and questions to whole columns of them.

All of it is computed by the extension, on a database in memory that belongs to this module.
"""

from duckdb_sketch.values.approx_histogram import ApproxHistogram, Bin, Bucket, HistogramStats
from duckdb_sketch.values.columns import (
    histogram_cdf,
    histogram_quantile,
    histogram_stats,
    hll_bounds,
    hll_estimate,
)
from duckdb_sketch.values.hll_sketch import HllDescription, HllSketch
from duckdb_sketch.values.sketch import Bounds

__all__ = [
    "ApproxHistogram",
    "Bin",
    "Bounds",
    "Bucket",
    "HistogramStats",
    "HllDescription",
    "HllSketch",
    "histogram_cdf",
    "histogram_quantile",
    "histogram_stats",
    "hll_bounds",
    "hll_estimate",
]
