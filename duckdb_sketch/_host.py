"""The DuckDB behind a connection: which one it is and what its configuration allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

_REPOSITORIES = "allow_extension_repositories"
_SETTINGS = ("enable_external_access", "allow_unsigned_extensions", "lock_configuration")
_FOLDERS = ("home_directory", "extension_directory", "extension_directories", "extension_repository_directory")


@dataclass(frozen=True)
class Host:
    """A snapshot of one database's version and of the settings that decide how extensions load."""

    version: str
    platform: str
    settings: dict[str, str]
    folders: dict[str, Any]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Host:
        """Ask the database behind `connection`."""
        settings = _settings(connection)
        has_repositories = _REPOSITORIES in settings
        return cls(
            version=_version_folder(connection),
            platform=_scalar(connection, "SELECT platform FROM pragma_platform()"),
            settings=settings,
            folders=_folders(connection) if has_repositories else {},
        )

    @property
    def allows_external_access(self) -> bool:
        """Whether it may load any extension at all."""
        return self.settings["enable_external_access"] == "true"

    @property
    def allows_unsigned(self) -> bool:
        """Whether it loads an extension that nobody vouches for."""
        return self.settings["allow_unsigned_extensions"] == "true"

    @property
    def is_locked(self) -> bool:
        """Whether its configuration may not change any more."""
        return self.settings["lock_configuration"] == "true"

    @property
    def has_repositories(self) -> bool:
        """Whether it knows user-provided extension repositories, as DuckDB does from 2.0 on."""
        return _REPOSITORIES in self.settings

    @property
    def forbids_repositories(self) -> bool:
        """Whether it distrusts user-provided repositories."""
        return self.settings[_REPOSITORIES] == "forbidden"

    @property
    def repository_folder(self) -> Path:
        """Where DuckDB keeps the list of repositories that the user trusts."""
        home = str(self.folders.get("home_directory") or Path.home())
        folder = str(self.folders.get("extension_repository_directory") or "~/.duckdb/extension_repositories")
        return Path(home + folder[1:] if folder.startswith("~") else folder).absolute()

    @property
    def extension_folders(self) -> list[Path]:
        """Where DuckDB keeps what it has installed, a folder for each version."""
        home = str(self.folders.get("home_directory") or Path.home())
        several = self.folders.get("extension_directories") or []
        folders = [*several, self.folders.get("extension_directory") or "~/.duckdb/extensions"]
        return [Path(home + str(folder)[1:] if str(folder).startswith("~") else str(folder)) for folder in folders]


def _settings(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    # One by one: `duckdb_settings()` takes as long as loading the extension.
    try:
        return _values(connection, (*_SETTINGS, _REPOSITORIES), "::VARCHAR")
    except duckdb.CatalogException:  # before 2.0
        return _values(connection, _SETTINGS, "::VARCHAR")


def _folders(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    # `extension_directory` is a setting that `duckdb_settings()` of 2.0 no longer lists.
    return {name: value for name, value in _values(connection, _FOLDERS).items() if value}


def _values(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], cast: str = "") -> dict[str, Any]:
    row = connection.execute(f"SELECT {', '.join(f'current_setting({name!r}){cast}' for name in names)}").fetchone()
    assert row is not None
    return dict(zip(names, row, strict=True))


def _version_folder(connection: duckdb.DuckDBPyConnection) -> str:
    """DuckDB's name of the folder for its version: a release's tag, a development build's commit."""
    version = _scalar(connection, "SELECT library_version FROM pragma_version()")
    is_release = "-" not in version
    return version if is_release else _scalar(connection, "SELECT source_id FROM pragma_version()")


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])
