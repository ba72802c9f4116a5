"""Rollups: tables that are kept up to date from one SELECT."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup.access import exclusive
from duckdb_sketch.rollup.archive.restore import opened_export
from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.engines.given import GivenGroups
from duckdb_sketch.rollup.errors import (
    ChangedFilesError,
    LockedError,
    ManifestError,
    RollupError,
    SourceError,
    SpecificationError,
)
from duckdb_sketch.rollup.given_source import GivenSource, check_sources
from duckdb_sketch.rollup.ledger.database import open_database
from duckdb_sketch.rollup.ledger.records import Batch, LevelRecord, Record
from duckdb_sketch.rollup.level import Level
from duckdb_sketch.rollup.memory import files_that_fit
from duckdb_sketch.rollup.pipeline.append import Appending, check_id, events_of_groups
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.pipeline.preview import preview
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.refresh import OnChange, Refresh
from duckdb_sketch.rollup.pipeline.replay import Replay
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.pipeline.waiting import Waiting, waiting
from duckdb_sketch.rollup.reading.status import Change
from duckdb_sketch.rollup.settings import KEPT_CHANGES, Late, Missing, Settings
from duckdb_sketch.rollup.sources.attached import detach_all
from duckdb_sketch.rollup.sources.data import registered
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.declared import Declared, declared_text
from duckdb_sketch.rollup.sources.events import Extent
from duckdb_sketch.rollup.sources.lookups import provide
from duckdb_sketch.rollup.sources.secrets import use_secrets
from duckdb_sketch.rollup.sources.spool import publish_left
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.expand import expand as expanded
from duckdb_sketch.rollup.specification.granularity import parse_span
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.statement_file import read_statement
from duckdb_sketch.rollup.specification.table import without_zone
from duckdb_sketch.rollup.verification.verified import Verified
from duckdb_sketch.rollup.verification.verify import verify

Source = Declared

_DATA = "duckdb_sketch_data"
_EVENTS_OF_DATA = "duckdb_sketch_data_events"


class Rollup(Level):
    """A table that is kept up to date from one SELECT over events.

    >>> from duckdb_sketch import Rollup
    >>> import pandas
    >>> times = pandas.to_datetime(["2013-10-28 02:13", "2013-10-28 02:14"])
    >>> bids = pandas.DataFrame({"ts": times, "user": ["a", "b"]})
    >>> rollup = Rollup.from_sql(
    ...     "SELECT date_trunc('hour', ts) AS hour, hll_sketch_agg(user) AS users FROM bids GROUP BY ALL", name="hourly"
    ... )
    >>> rollup.append(bids, batch_id="monday").rows
    2
    >>> rollup.append(bids, batch_id="monday").rows  # the same again is not counted again
    0
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        specification: Specification,
        sources: Mapping[str, Any],
        settings: Settings,
        wait: float,
    ) -> None:
        super().__init__(connection, name, wait)
        self.specification = specification
        self._settings = settings
        given = sources.get(specification.source, specification.declared)
        self._target = Target(self._ledger, name, specification, settings, declared_text(given))
        self._source = GivenSource(given, self._target)
        self._engine = DuckDBEngine(specification)
        self._seen: dict[Any, Extent] = {}
        check_sources(specification, sources)
        provide(connection, {name: data for name, data in sources.items() if name != specification.source})
        self._enter_zone(self._ledger.find(name))

    @property
    @exclusive
    def time_zone(self) -> str | None:
        """The time zone in which TIMESTAMPTZ are truncated; None if none was given."""
        record = self._ledger.find(self.name)
        return self._settings.time_zone or (record.time_zone if record else None)

    @exclusive
    def input_types(self) -> dict[str, str]:
        """The SQL types of the counted columns, by name; empty if nothing was counted."""
        return dict(self._target.input_types())

    @exclusive
    def lookups(self) -> dict[str, Any]:
        """The lookup tables that the statement reads, as Arrow tables.

        Raises:
            SourceError: If one does not exist.
        """
        try:
            return {name: arrow_table(self._connection.table(identifier(name))) for name in self.specification.lookups}
        except duckdb.CatalogException as error:
            raise SourceError(f"a lookup table exists neither in the database nor in sources: {error}") from error

    def _enter_zone(self, record: Record | None) -> None:
        zone = self._settings.time_zone or (record.time_zone if record else None) or "UTC"
        try:
            self._connection.execute(f"SET SESSION TimeZone = {quote(zone)}")
        except duckdb.Error as error:
            raise RollupError(
                f"{zone!r} is not a time zone: write its name, such as Europe/Berlin ({error})"
            ) from error

    @classmethod
    def from_sql(
        cls,
        statement: str | Path,
        *,
        sources: Mapping[str, Any] | None = None,
        database: str | Path | duckdb.DuckDBPyConnection = ":memory:",
        name: str | None = None,
        time_zone: str | None = None,
        allowed_lateness: str | timedelta | None = None,
        late: Late | None = None,
        earliest: datetime | None = None,
        latest: datetime | None = None,
        memory_limit: str | None = None,
        keep_changes: int = KEPT_CHANGES,
        missing: Missing | None = None,
        look_back: int | None = None,
        wait: float = 10,
        expand: bool = False,
    ) -> Rollup:
        """A rollup as a statement defines it. Nothing is written before the first `refresh` or `append`.

        Args:
            statement: One SELECT … GROUP BY ALL, or the path of a file with one.
            sources: The files of each table: paths or glob patterns of Parquet, CSV or JSON files, folders of such
                files, or lists of these; for lookup tables also data that DuckDB scans. Other tables are tables of the
                database.
            database: The database file that holds the rollup, or a connection to one. If a service has the file open,
                the service is used, with its settings.
            name: Name of the table. Default: the name of the statement's file.
            time_zone: Time zone for truncating TIMESTAMPTZ, such as `Europe/Berlin`.
            allowed_lateness: How far the watermark stays behind the highest event time, such as `2 hours`.
            late: What to do with rows of final buckets: `merge` (the default), `drop` or `error`.
            earliest: Event times before this are rejected. Default: 1900.
            latest: Event times from this on are rejected. Default: 2200.
            memory_limit: Memory limit of a refresh, such as `2GB`.
            keep_changes: Number of batches for which `changes` keeps every change; a consumer that is further behind
                has to read the whole table once.
            missing: What to do if a file lacks a column: raise an `error` (the default), or use `null`. A key that a
                JSON object lacks is always NULL.
            look_back: For object stores whose folder names sort by time: a refresh lists this many of the newest
                counted folders, and those after them. New or changed objects in older folders are not noticed.
                Default: all folders are listed.
            wait: Seconds to wait for another process or thread that uses the database.
            expand: Whether to rewrite `avg`, `stddev`, `median`, `count(DISTINCT x)` and similar as metrics that merge;
                `specification.statement` has the result.

        Raises:
            SpecificationError: If the statement cannot be rolled up; the message says what to write instead.
            LockedError: If another process has the database open.
        """
        text, stem = read_statement(statement)
        specification = Specification.parse(expanded(text) if expand else text)
        name = name or stem
        if not name:
            raise SpecificationError("a statement that is not a file has no name: give one with name='bids_hourly'")
        first, last = (None if time is None else without_zone(time) for time in (earliest, latest))
        lateness = parse_span(allowed_lateness)
        settings = Settings(
            time_zone,
            lateness,
            late,
            first,
            last,
            memory_limit,
            keep_changes,
            missing,
            look_back,
        )
        from duckdb_sketch.rollup.served import find_rollup  # only here: it is made of this

        served = find_rollup(database, name, specification)
        if served is not None:
            return served
        connection = open_database(database, memory_limit, wait)
        try:
            return cls(connection, name, specification, sources or {}, settings, wait)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def from_export(
        cls,
        folder: str | Path,
        *,
        database: str | Path | duckdb.DuckDBPyConnection = ":memory:",
        sources: Mapping[str, Any] | None = None,
        name: str | None = None,
        memory_limit: str | None = None,
        wait: float = 10,
    ) -> Rollup:
        """Restore a rollup from an export; `refresh` and `append` continue from there, and count nothing twice.

        Create coarser levels with `coarsen`, or import them afterwards with `Level.from_export`.

        Args:
            folder: The folder of the export, or its URL in an object store or on a web server.
            database: The database file that will hold the rollup, or a connection to one.
            sources: As for `from_sql`. Files are the same if their paths, sizes and modification times are.
            name: Name of the table. Default: its name in the export.
            memory_limit: Memory limit of the import and of a refresh, such as `2GB`.
            wait: Seconds to wait for another process or thread that uses the database.

        Raises:
            ManifestError: If the export is incomplete, or is of a coarser level.
            RollupError: If a table of this name exists, or a file cannot be read.
        """
        with opened_export(folder, database) as found:
            record = found.manifest.record
            if isinstance(record, LevelRecord):
                raise ManifestError(
                    f"{folder} holds {record.name}, a coarser level of {record.parent}: import {record.parent}, and "
                    "then this with Level.from_export, or rebuild it with coarsen"
                )
            connection = open_database(database, memory_limit, wait)
            try:
                specification = Specification.parse(record.statement)
                settings = Settings(time_zone=record.time_zone)
                rollup = cls(connection, name or record.name, specification, sources or {}, settings, wait)
                rollup._import(found)
            except BaseException:
                connection.close()
                raise
            return rollup

    @exclusive
    def refresh(
        self,
        *,
        on_change: OnChange = "error",
        levels: bool = True,
        progress: Callable[[Progress], None] = lambda _: None,
        engine: Engine | None = None,
        only: Collection[str] | None = None,
    ) -> Refreshed:
        """Count new files.

        Files are counted in batches that fit in memory, each in its own transaction: after a crash, the next refresh
        continues after the last batch.

        Args:
            on_change: What to do about a file that changed after it was counted, in addition to counting new files:
                `rebuild` its buckets from all files with rows in them; `report` it in `Refreshed.changed`; or raise an
                `error` after the new files are counted. A file is unchanged if its bytes are unchanged.
            levels: Whether to update the coarser levels with each batch; otherwise they catch up with the next
                refresh that does, or with `coarsen`.
            progress: Called before each batch with the progress.
            engine: What aggregates the new files instead of this process, all files of a kind in one batch.
            only: The paths of the new files to count, such as some of `waiting()`. The watermark moves as if there were
                no other files.

        Returns:
            What was counted.

        Raises:
            SourceError: If there is no file, or one is unreadable or has other columns; the message names it.
            ChangedFilesError: If files changed, and `on_change` is `error`.
            LateDataError: If rows are late, and `late` is `error`.
            ChangedStatementError: If the rollup was created with another statement.
            LockedError: If another connection is changing the rollup.
        """
        refreshed = Refreshed.of(self.name, self._source.kind)
        with self._reading():
            self._retried(lambda: self._refresh(on_change, levels, progress, engine, only, refreshed))
        if refreshed.changed and on_change == "error":
            raise ChangedFilesError(refreshed.changed)
        return refreshed

    @exclusive
    def append(
        self, data: Any, *, batch_id: str | None = None, spool: str | Path | None = None, levels: bool = True
    ) -> Refreshed:
        """Count data without a file.

        Args:
            data: Anything that DuckDB scans: a pandas or Polars DataFrame, an Arrow table, a relation, or a
                RecordBatchReader, which is read once and never held in memory as a whole.
            batch_id: A name for the data, as text. Data with an id that was counted before is not counted again.
            spool: A folder that keeps all columns of the rows as Parquet, under the name of the source and the id:
                then they can be replayed and verified, and a cube reads them.
            levels: As for `refresh`.

        Returns:
            What was counted; no batch if the id was known.

        Raises:
            InvalidInputError: If the id is not text, or there is a spool and no id.
            SourceError: If the data cannot be read, or kept.
        """
        if spool is not None and batch_id is None:
            raise InvalidInputError("a spool keeps batches under their ids: give batch_id='2026-01-01' as well")
        if batch_id is not None and self.has_batch(batch_id):
            publish_left(self._ledger.spooled(self.name))
            return self._appended(None)
        with registered(self._connection, _DATA, data):
            appending = self._appending(self._engine, levels)
            if spool is not None and batch_id is not None:
                return self._appended(appending.append_and_keep(_DATA, batch_id, spool))
            return self._appended(appending.append_data(_DATA, batch_id))

    @exclusive
    def append_groups(
        self, groups: Any, *, events: Any = None, batch_id: str | None = None, levels: bool = True
    ) -> Refreshed:
        """Count groups that the same statement has aggregated elsewhere, such as on a cluster.

        Args:
            groups: As for `append`, with the columns of the table; a group may have several rows. Whole numbers may
                be DECIMAL, and types that Parquet or Spark lack may be text. A column `duckdb_sketch_rows` has the
                number of events; without it, it is taken from the statement's `count(*)`, or is one per row. A column
                `duckdb_sketch_latest` has the last event time of a group, with which the watermark moves as with a
                refresh; without it, the last event is assumed to be at the start of its bucket, so that no bucket is
                final too early.
            events: Data with the columns of the events, whose rows are not read. The first batch of a rollup needs it;
                later ones compare the columns with those of earlier batches.
            batch_id: As for `append`.
            levels: As for `refresh`.

        Returns:
            What was counted; no batch if the id was known.

        Raises:
            SourceError: If they are not groups of this rollup.
        """
        if batch_id is not None and self.has_batch(batch_id):
            return self._appended(None)
        with ExitStack() as data:
            if events is not None:
                if isinstance(events, duckdb.DuckDBPyRelation):
                    events = arrow_table(events.limit(0))  # read before the groups, which may be of its connection
                data.enter_context(registered(self._connection, _EVENTS_OF_DATA, events))
            data.enter_context(registered(self._connection, _DATA, groups))
            given = events_of_groups(
                self._connection, self._target, None if events is None else _EVENTS_OF_DATA, batch_id
            )
            return self._appended(self._appending(GivenGroups(_DATA), levels).append(given))

    def _appending(self, engine: Engine, levels: bool) -> Appending:
        self._enter_zone(self._target.known())
        return Appending(self._target, engine, self._retried, levels)

    def _appended(self, batch: Batch | None) -> Refreshed:
        refreshed = Refreshed(self.name)
        if batch is not None:
            refreshed.add(batch)
        refreshed.watermark = self._record().watermark
        return refreshed

    @exclusive
    def has_batch(self, batch_id: str) -> bool:
        """Whether a batch with this id was appended.

        Raises:
            InvalidInputError: If the id is not text.
        """
        check_id(batch_id)
        return self._ledger.has_batch(self.name, batch_id)

    @exclusive
    def replay(self, *, progress: Callable[[Progress], None] = lambda _: None) -> Refreshed:
        """Rebuild the rollup from the files that it has counted, and swap it in.

        Whole numbers and HLL sketches are identical if they were right; histograms are within their stated error; sums
        of DOUBLE are equal except for rounding. A changed statement replaces that of the rollup. Rows that were
        dropped as late are counted.

        Args:
            progress: Called before each batch with the progress.

        Raises:
            RollupError: If rows were appended, which are in no file, or buckets have expired and the statement has
                changed.
            SourceError: If a counted file was deleted or changed.
        """
        with self._reading():
            return self._retried(lambda: self._replay(progress))

    @exclusive
    def preview(self) -> list[Change]:
        """The buckets that a refresh would change, with their number of new rows. Nothing is written."""
        self._enter_zone(self._target.known())
        with self._reading():
            return preview(self._target, self._source.reader())

    @exclusive
    def waiting(self) -> Waiting:
        """The files that have not been counted, and whether counting them makes buckets final. Nothing is written.

        Raises:
            SourceError: If there is no file, or one cannot be read.
        """
        self._enter_zone(self._target.known())
        with self._reading():
            return waiting(self._target, self._source.reader(), self._engine, self._seen)

    @exclusive
    def verify(self, sample: int = 10, seed: int = 0) -> Verified:
        """Recompute a sample of buckets from their files, exactly, and compare. Nothing is written.

        Sums, counts and extremes have to be equal, and so do the bytes of distinct-count sketches; estimates are
        compared with exact answers. Buckets with appended rows cannot be rebuilt, and are skipped, as are those of
        files that were changed or deleted.

        Args:
            sample: Number of buckets to rebuild.
            seed: Random seed: the same number selects the same buckets.

        Returns:
            The result; its `ok` is true if every check passed.

        Raises:
            ManifestError: If the rollup does not exist yet.
            SourceError: If a file changed while it was read.
            ChangedStatementError: If the rollup was created with another statement.
        """
        self._target.check(self._ledger.rollup(self.name))
        publish_left(self._ledger.spooled(self.name))
        with self._reading():
            return verify(self._ledger, self.specification, self.name, sample=sample, seed=seed)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Let go of the database of a table that is in another one, once it was read: others may write to it then."""
        if any(map(is_url, self.declaration.patterns)):
            use_secrets(self._connection)
        try:
            yield
        finally:
            detach_all(self._connection)

    def _refresh(
        self,
        on_change: OnChange,
        levels: bool,
        progress: Callable[[Progress], None],
        engine: Engine | None,
        only: Collection[str] | None,
        refreshed: Refreshed,
    ) -> Refreshed:
        known = self._target.known()
        self._enter_zone(known)
        most_rows = self._source.most_rows if engine is None else None
        most_files = sys.maxsize if engine else files_that_fit(self._connection, self._settings.memory_limit)
        source = self._source.reader()
        if engine is not None and source.transactional:
            raise SourceError(
                f"the source {self.specification.source} is read in this process, in one snapshot: refresh without an "
                "engine (--engine duckdb), or give the cluster files"
            )
        refresh = Refresh(
            self._target, source, engine or self._engine, most_rows, levels=levels, most_files=most_files, only=only
        )
        try:
            refresh.run(on_change, progress, refreshed)
        except LockedError:
            raise
        except RollupError as error:
            with suppress(RollupError, duckdb.Error):
                refresh.note(error)
            raise
        refresh.note(ChangedFilesError(refreshed.changed) if refreshed.changed else None)
        if levels and not refreshed.batches and known is not None:
            self._catch_up()
        refreshed.watermark = self._record().watermark
        return refreshed

    def _replay(self, progress: Callable[[Progress], None]) -> Refreshed:
        self._enter_zone(self._ledger.rollup(self.name))
        source = self._source.reader_of_counted()
        most_files = files_that_fit(self._connection, self._settings.memory_limit)
        refreshed = Replay(self._target, source, self._source.most_rows, progress, most_files).run()
        refreshed.watermark = self._record().watermark
        return refreshed

    @property
    def declaration(self) -> Declaration:
        """How the files of the source are declared; none where it is a table."""
        return self._source.declaration()

    def _catch_up(self) -> None:
        if all(child.consumed == self._record().last_batch for child in self._ledger.children(self.name)):
            return
        with self._ledger.transaction():
            update_levels(self._ledger, self.name)
