"""The systems that are compared, one a file."""

from __future__ import annotations

from benchmarks.systems.arrow_datafusion import DataFusion
from benchmarks.systems.clickhouse import ClickHouse
from benchmarks.systems.duckdb_builtin import DuckDBBuiltin
from benchmarks.systems.native import Native
from benchmarks.systems.polars_frame import Polars
from benchmarks.systems.spark_local import Spark
from benchmarks.systems.system import System

SYSTEMS: dict[str, type[System]] = {
    system.name: system for system in (Native, DuckDBBuiltin, ClickHouse, DataFusion, Polars, Spark)
}

__all__ = ["SYSTEMS", "System"]
