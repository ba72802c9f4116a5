"""The connection that a rollup works over."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from duckdb_sketch._database_file import holder, no_file
from duckdb_sketch._loading import connect
from duckdb_sketch._loading import cursor as loaded_cursor
from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.access import require_not_inherited
from duckdb_sketch.rollup.errors import DamagedError, LockedError, RollupError
from duckdb_sketch.rollup.ledger.migration import migrate, version_of
from duckdb_sketch.rollup.memory import UNLIMITED, parse_bytes
from duckdb_sketch.rollup.query import fetch, fetch_row, noticing_damage

_OLDEST = (1, 4)  # MERGE INTO
_LOCKED = re.compile("Could not set lock|used by another process")  # on POSIX, on Windows
_LONGEST_PAUSE = 0.25  # seconds
_BYTES_OF_A_THREAD = 96 << 20  # DuckDB's JSON reader takes up to three buffers of 32 MiB in each
_PREFIX = "search_path "
# Its one column is named so.
_SEARCH_PATH = f"""FROM query('SELECT 1 AS "{_PREFIX}' || replace(current_setting('search_path'), '"', '""') || '"')"""


def open_database(
    database: str | Path | duckdb.DuckDBPyConnection, memory_limit: str | None, wait: float
) -> duckdb.DuckDBPyConnection:
    """A connection with the functions loaded, and settings of its own. A ledger of an older version is migrated.

    Args:
        database: A database file, or a connection to one, of which a cursor is taken.
        memory_limit: Memory limit of a refresh, such as `2GB`; half of it is DuckDB's, half is for states. A database
            that is open already keeps the limit that it has, and only its batches are made to fit.
        wait: For how many seconds to try again while another process has the file open.

    Raises:
        LockedError: If it still has then.
        DamagedError: If it is damaged.
        ManifestError: If its ledger has to be migrated, and it is read-only.
        RollupError: If it cannot be opened, or DuckDB is too old.
    """
    version = tuple(int(part) for part in duckdb.__version__.split(".")[:2])
    if version < _OLDEST:
        raise RollupError(f"rollups need DuckDB 1.4 or later, for MERGE INTO; this is {duckdb.__version__}")
    limit = None if memory_limit is None else parse_bytes(memory_limit)
    if isinstance(database, duckdb.DuckDBPyConnection):
        connection = _cursor(database)
    else:
        require_not_inherited(database)
        connection = _open_file(database, wait)
        if limit is not None and _is_alone(connection):
            _limit_memory(connection, limit)
    try:
        _check_catalog(connection)
        _migrate(connection, wait)
    except BaseException:
        connection.close()
        raise
    return _quiet(connection)


def open_to_read(database: str | Path | duckdb.DuckDBPyConnection, wait: float) -> duckdb.DuckDBPyConnection:
    """As `open_database`, but other processes may read the file at the same time.

    Where that is not enough, because the ledger has to be migrated or this process has the file open for writing, it
    is opened for writing.
    """
    if isinstance(database, duckdb.DuckDBPyConnection):
        return open_database(database, None, wait)
    require_not_inherited(database)
    try:
        connection = _open_file(database, wait, lambda path: connect(path, read_only=True))
    except RollupError as error:
        if isinstance(error.__cause__, duckdb.ConnectionException):
            return open_database(database, None, wait)
        raise
    if version_of(connection) == 1:
        connection.close()
        return open_database(database, None, wait)
    return _quiet(connection)


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # DuckDB's own bar goes to the standard output, where JSON may be.
    connection.execute("SET SESSION enable_progress_bar = false")
    with suppress(duckdb.Error):  # DuckDB before 2.0 knows it for all connections only
        # Groups have no order, and without one the memory that a batch needs is less.
        connection.execute("SET SESSION preserve_insertion_order = false")
    return connection


def _limit_memory(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    """Give DuckDB half of that many bytes, and no more threads than can read JSON within them."""
    if limit == UNLIMITED:
        connection.execute("SET memory_limit = '-1'")
        return
    connection.execute(f"SET memory_limit = '{limit // 2}B'")
    (threads,) = fetch_row(connection, "SELECT current_setting('threads')")
    most = max(limit // 2 // _BYTES_OF_A_THREAD, 1)
    if threads > most:
        connection.execute(f"SET threads = {most}")


def _cursor(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection of its own to the database of another one, in the same catalog and schema."""
    cursor = loaded_cursor(database)
    use_search_path(cursor, search_path_of(database))
    return cursor


