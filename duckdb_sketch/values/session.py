"""The database in memory that computes sketch values."""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from duckdb_sketch._hints import hint
from duckdb_sketch._loading import cursor as loaded_cursor
from duckdb_sketch._loading import load
from duckdb_sketch.errors import InvalidInputError

# What DuckDB puts before the errors of the portable backend.
_IN_PYTHON = re.compile(r"^Python exception occurred while executing the UDF: \w+: ")


class _Session:
    """A database in memory, with a cursor for each thread."""

    def __init__(self) -> None:
        self._opening = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._thread = threading.local()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._connection is None:
                # Unsigned, so that the package's own file loads as it is and no folder of the user's is touched.
                self._connection = load(duckdb.connect(config={"allow_unsigned_extensions": "true"}))
        if not hasattr(self._thread, "cursor"):
            self._thread.cursor = loaded_cursor(self._connection)
        cursor: duckdb.DuckDBPyConnection = self._thread.cursor
        return cursor


_session = _Session()


def _start_over() -> None:
    """Leave the parent's database alone after a fork.

    Its threads are not in this process, so that closing it would abort: it is kept for ever.
    """
    global _session
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_session))
    _session = _Session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """This thread's cursor, with the functions loaded.

    Raises:
        LoadError: If the extension cannot be loaded.
        InvalidInputError: What was wrong with a value, in DuckDB's words.
    """
    try:
        yield _session.cursor()
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise InvalidInputError(_message(error)) from error


def row(query: str, *parameters: Any) -> tuple[Any, ...]:
    """The one row of a query's result."""
    with cursor() as session:
        (found,) = session.execute(query, parameters).fetchall()
    return tuple(found)


def _message(error: duckdb.Error) -> str:
    """Its first line, without the kind of error that DuckDB puts before it, and what to write instead."""
    line = str(error).split("\n", 1)[0]
    said = line.partition(" Error: ")[2] or line
    return _IN_PYTHON.sub("", said) + hint(line)
