"""Making the extension known to every DuckDB client of this user."""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb

from duckdb_sketch._host import Host
from duckdb_sketch._native import require_extension_file
from duckdb_sketch._repository import INSTALLED, install_from_repository
from duckdb_sketch.errors import InvalidInputError, LoadError


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
    with duckdb.connect() as connection:
        host = Host.of(connection)
    require_extension_file(host.platform)
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
