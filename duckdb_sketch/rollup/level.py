"""A table that the ledger knows: a rollup, or a coarser level of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import duckdb

from duckdb_sketch._loading import cursor
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.remote import find_service
from duckdb_sketch.rollup.access import Access, exclusive
from duckdb_sketch.rollup.archive.export import Exported, export
from duckdb_sketch.rollup.archive.restore import Export, opened_export, restore
from duckdb_sketch.rollup.errors import LockedError, ManifestError, RollupError, SpecificationError
from duckdb_sketch.rollup.ledger.database import open_database, open_to_read, require_free
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.pipeline.drop import drop
from duckdb_sketch.rollup.pipeline.levels import update_levels, whole_from
from duckdb_sketch.rollup.pipeline.retention import Expiry, expire, preview_expiry
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.reading.gaps import Moment, fill_level
from duckdb_sketch.rollup.reading.status import Change, Status, read_changes, read_status
from duckdb_sketch.rollup.specification.granularity import Granularity

if TYPE_CHECKING:
    from duckdb_sketch.remote import ServiceClient

_PAUSE = 0.05  # seconds
_T = TypeVar("_T")
_L = TypeVar("_L", bound="Level")


class Level:
    """A table with one row a bucket and group, that the ledger knows: a rollup of events, or a coarser level.

    Several threads may use one: each call waits for the others. A fork of the process may not.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, name: str, wait: float = 10, *, access: Access | None = None
    ) -> None:
        self._connection = connection
        self._shared = access is not None  # with the rollup that it was coarsened from, which closes it
        self._access = access or Access()
        self._ledger = Ledger(connection)
        self._wait = wait
        # Its results may be left unfetched, and that is no reason for ours to fail.
        self._reader: duckdb.DuckDBPyConnection | None = None
        self.name = name

    @property
    @exclusive
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A connection to the database, to query the tables with."""
        if self._reader is None:
            reader = cursor(self._connection)
            zone, path = fetch_row(
                self._connection, "SELECT current_setting('TimeZone'), current_setting('search_path')"
            )
            reader.execute(f"SET SESSION TimeZone = {quote(zone)}")
            if path:
                reader.execute(f"SET SESSION search_path = {quote(path)}")
            self._reader = reader
        return self._reader

    @exclusive
    def table(self) -> duckdb.DuckDBPyRelation:
        """The rows, one a bucket and group, as a relation of `connection`."""
        self._record()
        return self.connection.sql(f"FROM {identifier(self.name)}")

    @exclusive
    def filled(
        self, start: Moment | None = None, end: Moment | None = None, fill: Mapping[str, str] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The rows, and one for each bucket that a group lacks: its counts are 0, its sketches empty, the rest NULL.

        Args:
            start: From when on: the first bucket is the one that holds it. By default the first that there is.
            end: Until when, itself not included. By default until the last bucket that there is, included.
            fill: SQL of what other columns hold in the new rows, by their names.

        Returns:
            All rows from `start` to `end`, by time and dimensions, as a relation of `connection`.

        Raises:
            RollupError: As `fill_gaps` does.
        """
        return fill_level(self.connection, self._ledger, self._record(), start, end, fill or {})

    @exclusive
    def coarsen(self, every: str, name: str, by: Sequence[str] | None = None) -> Level:
        """Create a coarser level of it, or update that.

        From then on each refresh updates it as well, in the same transaction, from the buckets that changed.

        Args:
            every: The width of its buckets, such as `day` or `3 months`.
            name: The name of its table.
            by: The dimensions that it keeps; all of them by default.

        Returns:
            The level, which may be coarsened in turn.

        Raises:
            SpecificationError: If the buckets do not nest, or there is another table of this name.
        """
        return self._retried(lambda: self._coarsen(Granularity.parse(every), name, by))

    @exclusive
    def changes(self, since: int = 0) -> list[Change]:
        """The buckets that changed after a batch, in the order in which they did.

        Args:
            since: The number of the last batch that is known; 0 for everything.

        Raises:
            PrunedChangesError: If the changes after that batch are older than those that are kept.
        """
        record = self._record()
        return read_changes(self._ledger, record, since)

    @exclusive
    def status(self) -> list[Status]:
        """How it and its coarser levels stand, itself first."""
        self._record()
        return read_status(self._ledger, self.name)

    @exclusive
    def expire(self, older_than: str | timedelta | None = None, before: datetime | None = None) -> datetime | None:
        """Drop old buckets. Coarser levels keep theirs, and no later refresh brings the dropped ones back.

        Only whole buckets of the levels above are dropped, so that each of those is made of all its parts or of none.

        Args:
            older_than: How old, such as `90 days`, counted from the watermark: time as the events tell it.
            before: Or the time itself, as the ledger holds times.

        Returns:
            The time before which there is nothing now; None if nothing has expired.
        """
        return self._retried(lambda: expire(self._ledger, self._record(), older_than, before))

    @exclusive
    def preview_expiry(self, older_than: str | timedelta | None = None, before: datetime | None = None) -> Expiry:
        """What `expire` would drop: how many buckets and groups. Nothing is written.

        Args:
            older_than: As for `expire`.
            before: As for `expire`.

        Raises:
            RollupError: As for `expire`.
        """
        return preview_expiry(self._ledger, self._record(), older_than, before)

    @exclusive
    def export(self, folder: str | Path, partition: str = "month") -> Exported:
        """Write it as Parquet, or update an export: only partitions that changed are written.

        They are `<folder>/<unit>=<start>/rollup.parquet`, such as `month=2013-10/rollup.parquet`. Each is replaced as a
        whole, so that readers need not wait, and `_rollup.json`, which `from_export` needs, is written last. What has
        expired from the table stays in the export.

        Args:
            folder: A folder for this alone: a local one, or one of an object store, as `s3://bucket/folder`.
            partition: How much time a file holds, such as `day`, `month` or `year`.

        Returns:
            What was written.

        Raises:
            SpecificationError: If buckets lie across partitions.
            RollupError: If the folder holds anything else, or cannot be written.
            LockedError: If it is being exported to the same folder already.
        """
        self._record()
        return self._retried(lambda: export(self._ledger, self.name, folder, partition))

    @classmethod
    def from_export(
        cls,
        folder: str | Path,
        *,
        database: str | Path | duckdb.DuckDBPyConnection = ":memory:",
        name: str | None = None,
        memory_limit: str | None = None,
        wait: float = 10,
    ) -> Level:
        """A coarser level as it was when it was exported, in a database into which its rollup was just imported.

        The two have to be exported with no refresh between.

        Args:
            folder: The folder, or its URL in an object store or on a web server.
            database: The database file, or a connection to one.
            name: The name of its table; by default the one that it had.
            memory_limit: Memory limit, such as `2GB`.
            wait: Seconds to wait for another process or thread that uses the database.

        Raises:
            ManifestError: If the export is not whole, or its rollup is not in the database as it was then.
            RollupError: If there is a table of this name.
        """
        with opened_export(folder, database) as found:
            record = found.manifest.record
            if isinstance(record, RollupRecord):
                raise ManifestError(f"{folder} holds a rollup of events: import it with Rollup.from_export")
            connection = open_database(database, memory_limit, wait)
            level = Level(connection, name or record.name, wait)
            try:
                level._import(found)
            except BaseException:
                connection.close()
                raise
            return level

    def interrupt(self) -> None:
        """Interrupt what another thread does with it right now. What was counted before is kept."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connections. A database that was given as a connection stays open, and so does a level's rollup."""
        if self._access.is_inherited:
            return  # they are those of the process that this one is a fork of
        with self._access:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            if not self._shared:
                self._connection.close()

    def __enter__(self: _L) -> _L:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _import(self, found: Export) -> None:
        def within() -> None:
            with self._ledger.transaction():
                self._ledger.create()
                if self._ledger.find(self.name) is not None:
                    raise RollupError(f"there is a rollup {self.name} already: import it under another name")
                require_free(self._connection, self.name)
                restore(self._ledger, found, self.name)

        zone = found.manifest.record.time_zone or "UTC"
        self._connection.execute(f"SET SESSION TimeZone = {quote(zone)}")
        self._retried(within)

    def _record(self) -> RollupRecord | LevelRecord:
        return self._ledger.get(self.name)

    def _retried(self, action: Callable[[], _T]) -> _T:
        """Do it again while another connection is in the way. Only waiting counts, not what is done meanwhile."""
        waited = 0.0
        while True:
            try:
                with self._ledger.kept():
                    return action()
            except LockedError:
                if waited >= self._wait:
                    raise
                time.sleep(_PAUSE)
                waited += _PAUSE

    def _coarsen(self, every: Granularity, name: str, by: Sequence[str] | None) -> Level:
        with self._ledger.transaction():
            record = self._record()
            table = table_of(self._ledger, record)
            level = table.coarser(name, every, by)
            known = self._ledger.find(name)
            if known is None:
                require_free(self._connection, name)
                self._connection.execute(level.create())
                self._ledger.add(
                    LevelRecord(
                        name=name,
                        parent=self.name,
                        every=str(every),
                        dimensions=None if by is None else list(level.dimensions),
                        time_zone=record.time_zone,
                        allowed_lateness=record.allowed_lateness,
                        expired_before=whole_from(self._connection, record, level),
                    )
                )
            elif isinstance(known, RollupRecord):
                raise SpecificationError(f"{name} is a rollup of events already: give this level another name")
            elif (known.parent, known.every) != (self.name, str(every)) or table_of(self._ledger, known) != level:
                raise SpecificationError(
                    f"{name} exists already, as every {known.every} of {known.parent} by "
                    f"{', '.join(table_of(self._ledger, known).dimensions) or 'nothing'}: give this one another name"
                )
            update_levels(self._ledger, self.name)
        return Level(self._connection, name, self._wait, access=self._access)


