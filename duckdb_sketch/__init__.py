"""HyperLogLog and approximate-histogram sketches that roll up, inside DuckDB.

>>> import duckdb_sketch
>>> con = duckdb_sketch.connect()
>>> con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(range % 10)) FROM range(1000)").fetchone()
(10,)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from duckdb_sketch.errors import (
    InvalidInputError,
    LoadError,
    MissingDependencyError,
    NativeUnavailableError,
    SketchError,
)

if TYPE_CHECKING:
    from duckdb_sketch._installing import install, uninstall
    from duckdb_sketch._loading import connect, load
    from duckdb_sketch._version import __version__
    from duckdb_sketch.cube import Cube
    from duckdb_sketch.remote import connect_service
    from duckdb_sketch.rollup import Rollup, fill_gaps
    from duckdb_sketch.values import (
        ApproxHistogram,
        HllSketch,
        HyperUniqueSketch,
        ThetaSketch,
        TopK,
        histogram_cdf,
        histogram_quantile,
        histogram_stats,
        hll_bounds,
        hll_estimate,
        hyper_unique_estimate,
    )

__all__ = [
    "ApproxHistogram",
    "Cube",
    "HllSketch",
    "HyperUniqueSketch",
    "InvalidInputError",
    "LoadError",
    "MissingDependencyError",
    "NativeUnavailableError",
    "Rollup",
    "SketchError",
    "ThetaSketch",
    "TopK",
    "__version__",
    "connect",
    "connect_service",
    "fill_gaps",
    "histogram_cdf",
    "histogram_quantile",
    "histogram_stats",
    "hll_bounds",
    "hll_estimate",
    "hyper_unique_estimate",
    "install",
    "load",
    "uninstall",
]

# Imported when they are first used: DuckDB takes 0.1 s to import, and the SQL parser of rollups as long again.
_MODULES = {
    "__version__": "duckdb_sketch._version",
    "Cube": "duckdb_sketch.cube",
    "connect_service": "duckdb_sketch.remote",
    **dict.fromkeys(("install", "uninstall"), "duckdb_sketch._installing"),
    **dict.fromkeys(("connect", "load"), "duckdb_sketch._loading"),
    **dict.fromkeys(("Rollup", "fill_gaps"), "duckdb_sketch.rollup"),
    **dict.fromkeys(
        ("ApproxHistogram", "HllSketch", "HyperUniqueSketch", "ThetaSketch", "TopK"), "duckdb_sketch.values"
    ),
    **dict.fromkeys(("histogram_cdf", "histogram_quantile", "histogram_stats"), "duckdb_sketch.values"),
    **dict.fromkeys(("hll_bounds", "hll_estimate", "hyper_unique_estimate"), "duckdb_sketch.values"),
}
_PACKAGES = ("cube", "families", "remote", "rollup", "service", "spark", "values")


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return import_module(f"duckdb_sketch.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
