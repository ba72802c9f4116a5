"""The local trusted repository: how a DuckDB 2.0 with its default settings comes to load this extension.

DuckDB loads an extension from a repository that the user trusts, and keeps what it installs from each repository in a
folder of that repository's name:

    ~/.duckdb/extension_repositories/<repository>.duckdb_extension.repo.json                    trust: the public key
    ~/.duckdb/extension_repositories/duckdb_sketch_<build>/<version>/<platform>/…               the repository itself
    ~/.duckdb/extensions/<version>/<platform>/repositories/<repository>/…duckdb_extension       what DuckDB loads

Each build is a repository of its own, `duckdb_sketch_<build>`. So an upgrade never meets the files of the build before
it, two environments with different builds share one home, and processes that start together write the same bytes.
`duckdb-sketch install` points one more repository, plainly called `duckdb_sketch`, at the build that ran it last.

Trusting a repository takes a setting that cannot be taken back while a database runs. That is why it is done from a
scratch database with the same folders: the caller's own settings never change.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._extension_file import SIGNATURE_BYTES
from duckdb_sketch._files import EXTENSION, PUBLIC_KEY, replace_file
from duckdb_sketch._host import Host
from duckdb_sketch._lock import locked
from duckdb_sketch._sql import quote
from duckdb_sketch._text import first_line
from duckdb_sketch.errors import LoadError, NativeUnavailableError

INSTALLED = "duckdb_sketch"
_LOCK = "duckdb_sketch.lock"
_OURS = re.compile("duckdb_sketch(_[0-9a-f]{16})?")


class UnwritableError(Exception):
    """DuckDB cannot install the extension into its folders; the message says why, in one line."""


@dataclass(frozen=True)
class Installed:
    """An extension that DuckDB has installed.

    Attributes:
        folder: Of extensions, with a folder for each version of DuckDB.
        file: Below it, that which DuckDB loads.
    """

    folder: Path
    file: Path


def build_repository() -> str:
    """The name of the repository that holds this very build."""
    # The signature covers the whole file and comes from a key of this build alone.
    with EXTENSION.open("rb") as file:
        file.seek(-SIGNATURE_BYTES, os.SEEK_END)
        signature = file.read()
    return f"duckdb_sketch_{hashlib.sha256(signature).hexdigest()[:16]}"


def load_from_repository(cursor: duckdb.DuckDBPyConnection, host: Host) -> None:
    """Load this build into a database that takes signed extensions alone.

    Raises:
        LoadError: If the configuration does not allow it.
        NativeUnavailableError: If DuckDB's folders cannot be written.
        duckdb.Error: If DuckDB refuses the file.
    """
    if host.forbids_repositories:
        raise LoadError(
            "this connection distrusts local extensions (allow_extension_repositories is 'forbidden'): "
            'leave that setting out, or use duckdb_sketch.load(con, backend="portable")'
        )
    load = f"LOAD duckdb_sketch FROM {build_repository()}"
    try:
        cursor.execute(load)
    except duckdb.Error as error:
        if host.is_locked:
            raise LoadError(
                "this connection's configuration is locked and this build has not been loaded on this machine "
                "before: load before `SET lock_configuration = true`, or open one connection with "
                "duckdb_sketch.connect() first"
            ) from error
        try:
            install_from_repository(host, build_repository())
        except UnwritableError as reason:
            raise NativeUnavailableError(
                f"DuckDB could not install duckdb_sketch ({reason}): set HOME to a folder that can be written, or "
                'connect with config={"home_directory": "…"} or config={"allow_unsigned_extensions": "true"}'
            ) from reason
        cursor.execute(load)


def install_from_repository(host: Host, repository: str, versions: Iterable[str] = ()) -> Installed:
    """Have DuckDB trust this build under the name `repository`, and install it.

    Args:
        host: The DuckDB to install it for, and whose folders to use.
        repository: The repository's name.
        versions: Further versions of DuckDB, such as `v2.0.1`, that may install it from there.

    Returns:
        Where DuckDB has put it.

    Raises:
        UnwritableError: If DuckDB's folders cannot be written.
        duckdb.Error: If DuckDB refuses the file.
    """
    folder = host.repository_folder / build_repository()
    try:
        with _scratch(host) as scratch:
            for version in {host.version, *versions}:
                _publish(folder / version / host.platform)
            _trust(scratch, repository, folder)
            if not _loads(scratch, repository):
                scratch.execute(f"FORCE INSTALL duckdb_sketch FROM {repository}")
                scratch.execute(f"LOAD duckdb_sketch FROM {repository}")
            return _installed(scratch)
    except (duckdb.Error, OSError) as error:
        # A file that DuckDB refuses gives the same exceptions as folders that cannot be written, or none of them.
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            connection.execute(f"LOAD {quote(EXTENSION)}")
        raise UnwritableError(first_line(error)) from error


def copy_to_version(host: Host, installed: Installed, version: str) -> None:
    """Install for another version of DuckDB what is installed for the one of `host`.

    Raises:
        UnwritableError: If DuckDB's folders cannot be written.
    """
    _, *below = installed.file.relative_to(installed.folder).parts
    target = Path(installed.folder, version, *below)
    try:
        with locked(host.repository_folder / _LOCK):
            _publish(host.repository_folder / build_repository() / version / host.platform)
            target.parent.mkdir(parents=True, exist_ok=True)
            for source in (installed.file.with_name(f"{installed.file.name}.info"), installed.file):
                replace_file(target.with_name(source.name), source.read_bytes())
    except OSError as error:
        raise UnwritableError(first_line(error)) from error


def remove_repositories(host: Host) -> set[str]:
    """Remove every repository of this package and what was installed from it, of every build and DuckDB.

    Returns:
        The versions of DuckDB that had something installed.

    Raises:
        LoadError: If DuckDB's folders cannot be written.
    """
    if not host.repository_folder.is_dir():
        return set()
    try:
        with _scratch(host) as scratch:
            found = scratch.execute("SELECT repository_name FROM duckdb_extension_repositories()").fetchall()
            for (name,) in found:
                if _OURS.fullmatch(name):
                    scratch.execute(f"DROP EXTENSION REPOSITORY {name}")
        for folder in _ours(host.repository_folder):
            shutil.rmtree(folder)
        versions = set()
        for extensions in host.extension_folders:
            for folder in (path for place in extensions.glob("*/*/repositories") for path in _ours(place)):
                shutil.rmtree(folder)
                versions.add(folder.parents[2].name)
        return versions
    except (duckdb.Error, OSError) as error:
        raise LoadError(f"what duckdb_sketch has installed cannot be removed: {error}") from error


@contextmanager
def _scratch(host: Host) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the folders of `host` that may change its repositories, one process at a time."""
    config = {**host.folders, "allow_extension_repositories": "allowed"}
    host.repository_folder.mkdir(parents=True, exist_ok=True)
    with locked(host.repository_folder / _LOCK), duckdb.connect(config=config) as connection:
        yield connection


