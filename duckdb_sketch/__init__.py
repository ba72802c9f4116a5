"""HyperLogLog and approximate-histogram sketches that roll up, inside DuckDB.

>>> import duckdb_sketch
>>> con = duckdb_sketch.connect()
>>> con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(range % 10)) FROM range(1000)").fetchone()
(10,)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from duckdb_sketch._loading import connect, install, load
from duckdb_sketch._version import __version__
from duckdb_sketch.errors import InvalidInputError, LoadError, MissingDependencyError, SketchError
from duckdb_sketch.values import (
    ApproxHistogram,
    HllSketch,
    HyperUniqueSketch,
    histogram_cdf,
    histogram_quantile,
    histogram_stats,
    hll_bounds,
    hll_estimate,
    hyper_unique_estimate,
)

if TYPE_CHECKING:
    from duckdb_sketch.rollup import Rollup, fill_gaps

__all__ = [
    "ApproxHistogram",
    "HllSketch",
    "HyperUniqueSketch",
    "InvalidInputError",
    "LoadError",
    "MissingDependencyError",
    "Rollup",
    "SketchError",
    "__version__",
    "connect",
    "fill_gaps",
    "histogram_cdf",
    "histogram_quantile",
    "histogram_stats",
    "hll_bounds",
    "hll_estimate",
    "hyper_unique_estimate",
    "install",
    "load",
]


def __getattr__(name: str) -> object:
    # Rollups parse SQL, and that takes longer to import than all the rest.
    if name in ("Rollup", "fill_gaps"):
        from duckdb_sketch import rollup

        return getattr(rollup, name)
    if name == "spark":
        return import_module("duckdb_sketch.spark")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
