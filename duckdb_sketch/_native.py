"""Loading the native extension into a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from duckdb_sketch._extension_file import defect
from duckdb_sketch._files import EXTENSION, PUBLIC_KEY
from duckdb_sketch._host import Host
from duckdb_sketch._repository import load_from_repository
from duckdb_sketch._sql import quote
from duckdb_sketch._text import first_line
from duckdb_sketch._version import __version__
from duckdb_sketch.errors import LoadError, NativeUnavailableError

_OLDEST = (1, 3)


def load_native(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension, unless it is loaded already.

    Raises:
        NativeUnavailableError: If it is missing, damaged, for another platform or refused by DuckDB, or if DuckDB's
            folders cannot be written.
        LoadError: If DuckDB is too old, another version is loaded, or the connection's configuration forbids it.
    """
    # A cursor has a transaction and a result of its own, so those of the caller stay as they are.
    with connection.cursor() as cursor:
        if is_loaded(cursor):
            return
        require_duckdb()
        host = Host.of(cursor)
        require_extension_file(host.platform)
        if not host.allows_external_access:
            raise LoadError(
                "this connection may not load extensions (enable_external_access is false): "
                'load before that is set, or use duckdb_sketch.load(con, backend="portable")'
            )
        with refusals_explained(host):
            _load(cursor, host)


@contextmanager
def refusals_explained(host: Host) -> Iterator[None]:
    """Have errors of DuckDB, about a file that is whole and for its platform, say what to do.

    Raises:
        NativeUnavailableError: In place of DuckDB's error.
    """
    try:
        yield
    except duckdb.Error as error:
        raise NativeUnavailableError(
            f"DuckDB {host.version} refuses the extension of duckdb_sketch {__version__} ({first_line(error)}): "
            "use matching versions of both, such as the newest"
        ) from error


def is_loaded(cursor: duckdb.DuckDBPyConnection) -> bool:
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


def require_duckdb() -> None:
    """Check that DuckDB knows the extension API.

    Raises:
        LoadError: If it is too old.
    """
    version = duckdb.__version__.split(".")
    if (int(version[0]), int(version[1])) < _OLDEST:
        raise LoadError(
            f"DuckDB {duckdb.__version__} is too old for duckdb_sketch, which needs 1.3 or later: "
            'pip install --upgrade "duckdb>=1.3"'
        )


def require_extension_file(platform: str) -> None:
    """Check that the extension is there, whole, and for DuckDB's platform.

    Raises:
        NativeUnavailableError: If it is not.
    """
    found = defect(EXTENSION, PUBLIC_KEY, platform)
    if found is not None:
        raise NativeUnavailableError(found)


def _load(cursor: duckdb.DuckDBPyConnection, host: Host) -> None:
    if host.allows_unsigned:
        cursor.execute(f"LOAD {quote(EXTENSION)}")
    elif host.has_repositories:
        load_from_repository(cursor, host)
    else:
        raise LoadError(
            f"DuckDB {host.version} loads unsigned extensions only if that is allowed: open the connection "
            'with duckdb_sketch.connect() or config={"allow_unsigned_extensions": "true"}, '
            'or use duckdb_sketch.load(con, backend="portable")'
        )
