"""The database that a service owns, with its settings locked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from duckdb_sketch._scratch import private_scratch
from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.ledger.database import open_database
from duckdb_sketch.rollup.sources.declared import files_of, table_of
from duckdb_sketch.rollup.sources.objects import is_served
from duckdb_sketch.rollup.sources.secrets import use_secrets
from duckdb_sketch.rollup.sources.stores import is_store
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.service.configuration import Configuration, ConfigurationError, RollupSettings

# What rollups and queries set for their own sessions.
_SESSION = ("TimeZone", "enable_progress_bar", "preserve_insertion_order")
_WILDCARD = re.compile(r"[*?\[{]")


def open_instance(configuration: Configuration, wait: float) -> duckdb.DuckDBPyConnection:
    """Open the database, in which nothing but the folders of sources and exports can be read or written from then on.

    Args:
        configuration: The service.
        wait: Seconds to wait for another process that has the database open.

    Raises:
        LockedError: If it still has then.
        RollupError: If the database cannot be opened.
        ConfigurationError: If DuckDB does not take a limit.
    """
    connection = open_database(configuration.database, None, wait)
    try:
        _limit(connection, configuration)
        _lock(connection, configuration)
    except BaseException:
        connection.close()
        raise
    return connection


def folders(configuration: Configuration) -> list[str]:
    """The folders, and the beginnings of URLs, that have to be reached, each with its final slash."""
    found = dict.fromkeys(folder for rollup in configuration.rollups for folder in _of_rollup(rollup))
    return list(found)


def source_folders(rollup: RollupSettings) -> list[str]:
    """The local folders in which files of a rollup's sources may appear."""
    return [folder for folder in dict.fromkeys(_of_sources(rollup)) if not is_url(folder)]


def _of_rollup(rollup: RollupSettings) -> Iterator[str]:
    yield from _of_sources(rollup)
    for export in rollup.exports:
        folder = str(export.folder)
        yield _with_slash(folder if is_url(folder) else os.path.abspath(folder))


def _of_sources(rollup: RollupSettings) -> Iterator[str]:
    for declared in rollup.sources.values():
        for pattern in files_of(declared).patterns:
            yield from _folders_of(pattern)
        table = table_of(declared)
        if table is not None and table.place is not None:
            yield _with_slash(os.path.dirname(table.place))


def _folders_of(pattern: str) -> Iterator[str]:
    """The folder of a pattern, as it is written and without symbolic links."""
    path = pattern if is_url(pattern) else os.path.abspath(os.path.expanduser(pattern))
    wildcard = _WILDCARD.search(path)
    if wildcard is None and not is_url(path) and os.path.isdir(path):
        folder = path
    else:
        folder = path[: wildcard.start() if wildcard else None].rpartition("/")[0]
    yield _with_slash(folder)
    if not is_url(folder):
        yield _with_slash(os.path.realpath(folder))


def _with_slash(folder: str) -> str:
    return folder if folder.endswith("/") else f"{folder}/"


def _limit(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    limits = {
        "memory_limit": configuration.limits.memory,
        "max_temp_directory_size": configuration.limits.temporary,
    }
    for name, value in limits.items():
        if value is None:
            continue
        try:
            connection.execute(f"SET GLOBAL {name} = {quote(value)}")
        except duckdb.Error as error:
            raise ConfigurationError(f"{value!r} is not an amount of memory: write it as 2GB ({error})") from error


def _lock(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    allowed = folders(configuration)
    urls = [folder for folder in allowed if is_url(folder)]
    if any(map(is_store, urls)):
        use_secrets(connection)
    if not all(map(is_served, urls)):
        connection.execute("LOAD httpfs")  # nothing is loaded later
    if any(map(is_served, urls)):
        allowed.append(_with_slash(os.path.realpath(private_scratch())))
        allowed.append(_with_slash(private_scratch()))
    connection.execute(f"SET GLOBAL allowed_directories = [{', '.join(map(quote, allowed))}]")
    for statement in (
        "SET GLOBAL autoinstall_known_extensions = false",
        "SET GLOBAL autoload_known_extensions = false",
        "SET GLOBAL allow_community_extensions = false",
        "SET GLOBAL python_enable_replacements = false",
        "SET GLOBAL enable_external_access = false",
    ):
        connection.execute(statement)
    with suppress(duckdb.Error):  # DuckDB before 2.0 cannot lock all settings but some
        connection.execute(f"SET GLOBAL allowed_configs = [{', '.join(map(quote, _SESSION))}]")
        connection.execute("SET GLOBAL lock_configuration = true")


def missing_folders(rollups: Iterable[RollupSettings]) -> list[str]:
    """The local folders of sources that are not there."""
    return [folder for rollup in rollups for folder in source_folders(rollup) if not Path(folder).is_dir()]
