"""What the planner knows of a database: read from its ledger, its tables and the files of its sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from threading import Lock
from time import monotonic
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.bucket_calendar import Calendar, ceiling
from duckdb_sketch.cube.counted import compared, counted_by_clock, read_slices
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.sections import NO_SECTIONS, Sections
from duckdb_sketch.cube.state import MetricColumn
from duckdb_sketch.cube.statement import Statement, dimensions_of, event_type_of, metrics_of, read_statement
from duckdb_sketch.cube.table import CubeTable, Slices
from duckdb_sketch.rollup.errors import ManifestError, SourceError
from duckdb_sketch.rollup.ledger.ledger import Ledger, read_record
from duckdb_sketch.rollup.ledger.records import CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.query import Row, describe, fetch_row
from duckdb_sketch.rollup.sources.all_columns import all_columns
from duckdb_sketch.rollup.sources.declared import Declared, files_of, ranges_of
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.folder_snapshot import FolderSnapshot, files_in, snapshot_of
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.source import SourceSlice
from duckdb_sketch.rollup.sources.spool import publish_left
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table

Sources = Mapping[str, Any]

_BatchKey = tuple[str, int, int]

_MANY = 50  # records, of which a digest is faster than all that they say
_READ_ONLY = "SELECT readonly FROM duckdb_databases() WHERE database_name = current_database()"


@dataclass(frozen=True)
class Catalog:
    """What there is of one table of events.

    Attributes:
        source: The table of events.
        tables: The rollups of it, and their levels.
        files: The files of the table of events, as they were listed.
        unusable: What is wrong with rollups whose tables are gone.
        version: Tells it from what there was at other times: two of one reader that have the same version are alike.
        schema: Identifies the columns and their types. Unlike `version`, it stays the same over refreshes.
    """

    source: EventSource
    tables: tuple[CubeTable, ...]
    files: tuple[SourceSlice, ...]
    unusable: tuple[str, ...]
    version: int
    schema: int


@dataclass(frozen=True)
class _Known:
    """What is known of a table as of a batch."""

    layout: Table
    event_type: str
    dimensions: Mapping[str, str]
    metrics: tuple[MetricColumn, ...]
    rows: int
    first: datetime | None
    last: datetime | None


class _Records:
    """The records of a ledger as they were at one moment, by what they are looked up by.

    Attributes:
        rows: The rows that they were made from.
        by_name: The records.
        children: The levels that are made from each rollup or level.
        keys: What tells a batch of a rollup or level from every other one, also of a rollup of the same name that was
            dropped.
        sources: The rollups of each table of events, by the name of that table in lower case.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.by_name: dict[str, RollupRecord | LevelRecord] = {}
        self.children: dict[str, list[LevelRecord]] = {}
        self.keys: dict[str, _BatchKey] = {}
        self.sources: dict[str, list[RollupRecord]] = {}
        for row in rows:
            record = read_record(row)
            self.by_name[record.name] = record
            self.keys[record.name] = (record.name, row[-1], record.last_batch)
            if isinstance(record, LevelRecord):
                self.children.setdefault(record.parent, []).append(record)


@dataclass(frozen=True)
class _Kept:
    """A catalog, and what it was made from: it holds as long as both are as they were."""

    records: _Records
    files: Sequence[SourceSlice]
    catalog: Catalog
    changed: Mapping[str, str]


@dataclass(frozen=True)
class _Listed:
    """The files of patterns.

    Attributes:
        since: When they were looked for.
        seen: What their folders looked like before that.
        counted: The paths that had been counted; None if the files are these whatever was counted.
        files: By path.
    """

    since: float
    seen: FolderSnapshot | None
    counted: Mapping[str, None] | None
    files: Mapping[str, File]


