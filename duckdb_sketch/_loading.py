"""Loading the functions into a connection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import duckdb

from duckdb_sketch._files import EXTENSION
from duckdb_sketch._host import Host
from duckdb_sketch._repository import INSTALLED, install_from_repository, load_from_repository
from duckdb_sketch._sql import quote
from duckdb_sketch._version import __version__
from duckdb_sketch.errors import InvalidInputError, LoadError, MissingDependencyError
from duckdb_sketch.families import families

Backend = Literal["native", "portable"]
_Connection = TypeVar("_Connection")


def connect(database: str | Path = ":memory:", **kwargs: Any) -> duckdb.DuckDBPyConnection:
    """Open a connection with the functions loaded.

    DuckDB 2.0 and later open it with exactly the configuration that you give. Older ones load the extension only
    where unsigned extensions are allowed, so there `allow_unsigned_extensions` is set, unless you set it yourself or
    the same database is already open in this process under another configuration.

    Args:
        database: As for `duckdb.connect`.
        **kwargs: As for `duckdb.connect`: `read_only`, `config`.

    Returns:
        The connection.

    Raises:
        LoadError: If the functions cannot be loaded; the connection is closed again.
        duckdb.Error: If the database cannot be opened.
    """
    connection = _open(database, kwargs)
    try:
        return load(connection)
    except BaseException:
        connection.close()
        raise


def load(connection: _Connection, backend: Backend = "native") -> _Connection:
    """Load the functions into a connection that is already open. Loading them again does nothing.

    Functions of families that were registered, as `families.register` does, are made known to it too.

    Its settings, open transaction and pending result are left as they are. A transaction that has called a function
    already sees the new ones once it has ended, as it does with any `LOAD`.

    Args:
        connection: The connection; or a wrapper of one that hands on its methods, such as SQLAlchemy's `connect` event
            gets; or Ibis' DuckDB backend. Every other one to the same database gets the native functions with it.
        backend: `"native"`, the extension, or `"portable"`, the same sketches in NumPy: slower, and for this
            connection alone, but it needs no extension.

    Returns:
        The same connection.

    Raises:
        LoadError: If the connection does not allow it; the message says what to do.
        MissingDependencyError: If the portable backend's dependencies are not installed.
        ValueError: If there is no such backend.
    """
    unwrapped = _unwrapped(connection)
    if backend == "native":
        _load_extension(unwrapped)
    elif backend == "portable":
        _register_portable(unwrapped)
    else:
        raise ValueError(f"backend is 'native' or 'portable', not {backend!r}")
    _set_up_families(unwrapped)
    return connection


def install(versions: Iterable[str] = ()) -> None:
    """Make `LOAD duckdb_sketch FROM duckdb_sketch` work in every DuckDB client of this user.

    Args:
        versions: DuckDB versions other than this Python's, such as `v2.0.1`, whose clients then need one
            `INSTALL duckdb_sketch FROM duckdb_sketch` before their first `LOAD`.

    Raises:
        InvalidInputError: If a version is not one, or has no local repositories.
        LoadError: If DuckDB is older than 2.0, or its folders cannot be written.
    """
    versions = [_version(version) for version in versions]
    _require_extension_file()
    with duckdb.connect() as connection:
        host = Host.of(connection)
    if not host.has_repositories:
        raise LoadError(f"DuckDB {host.version} has no local extension repositories: DuckDB 2.0 or later has")
    install_from_repository(host, INSTALLED, versions)


def _version(text: str) -> str:
    """A version as DuckDB names its folders: `v2.0.1`."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text)
    if not match:
        raise InvalidInputError(f"{text!r} is not a version of DuckDB: write it in full, such as v2.0.1")
    if int(match[1]) < 2:
        raise InvalidInputError(f"DuckDB {text} has no local extension repositories: DuckDB 2.0 or later has")
    return f"v{match[1]}.{match[2]}.{match[3]}"


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


def _load_extension(connection: duckdb.DuckDBPyConnection) -> None:
    # A cursor has a transaction and a result of its own, so those of the caller stay as they are.
    with connection.cursor() as cursor:
        if _is_loaded(cursor):
            return
        _require_extension_file()
        host = Host.of(cursor)
        if not host.allows_external_access:
            raise LoadError(
                "this connection may load no extension (enable_external_access is false): "
                'load before that is set, or use duckdb_sketch.load(con, backend="portable")'
            )
        try:
            if host.allows_unsigned:
                cursor.execute(f"LOAD {quote(EXTENSION)}")
            elif host.has_repositories:
                load_from_repository(cursor, host)
            else:
                raise LoadError(
                    f"DuckDB {host.version} loads unsigned extensions only where it is told so: open the connection "
                    'with duckdb_sketch.connect() or config={"allow_unsigned_extensions": "true"}, '
                    'or use duckdb_sketch.load(con, backend="portable")'
                )
        except duckdb.Error as error:
            raise LoadError(f"DuckDB {host.version} could not load duckdb_sketch: {error}") from error


def _is_loaded(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether this version is loaded already.

    Raises:
        LoadError: If another version is: DuckDB cannot unload an extension.
    """
    try:
        row = cursor.execute("SELECT duckdb_sketch_version()").fetchone()
    except duckdb.CatalogException:
        return False
    assert row is not None
    if row[0] != __version__:
        raise LoadError(
            f"duckdb_sketch {row[0]} is already loaded in this database, and this is {__version__}: "
            "close every connection to it and load again"
        )
    return True


def _require_extension_file() -> None:
    if not EXTENSION.exists():
        raise LoadError(f"{EXTENSION} is not there: build it with `make build`, or install the wheel")


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
            f'the portable backend needs {error.name}: pip install "duckdb-sketch[portable]"', name=error.name
        ) from error
    register(connection)