def open_level(
    name: str, database: str | Path | duckdb.DuckDBPyConnection, *, wait: float = 10, read_only: bool = False
) -> Level:
    """A rollup or a coarser level that is in a database, by its name.

    Args:
        name: Its name.
        database: The database file, or a connection to one.
        wait: Seconds to wait for another process that has the database open.
        read_only: As for `duckdb.connect`: other processes may read the file at the same time.

    Raises:
        ManifestError: If there is none of this name.
        LockedError: If another process has the database open.
    """
    existing = _existing(database)
    service = find_service(existing) if isinstance(existing, (str, Path)) else None
    if service is not None:
        return _served(service, name)
    connection = open_to_read(existing, wait) if read_only else open_database(existing, None, wait)
    level = Level(connection, name, wait)
    try:
        zone = level._record().time_zone or "UTC"
        connection.execute(f"SET SESSION TimeZone = {quote(zone)}")
    except BaseException:
        connection.close()
        raise
    return level


def _served(service: ServiceClient, name: str) -> Level:
    from duckdb_sketch.rollup.served import ServedLevel, served_status  # only here: it is made of this

    known = [status.rollup for status in served_status(service)]
    if name not in known:
        raise ManifestError(f"there is no rollup {name} in this database; there is {', '.join(known) or 'none'}")
    return ServedLevel(service, name)