class CatalogReader:
    """Reads the catalog of a database, and keeps what cannot have changed.

    Args:
        given: The files of the tables of events, by name, as `Cube` takes them.
        listing_age: For how many seconds files are not looked for again.
    """

    def __init__(self, given: Sources, listing_age: float = 0) -> None:
        self.given = given
        self._listing_age = listing_age
        self._listings: dict[tuple[str, ...], _Listed] = {}
        #: Held from `sources` to the last `read`, as the one leaves what it found for the other.
        self.lock = Lock()
        self._versions = count()
        self._schemas: dict[object, int] = {}
        self._is_fixed: bool | None = None
        self._records = _Records(())
        self._added = Ledger.added
        self._digest: Row | None = None
        self._catalogs: dict[str, _Kept] = {}
        self._statements: dict[str, Statement] = {}
        self._counted: dict[_BatchKey, tuple[Sections, tuple[dict[str, CountedSlice], Slices]]] = {}
        self._spooled: dict[_BatchKey, dict[str, str]] = {}
        self._layouts: dict[_BatchKey, _Known] = {}
        self._sections: Sections = NO_SECTIONS

    def sources(self, connection: duckdb.DuckDBPyConnection) -> dict[str, list[RollupRecord]]:
        """The rollups of each table of events, by the name of that table in lower case.

        Raises:
            ManifestError: If the ledger is of another version.
        """
        if not (self._is_fixed and self._records.rows):
            self._read_records(connection)
        return self._records.sources

    def _read_records(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read the records, and keep those that there are if they are still the same."""
        ledger = Ledger(connection)
        added = Ledger.added
        digest = ledger.digest_of_records() if len(self._records.rows) >= _MANY else None
        if digest is not None and (digest, added) == (self._digest, self._added):
            return
        rows = ledger.rows_of_records() if self._records.rows or ledger.exists() else []
        self._digest = digest
        if rows == self._records.rows and added == self._added:
            return
        if added != self._added:  # perhaps a rollup that was made again, with the keys of the dropped one
            self._counted, self._spooled, self._layouts = {}, {}, {}
        self._added = added
        self._records = _Records(rows)
        for record in self._records.by_name.values():
            if isinstance(record, RollupRecord):
                name = self._statement(record).specification.source.lower()
                self._records.sources.setdefault(name, []).append(record)
        current = set(self._records.keys.values())
        self._counted = {key: value for key, value in self._counted.items() if key in current}
        self._spooled = {key: value for key, value in self._spooled.items() if key in current}
        self._layouts = {key: value for key, value in self._layouts.items() if key in current}
        if self._is_fixed is None:
            # A database that is open for reading alone is one that no process writes to.
            self._is_fixed = bool(fetch_row(connection, _READ_ONLY)[0])

    def read(
        self,
        connection: duckdb.DuckDBPyConnection,
        prober: duckdb.DuckDBPyConnection,
        rollups: Sequence[RollupRecord],
        calendar: Calendar,
        held: ExitStack,
    ) -> Catalog:
        """What there is of one table of events, in the transaction that the connection is in.

        Args:
            connection: Its time zone is that of the rollups.
            prober: Another connection, for questions that may fail.
            rollups: The rollups of the table of events.
            calendar: Truncates times.
            held: Holds what text files are read into, for as long as the catalog is used.
        """
        ledger = Ledger(connection)
        name = self._statement(rollups[0]).specification.source
        files, listed = self._files(connection, rollups, ledger)
        found, kept = tuple(files.values()), self._catalogs.get(name)
        changed = self._sections.changed
        if kept is None or kept.records is not self._records or kept.files != found or kept.changed != changed:
            catalog = self._read(ledger, prober, rollups, files, calendar, listed=listed)
            kept = self._catalogs[name] = _Kept(self._records, found, catalog, changed)
        source = replace(kept.catalog.source, scan=self._scanner(connection, rollups, kept.catalog, held))
        return replace(kept.catalog, source=source)

    def _read(
        self,
        ledger: Ledger,
        prober: duckdb.DuckDBPyConnection,
        rollups: Sequence[RollupRecord],
        files: Mapping[str, SourceSlice],
        calendar: Calendar,
        *,
        listed: bool,
    ) -> Catalog:
        found: list[CubeTable] = []
        unusable: list[str] = []
        for record in rollups:
            try:
                found += self._family(ledger, prober, record, files, calendar)
            except ManifestError as error:  # its table was dropped by hand
                unusable.append(str(error))
        source = EventSource(
            name=self._statement(rollups[0]).specification.source,
            sizes={path: self._sections.sizes.get(path, file.size or 0) for path, file in files.items()},
            counted=counted_by_clock(found),
            scan=lambda paths: "",
            columns=self._columns(prober, rollups, files),
            listed=listed,
        )
        schema = (
            *source.columns.items(),
            *(item for table in found for item in (table.name, *table.layout.types.items())),
        )
        number = self._schemas.setdefault(schema, len(self._schemas))
        return Catalog(source, tuple(found), tuple(files.values()), tuple(unusable), next(self._versions), number)

    def _statement(self, record: RollupRecord) -> Statement:
        if record.statement not in self._statements:
            self._statements[record.statement] = read_statement(record.statement)
        return self._statements[record.statement]

    def _files(
        self, connection: duckdb.DuckDBPyConnection, records: Sequence[RollupRecord], ledger: Ledger
    ) -> tuple[dict[str, SourceSlice], bool]:
        """The files of a source as they are now, by path, and whether they were looked for."""
        declared = self._declared(records)
        ranges = ranges_of(connection, self._statement(records[0]).specification, declared)
        self._sections = NO_SECTIONS
        if ranges is not None:
            counted = {each.name: list(ledger.slices(each.name, CountedSlice.RANGE).values()) for each in records}
            self._sections = Sections.of(ranges, counted)
        paths = dict.fromkeys(path for record in records for path in self._counted_by(ledger, record)[0])
        kept = {path: fingerprint for each in records for path, fingerprint in self._spooled_by(ledger, each).items()}
        publish_left(kept)
        there: dict[str, SourceSlice] = {path: File.at(path) for path in sorted(kept) if os.path.isfile(path)}
        if ranges is not None:
            return {**there, **{each.path: each for each in self._sections.there}}, True
        if declared is not None:
            return {**there, **self._listed(connection, files_of(declared).patterns, paths)}, True
        return {path: File.at(path) for path in paths if not is_url(path) and os.path.isfile(path)}, False

    def _listed(
        self, connection: duckdb.DuckDBPyConnection, patterns: tuple[str, ...], counted: Mapping[str, None]
    ) -> Mapping[str, File]:
        """The files of patterns: as they are, or were a moment ago, if all that were counted were there then."""
        known = self._listings.get(patterns)
        since = monotonic()
        if known and since - known.since <= self._listing_age and counted.keys() <= known.files.keys():
            return known.files
        seen = snapshot_of(patterns)
        if known and seen is not None and seen == known.seen and known.counted in (None, counted):
            self._listings[patterns] = replace(known, since=since)
            return known.files
        found = None if seen is None else files_in(patterns, seen, known.files if known else {})
        files = found or {file.path: file for file in find(connection, patterns, counted).files}
        if self._listing_age or seen is not None:
            self._listings[patterns] = _Listed(since, seen, None if found else counted, files)
        return files

    def _counted_by(self, ledger: Ledger, record: RollupRecord) -> tuple[dict[str, CountedSlice], Slices]:
        key = self._records.keys[record.name]
        sections, found = self._counted.get(key, (None, None))
        if found is None or sections != self._sections:
            found = read_slices(ledger, record, self._sections)
            self._counted[key] = self._sections, found
        return found

    def _spooled_by(self, ledger: Ledger, record: RollupRecord) -> dict[str, str]:
        key = self._records.keys[record.name]
        if key not in self._spooled:
            self._spooled[key] = ledger.spooled(record.name)
        return self._spooled[key]

    def _family(
        self,
        ledger: Ledger,
        prober: duckdb.DuckDBPyConnection,
        record: RollupRecord,
        files: Mapping[str, SourceSlice],
        calendar: Calendar,
    ) -> list[CubeTable]:
        """A rollup and its levels."""
        statement = self._statement(record)
        base = self._layout(ledger, prober, record, None)
        slices = compared(*self._counted_by(ledger, record), files, record, self._sections)
        found: list[CubeTable] = []
        layouts: dict[str, Table] = {}
        pending: list[tuple[RollupRecord | LevelRecord, int]] = [(record, 0)]
        while pending:
            current, behind = pending.pop(0)
            parent = layouts[current.parent] if isinstance(current, LevelRecord) else None
            known = self._layout(ledger, prober, current, parent)
            layouts[current.name] = known.layout
            found.append(
                CubeTable(
                    layout=known.layout,
                    base=base.layout,
                    statement=record.statement,
                    event=statement.event,
                    event_type=base.event_type,
                    zone=record.time_zone,
                    dimensions=known.dimensions,
                    metrics=known.metrics,
                    where=statement.where,
                    joins=statement.joins,
                    earliest=calendar.floor(base.layout, record.earliest),
                    latest=ceiling(calendar, base.layout, record.latest),
                    slices=slices,
                    rows=known.rows,
                    first=known.first,
                    last=known.last,
                    expired_before=current.expired_before,
                    behind=behind,
                )
            )
            for child in self._records.children.get(current.name, ()):
                pending.append((child, behind + current.last_batch - child.consumed))
        return found

    def _layout(
        self,
        ledger: Ledger,
        prober: duckdb.DuckDBPyConnection,
        record: RollupRecord | LevelRecord,
        parent: Table | None,
    ) -> _Known:
        """What is known of a table: read once for each of its batches."""
        key = self._records.keys[record.name]
        if key in self._layouts:
            return self._layouts[key]
        try:
            types = describe(prober, f"SELECT * FROM {identifier(record.name)}")
        except duckdb.CatalogException as error:
            raise ManifestError(f"the ledger has a rollup {record.name}, and its table is gone: {error}") from error
        event_type = ""
        if isinstance(record, RollupRecord):
            statement = self._statement(record)
            layout = Table.of(statement.specification, record.name, types)
            event_type = event_type_of(prober, statement, record, layout)
        else:
            assert parent is not None
            statement = self._statements[self._base(record).statement]
            layout = parent.coarser(record.name, Granularity.parse(record.every), record.dimensions)
        bucket = layout.bucket
        extent = fetch_row(
            ledger.connection,
            f"SELECT count(*), {layout.naive(f'min({bucket})')}, {layout.naive(f'max({bucket})')} FROM {layout.sql}",
        )
        dimensions = dimensions_of(statement, layout, is_base=isinstance(record, RollupRecord))
        self._layouts[key] = _Known(layout, event_type, dimensions, metrics_of(statement, layout), *extent)
        return self._layouts[key]

    def _base(self, record: RollupRecord | LevelRecord) -> RollupRecord:
        """The rollup of events that a level comes from."""
        while isinstance(record, LevelRecord):
            record = self._records.by_name[record.parent]
        return record

    def _scanner(
        self,
        connection: duckdb.DuckDBPyConnection,
        records: Sequence[RollupRecord],
        catalog: Catalog,
        held: ExitStack,
    ) -> Callable[[Sequence[str]], str]:
        """What writes SQL of the events of files. Text is read as a refresh reads it, and held in a table meanwhile."""
        types = _input_types(records)
        files = {file.path: file for file in catalog.files}
        known: dict[tuple[str, ...], str] = {}

        def read(chosen: Sequence[File], columns: Iterable[str]) -> str:
            references = frozenset(map(str.lower, columns))
            specification = replace(self._statement(records[0]).specification, references=references)
            source = FileSource(connection, specification, files_of(self._declared(records)))
            return source.scanned(held, chosen, types)

        def scan(paths: Sequence[str]) -> str:
            ranges = [rows for path in paths if (rows := files[path].sql) is not None]
            chosen = [found for path in paths if isinstance(found := files[path], File)]
            if chosen:
                try:
                    ranges.append(read(chosen, catalog.source.columns))
                except SourceError:  # perhaps for a column that no rollup and no query mentions
                    ranges.append(read(chosen, types))
            return f"SELECT * EXCLUDE ({FILE}) FROM ({' UNION ALL BY NAME '.join(ranges)})"

        def scan_once(paths: Sequence[str]) -> str:
            if tuple(paths) not in known:
                known[tuple(paths)] = scan(paths)
            return known[tuple(paths)]

        return scan_once

    def _declared(self, records: Sequence[RollupRecord]) -> Declared | None:
        """What the table of events stands for, as `Cube` was told, or a rollup remembers."""
        name = self._statement(records[0]).specification.source.lower()
        given = next((value for source, value in self.given.items() if source.lower() == name), None)
        return given if given is not None else next((record.source for record in records if record.source), None)

    def _columns(
        self,
        prober: duckdb.DuckDBPyConnection,
        records: Sequence[RollupRecord],
        files: Mapping[str, SourceSlice],
    ) -> dict[str, str]:
        """The columns of the events: those that statements read, and the others of one of the files."""
        types = _input_types(records)
        if not files:
            return types
        sample = files[max(files)]
        if isinstance(sample, File):
            specification, declared = self._statement(records[0]).specification, self._declared(records)
            return all_columns(prober, specification, files_of(declared), sample, types)
        found = describe(prober, f"SELECT * EXCLUDE ({FILE}) FROM ({sample.sql})")
        known = {name.lower() for name in types}
        return {**types, **{name: kind for name, kind in found.items() if name.lower() not in known}}


def _input_types(records: Sequence[RollupRecord]) -> dict[str, str]:
    """The columns that statements read, and their types."""
    return {column: kind for record in records for column, kind in record.input_types.items()}