def search_path_of(connection: duckdb.DuckDBPyConnection) -> str:
    """Where a connection looks for tables; empty if that was not set."""
    # A query would disturb a result that its owner has not fetched; what is only bound does not.
    (name,) = connection.sql(_SEARCH_PATH).columns
    return name.removeprefix(_PREFIX)


def use_search_path(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Look for tables where another connection does, which its cursors do not by themselves."""
    if path:
        connection.execute(f"SET SESSION search_path = {quote(path)}")


def _check_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    """See that the current catalog is one that rollups can be kept in.

    Raises:
        RollupError: If it is not, or is open in the process that this one is a fork of.
    """
    name, kind, path = fetch_row(
        connection,
        "SELECT database_name, type, path FROM duckdb_databases() WHERE database_name = current_database()",
    )
    if kind != "duckdb":
        raise RollupError(
            f"the connection's current catalog {name} is {kind}, and rollups are kept in a DuckDB database: "
            "say which with USE"
        )
    if path:
        require_not_inherited(path)


def _migrate(connection: duckdb.DuckDBPyConnection, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            return migrate(connection)
        except LockedError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_LONGEST_PAUSE)


def _is_alone(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether no other connection of this process is to the same database, whose settings ours would change."""
    try:
        return bool(fetch_row(connection, "SELECT count <= 1 FROM duckdb_connection_count()")[0])
    except duckdb.CatalogException:
        return True


def _open_file(
    database: str | Path, wait: float, opened: Callable[[str | Path], duckdb.DuckDBPyConnection] | None = None
) -> duckdb.DuckDBPyConnection:
    if reason := no_file(database):
        raise RollupError(f"{database} cannot be opened: {reason}")
    deadline = time.monotonic() + wait
    while True:
        try:
            if opened is None:
                _make_whole(database)
            with noticing_damage():
                return (opened or connect)(database)
        except DamagedError as error:
            raise DamagedError(f"{database}: {error}") from error
        except duckdb.IOException as error:
            if not _LOCKED.search(str(error)):
                raise RollupError(f"{database} cannot be opened: {error}") from error
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"{database} is open in {holder(error)}, and DuckDB lets one process write at a time: "
                    "try again later, or wait for it (wait=60, --wait 60)"
                ) from error
            time.sleep(_LONGEST_PAUSE)
        except (duckdb.Error, OSError) as error:
            raise RollupError(f"{database} cannot be opened: {error}") from error


def _make_whole(database: str | Path) -> None:
    """Make an empty database, where there is none, that has its name only once it is whole.

    DuckDB writes a new file piece by piece, and does not open one of which a crash or a full disk left the first ones.
    """
    path = Path(database)
    if re.match(r"\w*:(?!\\)", str(database)) or path.exists() or not path.parent.is_dir():
        return  # in memory, elsewhere, or for DuckDB to open or complain of
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        whole = Path(folder, "new")
        duckdb.connect(str(whole)).close()
        try:
            os.link(whole, path)  # unlike a rename, it never replaces what another process has made meanwhile
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            whole.rename(path)


def require_free(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """See that no table or view has a name.

    Raises:
        RollupError: If one has.
    """
    taken = fetch(
        connection,
        "SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database() "
        "AND table_schema = current_schema() AND lower(table_name) = lower(?)",
        [name],
    )
    if taken:
        raise RollupError(f"there is a table {name} already, which is not a rollup: give the rollup another name")
