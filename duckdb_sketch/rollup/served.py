"""Rollups of a database that a service has open: the service is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.remote import find_service
from duckdb_sketch.rollup.access import Access
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import ChangedFilesError, ChangedStatementError, ManifestError, RollupError
from duckdb_sketch.rollup.level import Level
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.refresh import OnChange
from duckdb_sketch.rollup.reading.status import Change, SourceStatus, Status
from duckdb_sketch.rollup.rollup import Rollup
from duckdb_sketch.rollup.specification.specification import Specification

if TYPE_CHECKING:
    from duckdb_sketch.remote import ServiceClient

_TIMES = ("first_bucket", "last_bucket", "watermark", "expired_before", "highest_event", "failed")


class ServedLevel(Level):
    """A rollup or a level of a database that a service has open.

    What the service does for others works: `status`, `changes` and `table`. The rest is an error that says so.
    """

    def __init__(self, service: ServiceClient, name: str) -> None:
        self._service = service
        self.name = name

    @property
    def _access(self) -> Access:  # type: ignore[override]
        raise RollupError(
            "a service has the database open, and does this by its configuration: change that, or stop the service"
        )

    def table(self) -> duckdb.DuckDBPyRelation:
        """The rows, as far as the service gives that many."""
        return self._service.sql(f"FROM {identifier(self.name)}")

    def status(self) -> list[Status]:
        """How it and its coarser levels stand, itself first."""
        known = served_status(self._service)
        found = [status for status in known if status.rollup == self.name]
        for parent in found:
            found += [status for status in known if status.parent == parent.rollup]
        return found

    def changes(self, since: int = 0) -> list[Change]:
        """The buckets that changed after a batch, in the order in which they did."""
        found = self._service.changes(self.name, since)
        return [Change(**{**change, "bucket": datetime.fromisoformat(change["bucket"])}) for change in found]

    def close(self) -> None:
        """Close the connection to the service."""
        self._service.close()


class ServedRollup(ServedLevel, Rollup):
    """A rollup of a database that a service has open; `refresh` and `append` work as well."""

    def __init__(self, service: ServiceClient, name: str, specification: Specification) -> None:
        ServedLevel.__init__(self, service, name)
        self.specification = specification

    def refresh(
        self,
        *,
        on_change: OnChange = "error",
        levels: bool = True,
        progress: Callable[[Progress], None] = lambda _: None,
        engine: Engine | None = None,
        only: Collection[str] | None = None,
    ) -> Refreshed:
        """Have the service count the files that have not been counted."""
        if engine is not None or only is not None:
            raise RollupError("a service has the database open, and counts all files by itself: leave engine and only")
        refreshed = _refreshed(self.name, self._service.refresh(self.name))
        if refreshed.changed and on_change == "error":
            raise ChangedFilesError(refreshed.changed)
        return refreshed

    def append(
        self, data: Any, *, batch_id: str | None = None, spool: str | Path | None = None, levels: bool = True
    ) -> Refreshed:
        """Have the service count data that is in no file."""
        if spool is not None:
            raise RollupError(
                "a service has the database open, and keeps no batches: leave the spool, or stop the service"
            )
        return _refreshed(self.name, self._service.append(self.name, data, batch_id=batch_id))


def find_rollup(database: object, name: str, specification: Specification) -> ServedRollup | None:
    """A rollup of the service that has a database open; None if none has.

    Raises:
        ManifestError: If the service has no such rollup.
        ChangedStatementError: If it has another statement.
    """
    service = find_service(database) if isinstance(database, (str, Path)) else None
    if service is None:
        return None
    statements = {each["rollup"]: each["statement"] for each in service.rollups()["rollups"]}
    if name not in statements:
        raise ManifestError(
            f"a service has {database} open, and has no rollup {name}: add it to its configuration, or stop the service"
        )
    difference = Specification.parse(statements[name]).difference(specification)
    if difference:
        raise ChangedStatementError(f"the service has the rollup {name} with another statement:\n{difference}")
    return ServedRollup(service, name, specification)


def served_status(service: ServiceClient) -> list[Status]:
    """How the rollups of a service stand, each followed by its levels."""
    known = {field.name for field in fields(Status)}
    tables = [table for rollup in service.status() for table in rollup["tables"]]
    return [Status(**{name: _read(name, value) for name, value in table.items() if name in known}) for table in tables]


def _read_source(document: Mapping[str, Any]) -> SourceStatus:
    found = {name: _read(name, value) for name, value in document.items()}
    lag = found["lag"]
    return SourceStatus(**{**found, "lag": None if lag is None else timedelta(seconds=lag)})


def _read(name: str, value: Any) -> Any:
    if name == "sources":
        return tuple(map(_read_source, value))
    return datetime.fromisoformat(value) if name in _TIMES and value is not None else value


def _refreshed(name: str, document: Mapping[str, Any]) -> Refreshed:
    known = {field.name for field in fields(Refreshed)}
    found = Refreshed(**{key: _read(key, value) for key, value in document.items() if key in known})
    found.rollup = name
    return found