def _installed(scratch: duckdb.DuckDBPyConnection) -> Installed:
    row = scratch.execute(
        "SELECT install_path FROM duckdb_extensions() WHERE extension_name = 'duckdb_sketch' AND loaded"
    ).fetchone()
    assert row is not None
    file = Path(row[0])
    return Installed(file.parents[4], file)


def _ours(folder: Path) -> list[Path]:
    return [path for path in folder.glob("duckdb_sketch*") if path.is_dir() and _OURS.fullmatch(path.name)]


def _publish(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / EXTENSION.name, EXTENSION.read_bytes())


def _trust(scratch: duckdb.DuckDBPyConnection, repository: str, folder: Path) -> None:
    pem = PUBLIC_KEY.read_text(encoding="ascii")
    where = f"{repository} WITH PREFIX {quote(folder)} USING PUBLIC KEY {quote(pem)}"
    # DuckDB deletes the file that says so before it renames the new one into its place, and a process that looks in
    # between fails, or finds its whole database invalidated. So: one writer at a time, and only if there is a change.
    found = scratch.execute(f"CREATE EXTENSION REPOSITORY IF NOT EXISTS {where}").fetchone()
    if found != (repository, str(folder), [_fingerprint(pem)]):
        scratch.execute(f"CREATE OR REPLACE EXTENSION REPOSITORY {where}")


def _loads(scratch: duckdb.DuckDBPyConnection, repository: str) -> bool:
    """Whether this very build is installed already: only what the build's own key has signed is loaded."""
    try:
        scratch.execute(f"LOAD duckdb_sketch FROM {repository}")
    except duckdb.Error:
        return False
    return True


def _fingerprint(pem: str) -> str:
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    return f"sha256:{hashlib.sha256(base64.b64decode(body)).hexdigest()}"
