"""The connection that a cube reads over."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import duckdb

from duckdb_sketch._database_file import holder, no_file
from duckdb_sketch._loading import connect
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.rollup.errors import LockedError

_LOCKED = re.compile("Could not set lock|used by another process")  # on POSIX, on Windows
_PAUSE = 0.1  # seconds


def open_database(database: str | Path, wait: float) -> duckdb.DuckDBPyConnection:
    """A connection that only reads, so that several processes may have one; but one that writes locks them out.

    Raises:
        CubeError: If the database is not there, or cannot be opened.
        LockedError: If another process has it open for writing.
    """
    if reason := no_file(database):
        raise CubeError(f"{database} cannot be opened: {reason}")
    try:
        os.stat(database)
    except FileNotFoundError as error:
        raise CubeError(f"there is no database {database}") from error
    except OSError as error:
        raise CubeError(f"{database} cannot be opened: {error.strerror}") from error
    deadline = time.monotonic() + wait
    while True:
        try:
            return _connect(database)
        except duckdb.IOException as error:
            if not _LOCKED.search(str(error)):
                raise CubeError(f"{database} cannot be opened: {error}") from error
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"{database} is open for writing in {holder(error)}: try again later, or wait for it (wait=60, "
                    "--wait 60)"
                ) from error
            time.sleep(_PAUSE)
        except duckdb.Error as error:
            raise CubeError(f"{database} cannot be opened: {error}") from error


def _connect(database: str | Path) -> duckdb.DuckDBPyConnection:
    try:
        return connect(database, read_only=True)
    except duckdb.ConnectionException:
        return connect(database)  # this process has it open for writing
