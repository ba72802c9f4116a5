"""Making the extension known to every DuckDB client of this user, and unknown again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._duckdb_version import RELEASED, checked_version, order, used_versions
from duckdb_sketch._files import EXTENSION
from duckdb_sketch._host import Host
from duckdb_sketch._native import refusals_explained, require_duckdb, require_extension_file
from duckdb_sketch._repository import (
    INSTALLED,
    UnwritableError,
    copy_to_version,
    install_from_repository,
    remove_repositories,
)
from duckdb_sketch.errors import LoadError, NativeUnavailableError


@dataclass(frozen=True)
class Installation:
    """What `install` did.

    Attributes:
        versions: The versions of DuckDB whose clients now know `LOAD duckdb_sketch FROM duckdb_sketch`.
        platform: DuckDB's name of the platform that they have to be for.
        extension: The file, for clients that load it by its path.
    """

    versions: tuple[str, ...]
    platform: str
    extension: Path


def install(versions: Iterable[str] = ()) -> Installation:
    """Make `LOAD duckdb_sketch FROM duckdb_sketch` work in every DuckDB 2.x client of this user.

    Every released version is served, and every other one whose clients have installed an extension before.

    Args:
        versions: Further versions of DuckDB, newer than this package, such as `v2.0.9`.

    Returns:
        Which versions are served.

    Raises:
        InvalidInputError: If a version is not one, does not exist, or has no local repositories.
        NativeUnavailableError: If the native extension is missing, damaged, for another platform or refused by DuckDB,
            or DuckDB's folders cannot be written.
        LoadError: If this Python's DuckDB is older than 2.0.
    """
    require_duckdb()
    with duckdb.connect() as connection:
        host = Host.of(connection)
    asked = [checked_version(version, [host.version]) for version in versions]
    require_extension_file(host.platform)
    if not host.has_repositories:
        raise LoadError(
            f"DuckDB {host.version} has no local extension repositories: DuckDB 2.0 or later has. "
            f"Its clients load the file by its path, where unsigned extensions are allowed: {EXTENSION}"
        )
    others = {*RELEASED, *asked} - {host.version}
    try:
        with refusals_explained(host):
            installed = install_from_repository(host, INSTALLED, others)
        others |= used_versions(installed.folder) - {host.version}
        for version in others:
            copy_to_version(host, installed, version)
    except UnwritableError as reason:
        raise NativeUnavailableError(
            f"DuckDB could not install duckdb_sketch ({reason}): set HOME to a folder that can be written, "
            f"or load the file by its path, where unsigned extensions are allowed: {EXTENSION}"
        ) from reason
    served = tuple(sorted({host.version, *others}, key=order))
    return Installation(served, host.platform, EXTENSION)


def uninstall() -> tuple[str, ...]:
    """Remove what `install` and `load` have put into DuckDB's folders; the package itself stays.

    Databases that have the functions loaded keep them. The next `load` installs this package's build again.

    Returns:
        The versions of DuckDB that had something installed.

    Raises:
        LoadError: If DuckDB is older than 2.0, or its folders cannot be written.
    """
    with duckdb.connect() as connection:
        host = Host.of(connection)
    if not host.has_repositories:
        raise LoadError(f"DuckDB {host.version} has no local extension repositories: nothing was installed for it")
    return tuple(sorted(remove_repositories(host), key=order))
