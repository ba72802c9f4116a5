"""Rollups on a Spark cluster: the same statements, the same bytes, merged into the same tables.

>>> from duckdb_sketch import spark as sketches
>>> groups = sketches.rollup(spark, "bids_hourly.sql", sources={"bids": bids})  # doctest: +SKIP

Executors need this package, DuckDB and pyarrow; `docs/SPARK.md` says how they come by them.
"""

from duckdb_sketch.spark.errors import SparkError
from duckdb_sketch.spark.functions import register
from duckdb_sketch.spark.load import append, refresh
from duckdb_sketch.spark.sink import Sink
from duckdb_sketch.spark.statement import rollup

__all__ = ["Sink", "SparkError", "append", "refresh", "register", "rollup"]
