"""A connection with this working copy's extension."""

from __future__ import annotations

import os

import duckdb

import duckdb_sketch


def connect(threads: int | None = None, database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Open a database with the functions loaded; it takes every core unless `threads` says how many."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads or os.cpu_count() or 1,
        "allow_unsigned_extensions": "true",
    }
    return duckdb_sketch.load(duckdb.connect(database, config=config))
