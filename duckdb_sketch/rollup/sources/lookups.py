"""Lookup tables: what a statement joins to its events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.sources.files import FILE, scan
from duckdb_sketch.rollup.sources.listing import find


def provide(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Any]) -> None:
    """Make tables of files or data under the names that a statement gives them, for this connection alone."""
    for name, data in tables.items():
        if isinstance(data, (str, Path)):
            rows = f"SELECT * EXCLUDE ({FILE}) FROM ({scan(find(connection, [str(data)]).files, {})})"
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {rows}")
        else:
            connection.register(name, data)
