"""HyperLogLog and approximate-histogram sketches that roll up, inside DuckDB.

>>> import duckdb_sketch
>>> con = duckdb_sketch.connect()
>>> con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(range % 10)) FROM range(1000)").fetchone()
(10,)
"""

from duckdb_sketch._loading import connect, install, load
from duckdb_sketch._version import __version__
from duckdb_sketch.errors import LoadError, MissingDependencyError, SketchError

__all__ = [
    "LoadError",
    "MissingDependencyError",
    "SketchError",
    "__version__",
    "connect",
    "install",
    "load",
]
