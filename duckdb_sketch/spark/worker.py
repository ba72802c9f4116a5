"""DuckDB inside a Spark executor's Python worker."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from duckdb_sketch import __version__
from duckdb_sketch._loading import load
from duckdb_sketch._sql import quote
from duckdb_sketch.errors import LoadError


@contextmanager
def opened(zone: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to this process's own DuckDB, with the functions loaded.

    Args:
        zone: Its time zone; UTC by default.
    """
    with _database().cursor() as connection:
        connection.execute(f"SET SESSION TimeZone = {quote(zone or 'UTC')}")
        yield connection


def require_version(version: str) -> None:
    """See that executors have the package that the driver has: another one may make other bytes.

    Raises:
        LoadError: If they have another.
    """
    if version != __version__:
        raise LoadError(f"the driver has duckdb_sketch {version}, and this executor has {__version__}: install one")


@cache
def _database() -> duckdb.DuckDBPyConnection:
    # A worker may have no home that it can write to, and an unsigned extension is loaded from where it lies.
    local = os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0]
    config: dict[str, str | bool | int | float | list[str]] = {
        "allow_unsigned_extensions": "true",
        "temp_directory": str(Path(local, f"duckdb_sketch-{os.getpid()}")),
    }
    return load(duckdb.connect(config=config), backend="native")