def drop_rollup(name: str, database: str | Path | duckdb.DuckDBPyConnection, *, wait: float = 10) -> None:
    """Drop a rollup or a coarser level: its table, if it is still there, and what the ledger has of it.

    Its table may have been dropped by hand before. The files that it has counted are not touched.

    Args:
        name: Its name.
        database: The database file, or a connection to one.
        wait: Seconds to wait for another process that has the database open.

    Raises:
        ManifestError: If there is none of this name.
        RollupError: If coarser levels are made from it.
        LockedError: If another connection is changing it.
    """
    connection = open_database(_existing(database), None, wait)
    try:
        drop(Ledger(connection), name)
    finally:
        connection.close()


def rollup_names(database: str | Path | duckdb.DuckDBPyConnection, *, wait: float = 10) -> list[str]:
    """The names of the rollups in a database, each followed by its coarser levels."""
    service = find_service(database) if isinstance(database, (str, Path)) else None
    if service is not None:
        from duckdb_sketch.rollup.served import served_status  # only here: it is made of this

        return [status.rollup for status in served_status(service)]
    connection = open_to_read(_existing(database), wait)
    try:
        return Ledger(connection).names()
    finally:
        connection.close()


def _existing(database: str | Path | duckdb.DuckDBPyConnection) -> str | Path | duckdb.DuckDBPyConnection:
    # DuckDB would make an empty database of a name that is mistyped.
    if isinstance(database, (str, Path)):
        try:
            Path(database).stat()
        except FileNotFoundError as error:
            raise RollupError(f"there is no database {database}") from error
        except OSError as error:
            raise RollupError(f"{database} cannot be opened: {error.strerror}") from error
        except ValueError as error:  # a NUL in the path
            raise RollupError(f"{str(database)!r} is not the path of a file: {error}") from error
    return database
