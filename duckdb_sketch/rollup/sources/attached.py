"""Databases that are attached to read a table of them, for as long as that takes.

DuckDB lets others write to a file only while nobody has it open, so that a database is let go of after each use.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress

import duckdb

from duckdb_sketch._database_file import holder
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import LockedError, SourceError
from duckdb_sketch.rollup.query import fetch

_PREFIX = "duckdb_sketch_attached_"
_SCHEME = re.compile(r"\w{2,}:")  # such as postgres:
_LOCKED = re.compile("Could not set lock|used by another process")  # on POSIX, on Windows


def full_path(database: str) -> str:
    """A database's one name: a file's absolute path, or what another system calls it."""
    return database if _SCHEME.match(database) else os.path.realpath(os.path.expanduser(database))


def attach(connection: duckdb.DuckDBPyConnection, database: str) -> str:
    """The name under which a database is attached, to be read.

    Raises:
        SourceError: If there is none, or it cannot be attached.
        LockedError: If another process has it open for writing.
    """
    path = full_path(database)
    found = fetch(connection, "SELECT database_name FROM duckdb_databases() WHERE path = ?", [path])
    if found:
        return str(found[0][0])
    if not _SCHEME.match(path) and not os.path.exists(path):
        raise SourceError(f"there is no database {database}: correct its name (--attach)")
    name = _PREFIX + hashlib.blake2b(path.encode(), digest_size=8).hexdigest()
    try:
        connection.execute(f"ATTACH IF NOT EXISTS {quote(path)} AS {identifier(name)} (READ_ONLY)")
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and _LOCKED.search(str(error)):
            raise LockedError(
                f"{database} is open in {holder(error)}, which may write to it: try again later"
            ) from error
        raise SourceError(f"{database} cannot be attached: {str(error).splitlines()[0]}") from error
    return name


def detach_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Let go of the databases that `attach` attached; one that another cursor is reading stays until that is done."""
    with suppress(duckdb.Error):
        query = "SELECT database_name FROM duckdb_databases() WHERE starts_with(database_name, ?)"
        for (name,) in fetch(connection, query, [_PREFIX]):
            with suppress(duckdb.Error):
                connection.execute(f"DETACH {identifier(name)}")
