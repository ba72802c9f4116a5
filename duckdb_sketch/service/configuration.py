"""What a service is told: its database, where it listens, its limits, and its rollups. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup.pipeline.refresh import OnChange
from duckdb_sketch.rollup.settings import Late, Missing

Source = str | list[str]

#: Of a token, in characters: 128 bits as base64 or hexadecimal digits have no fewer.
SHORTEST_TOKEN = 16


class ConfigurationError(SketchError):
    """The configuration of a service is wrong; the message says where, and what would be right."""


@dataclass(frozen=True)
class Triggers:
    """When a rollup is refreshed. Every trigger that is set counts by itself.

    Attributes:
        every: The interval.
        files: Whether to refresh when the files of the source change.
        rows: Refresh once that many rows wait.
        watermark: Whether to refresh when waiting events make a bucket final.
        marker: Refresh when this file appears or changes.
        early: The interval for files with events of buckets that are not final.
        late: The interval for files whose events are all late. Without it they are counted with the others.
    """

    every: timedelta | None = None
    files: bool = False
    rows: int | None = None
    watermark: bool = False
    marker: Path | None = None
    early: timedelta | None = None
    late: timedelta | None = None

    @property
    def looks_inside(self) -> bool:
        """Whether waiting files have to be looked at before it is known if they are counted."""
        return self.rows is not None or self.watermark or self.early is not None or self.late is not None


@dataclass(frozen=True)
class LevelSettings:
    """A coarser level.

    Attributes:
        name: Its name.
        every: The width of its buckets, such as `day`.
        by: The dimensions that it keeps; None for all.
        of: The rollup or level that it is made from; None for the rollup.
        retention: How long its buckets are kept, counted from the watermark.
    """

    name: str
    every: str
    by: tuple[str, ...] | None = None
    of: str | None = None
    retention: timedelta | None = None


@dataclass(frozen=True)
class ExportSettings:
    """An export after each refresh that counted something.

    Attributes:
        folder: Where to: a path, or the URL of a folder of an object store.
        of: The rollup or level; None for the rollup.
        partition: How much time a file holds.
    """

    folder: Path | str
    of: str | None = None
    partition: str = "month"


@dataclass(frozen=True)
class RollupSettings:
    """A rollup, as `Rollup.from_sql` takes it, and when it is refreshed."""

    name: str
    statement: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    time_zone: str | None = None
    allowed_lateness: timedelta | None = None
    late: Late | None = None
    missing: Missing | None = None
    look_back: int | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    on_change: OnChange = "report"
    expand: bool = False
    triggers: Triggers = Triggers()
    levels: tuple[LevelSettings, ...] = ()
    retention: timedelta | None = None
    exports: tuple[ExportSettings, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What one client may ask of the service.

    Attributes:
        query_time: From when a query arrives until it is interrupted.
        rows: Of a result.
        result: Bytes of a result.
        queries: Queries that run at the same time.
        waiting: Queries that wait for their turn; more are refused with 503.
        memory: What DuckDB may use, for queries and refreshes together, such as `2GB`.
        temporary: What DuckDB may write to temporary files, such as `10GB`.
        sql: Characters of a query.
        body: Bytes of the body of a request.
        append: Bytes of data that are appended with one request.
        body_time: Until a body has to be there.
        header_time: Until the headers have to be there.
        connections: Open connections.
        streams: Open streams of changes.
        cache: For how long an answer is given again to the same query, unless something was counted meanwhile.
    """

    query_time: timedelta = timedelta(seconds=30)
    rows: int = 100_000
    result: int = 64 << 20
    queries: int = 4
    waiting: int = 64
    memory: str | None = None
    temporary: str = "10GB"
    sql: int = 32_768
    body: int = 1 << 20
    append: int = 64 << 20
    body_time: timedelta = timedelta(seconds=10)
    header_time: timedelta = timedelta(seconds=5)
    connections: int = 256
    streams: int = 64
    cache: timedelta = timedelta(seconds=1)


@dataclass(frozen=True)
class Listen:
    """Where the service listens.

    Attributes:
        host: The address; elsewhere than on the loopback a token is required.
        port: The port; 0 for one that is free.
        token: What clients have to know; None if the loopback is trusted.
        certificate: A file with the certificate, for TLS.
        key: A file with its key.
        hosts: Names that the service is reached by, besides the address.
        socket: Whether to listen on a socket next to the database, which local programs find.
    """

    host: str = "127.0.0.1"
    port: int = 8123
    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    hosts: tuple[str, ...] = ()
    socket: bool = True

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class Configuration:
    """A service.

    Attributes:
        database: The file of the database.
        rollups: The rollups.
        listen: Where it listens.
        limits: What a client may ask.
        log: How much is written to the standard error: `warning`, `info` or `debug`.
    """

    database: Path
    rollups: tuple[RollupSettings, ...]
    listen: Listen = Listen()
    limits: Limits = Limits()
    log: Literal["warning", "info", "debug"] = "info"

    def check(self) -> None:
        """See that it is one that can be served.

        Raises:
            ConfigurationError: If it is not.
        """
        if not self.rollups:
            raise ConfigurationError("there is no rollup to serve: add [[rollup]] with its statement")
        self._check_names()
        self._check_sources()
        self._check_listening()

    def _check_names(self) -> None:
        names = [name for rollup in self.rollups for name in (rollup.name, *(level.name for level in rollup.levels))]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"two rollups or levels are called {twice[0]}: give each a name of its own")
        for rollup in self.rollups:
            known = [rollup.name]
            for level in rollup.levels:
                _require(level.of, known, f"level {level.name} of rollup {rollup.name}")
                known.append(level.name)
            for export in rollup.exports:
                _require(export.of, known, f"an export of rollup {rollup.name}")

    def _check_sources(self) -> None:
        declared: dict[str, Source] = {}
        for rollup in self.rollups:
            for name, files in rollup.sources.items():
                if declared.setdefault(name.lower(), files) != files:
                    raise ConfigurationError(
                        f"{name} stands for {declared[name.lower()]} and for {files}: rollups that a query may be "
                        "answered from need the same events under one name"
                    )

    def _check_listening(self) -> None:
        listen = self.listen
        if not 0 <= listen.port <= 65535:
            raise ConfigurationError(f"port {listen.port}: a port is a number up to 65535")
        if listen.token is not None and len(listen.token) < SHORTEST_TOKEN:
            raise ConfigurationError(
                f"the token has {len(listen.token)} characters: take at least {SHORTEST_TOKEN}, such as those of "
                "openssl rand -hex 32"
            )
        if listen.token is None and not listen.is_loopback:
            raise ConfigurationError(
                f"on {listen.host} others can reach the service: give a token, with token_file or token_variable "
                "(--token-file), or listen on 127.0.0.1"
            )
        if (listen.certificate is None) != (listen.key is None):
            raise ConfigurationError("TLS needs both a certificate and its key")
        for path in (listen.certificate, listen.key):
            if path is not None and not path.is_file():
                raise ConfigurationError(f"there is no file {path}")


def _require(name: str | None, known: Sequence[str], what: str) -> None:
    if name is not None and name not in known:
        raise ConfigurationError(f"{what} is of {name}, which is not before it; there is {', '.join(known)}")
