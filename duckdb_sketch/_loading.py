"""Loading the functions into a connection."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, Literal, TypeVar

import duckdb

from duckdb_sketch._native import load_native
from duckdb_sketch.errors import LoadError, MissingDependencyError, NativeUnavailableError
from duckdb_sketch.families import families

Backend = Literal["auto", "native", "portable"]
_Connection = TypeVar("_Connection")
_log = logging.getLogger("duckdb_sketch")
_said = threading.Lock()  # held from the first time on


def connect(
    database: str | Path = ":memory:", *, backend: Backend = "auto", **kwargs: Any
) -> duckdb.DuckDBPyConnection:
    """Open a connection with the functions loaded.

    DuckDB 2.0 and later open it with exactly the configuration that you give. Older ones load the extension only
    where unsigned extensions are allowed, so there `allow_unsigned_extensions` is set, unless you set it yourself or
    the same database is already open in this process under another configuration.

    Args:
        database: As for `duckdb.connect`.
        backend: As for `load`.
        **kwargs: As for `duckdb.connect`: `read_only`, `config`.

    Returns:
        The connection.

    Raises:
        LoadError: If the functions cannot be loaded; the connection is closed again.
        duckdb.Error: If the database cannot be opened.
    """
    connection = _open(database, kwargs)
    try:
        return load(connection, backend)
    except BaseException:
        connection.close()
        raise


def load(connection: _Connection, backend: Backend = "auto") -> _Connection:
    """Load the functions into a connection that is already open. Loading them again does nothing.

    Functions of families that were registered, as `families.register` does, are made known to it too.

    Its settings, open transaction and pending result are left as they are. A transaction that has called a function
    already sees the new ones once it has ended, as it does with any `LOAD`.

    Args:
        connection: The connection; or a wrapper of one that hands on its methods, such as SQLAlchemy's `connect` event
            gets; or Ibis' DuckDB backend. Every other one to the same database gets the native functions with it.
        backend: `"native"`, the extension; `"portable"`, the same sketches in NumPy: many times slower, and for this
            connection alone, but it needs no extension; or `"auto"`, the extension, and where it is missing, damaged,
            for another platform, refused by this DuckDB, or cannot be installed in DuckDB's folders, the portable
            backend. The first time that happens in a process, the logger `duckdb_sketch` says so in one line.

    Returns:
        The same connection.

    Raises:
        LoadError: If the connection does not allow it; the message says what to do.
        NativeUnavailableError: The same, if `backend` is `"native"` and the portable one would do.
        MissingDependencyError: If the portable backend's dependencies are not installed.
        ValueError: If there is no such backend.
    """
    unwrapped = _unwrapped(connection)
    if backend == "auto":
        _load_whichever_works(unwrapped)
    elif backend == "native":
        load_native(unwrapped)
    elif backend == "portable":
        _register_portable(unwrapped)
    else:
        raise ValueError(f"backend is 'auto', 'native' or 'portable', not {backend!r}")
    _set_up_families(unwrapped)
    return connection


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same database, with the functions loaded: the portable ones belong to one alone."""
    return load(connection.cursor())


def _unwrapped(connection: Any) -> Any:
    """The connection itself, of a wrapper of one or of Ibis' backend, whose `execute` is another one."""
    held = getattr(connection, "con", None)
    if isinstance(held, duckdb.DuckDBPyConnection):
        return held
    return getattr(connection.execute, "__self__", connection)


def _open(database: str | Path, kwargs: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    if _knows_repositories():
        return duckdb.connect(database, **kwargs)
    config = {"allow_unsigned_extensions": "true", **kwargs.get("config", {})}
    try:
        return duckdb.connect(database, **{**kwargs, "config": config})
    except duckdb.ConnectionException:
        # Open in this process already, under another configuration. The functions may be loaded there.
        return duckdb.connect(database, **kwargs)


def _knows_repositories() -> bool:
    return int(duckdb.__version__.split(".")[0]) >= 2


def _load_whichever_works(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        load_native(connection)
    except NativeUnavailableError as error:
        _register_portable(connection)
        if _said.acquire(blocking=False):
            _log.warning("the portable backend is running, many times slower than the native one: %s", error)


def _set_up_families(connection: duckdb.DuckDBPyConnection) -> None:
    for family in families():
        for statement in family.setup:
            try:
                # On the connection itself: temporary macros belong to one connection.
                connection.execute(statement)
            except duckdb.Error as error:
                raise LoadError(f"the family {family.name} cannot be set up by {statement}: {error}") from error


def _register_portable(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        from duckdb_sketch.portable import register
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("duckdb_sketch"):
            raise
        raise MissingDependencyError(
            f"the portable backend needs {error.name}: pip install {error.name}", name=error.name
        ) from error
    register(connection)
