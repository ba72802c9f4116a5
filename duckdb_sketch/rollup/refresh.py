"""Refreshing a rollup from files: what is new is counted, batch by batch, and each batch wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup import plan as planning
from duckdb_sketch.rollup.batch import Counter, advance
from duckdb_sketch.rollup.errors import LockedError, RollupError, SourceError
from duckdb_sketch.rollup.level import update_levels
from duckdb_sketch.rollup.manifest import Batch, CountedFile, Entry, Manifest
from duckdb_sketch.rollup.plan import Plan
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.source import FILE, File, check_types, check_unchanged, count_rows, scan
from duckdb_sketch.rollup.specification import EVENTS, Specification
from duckdb_sketch.rollup.table import Table, literal

OnChange = Literal["error", "rebuild"]


@dataclass(frozen=True)
class Progress:
    """How far a long job is.

    Attributes:
        files: Files counted.
        of_files: Files that there are to count.
        rows: Rows counted.
        of_rows: Rows that there are to count; of text files, a guess.
    """

    files: int
    of_files: int
    rows: int
    of_rows: int


@dataclass
class Refreshed:
    """What a refresh did.

    Attributes:
        rollup: Whose.
        files: Files counted.
        rebuilt: Files that had changed, and whose buckets were made anew.
        batches: The numbers of the batches.
        rows: Rows counted.
        late_rows: Of those, the ones for buckets that were final.
        dropped_rows: Rows for final or expired buckets that were left out.
        rejected_rows: Rows kept out, whose event time is NULL or absurd.
        watermark: Buckets that end by then are final.
    """

    rollup: str
    files: int = 0
    rebuilt: int = 0
    batches: list[int] = field(default_factory=list)
    rows: int = 0
    late_rows: int = 0
    dropped_rows: int = 0
    rejected_rows: int = 0
    watermark: datetime | None = None

    def __str__(self) -> str:
        parts = [f"{self.files:,} files", f"{self.rows:,} rows"]
        parts += [f"{self.rebuilt:,} changed files made anew"] if self.rebuilt else []
        parts += [f"{self.late_rows:,} rows late"] if self.late_rows else []
        parts += [f"{self.dropped_rows:,} rows dropped as late"] if self.dropped_rows else []
        parts += [f"{self.rejected_rows:,} rows kept out: no sane time"] if self.rejected_rows else []
        batches = f" (batches {', '.join(map(str, self.batches))})" if self.batches else ": nothing new"
        return f"{self.rollup}: {', '.join(parts)}{batches}; watermark {self.watermark or 'not set'}"

    def add(self, batch: Batch) -> None:
        """Add what a batch did."""
        self.batches.append(batch.batch)
        self.rows += batch.rows
        self.late_rows += batch.late_rows
        self.dropped_rows += batch.dropped_rows
        self.rejected_rows += batch.rejected_rows


class Refresher:
    """Counts files into one rollup."""

    def __init__(
        self,
        manifest: Manifest,
        specification: Specification,
        open_table: Callable[[dict[str, str]], Table],
        most_rows: int,
        *,
        levels: bool,
    ) -> None:
        """Args follow.

        Args:
            manifest: The manifest of the database.
            specification: The rollup's statement.
            open_table: Finds the rollup's table, or makes it, inside a transaction, from the view of a batch's events.
            most_rows: That a batch may have.
            levels: Whether to bring the coarser levels up to date with each batch.
        """
        self._manifest = manifest
        self._connection = manifest.connection
        self._specification = specification
        self._open_table = open_table
        self._most_rows = most_rows
        self._levels = levels

    def run(self, name: str, plan: Plan, on_change: OnChange, progress: Callable[[Progress], None]) -> Refreshed:
        """Count what is new, and rebuild what changed.

        Raises:
            SourceError: If files changed and are not to be rebuilt, or a file cannot be counted.
        """
        refreshed = Refreshed(name)
        if plan.changed:
            self._rebuild(name, plan.changed, on_change, refreshed)
        rows = count_rows(self._connection, plan.new)
        packed = planning.batches(plan.new, rows, self._most_rows)
        total = sum(rows.values())
        done = 0
        for number, files in enumerate(packed, 1):
            progress(Progress(refreshed.files, len(plan.new), done, total))
            self._count(name, files, refreshed, complete=number == len(packed))
            refreshed.files += len(files)
            done += sum(rows[file.path] for file in files)
        progress(Progress(refreshed.files, len(plan.new), done, total))
        return refreshed

    def view(self, files: Sequence[File], known: dict[str, str]) -> dict[str, str]:
        """Make the view `EVENTS` of files of one kind, and give the types of its columns that are used.

        Raises:
            SourceError: If a file cannot be read, or its columns are others than those of the files before it.
        """
        types = check_types(self._connection, files, self._specification.references, known)
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {scan(files, types)}")
        return types

    def _count(self, name: str, files: Sequence[File], refreshed: Refreshed, *, complete: bool) -> None:
        entry = self._manifest.entry(name)
        types = self.view(files, entry.input_types if entry else {})
        with self._manifest.transaction():
            table = self._open_table(types)
            entry = self._manifest.begin(name)
            counted = self._manifest.files(name)
            if any(file.path in counted for file in files):
                raise LockedError(f"another refresh of {name} has counted some of the same files meanwhile")
            batch = Batch(entry.last_batch, "refresh")
            counter = Counter(self._manifest, self._specification, table)
            self.stage(counter, files)
            counter.settle(entry, batch)
            counter.measure(batch)
            counter.merge(entry, batch)
            self._manifest.add_files(name, batch.batch, self.survey(table, entry, files))
            check_unchanged(files)
            self._manifest.add_batch(name, batch)
            advance(self._manifest, entry, table, batch, complete=complete)
            if self._levels:
                update_levels(self._manifest, name)
        refreshed.add(batch)

    def stage(self, counter: Counter, files: Sequence[File], condition: str | None = None) -> None:
        """Aggregate the events of the view `EVENTS`, which is of these files.

        Raises:
            SourceError: If a file cannot be read; it is named.
        """
        try:
            counter.stage(condition)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            if isinstance(error, (duckdb.OutOfMemoryException, duckdb.TransactionException)):
                raise
            raise SourceError(f"{self._culprit(files)}: {error}") from error

    def _culprit(self, files: Sequence[File]) -> str:
        """The first of several files at which the statement fails by itself."""
        with self._connection.cursor() as cursor:
            for file in files if len(files) > 1 else ():
                try:
                    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {scan([file], {})}")
                    fetch(cursor, self._specification.aggregate())
                except duckdb.Error:
                    return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"

    def survey(self, table: Table, entry: Entry, files: Sequence[File]) -> list[CountedFile]:
        """Count each file's rows, and find from when to when they are, as the manifest holds times."""
        event = table.naive(self._specification.event())
        sane = f"{event} >= {table.naive_truncated(entry.earliest)} AND {event} < {literal(entry.latest)}"
        rows = fetch(
            self._connection,
            f"SELECT {identifier(FILE)}, count(*), min({event}) FILTER ({sane}), max({event}) FILTER ({sane}) "
            f"FROM {self._specification.events()} GROUP BY ALL",
        )
        found = {row[0]: row[1:] for row in rows}
        return [CountedFile(file, *found.get(file.path, (0, None, None))) for file in files]

    def _rebuild(self, name: str, changed: Sequence[File], on_change: OnChange, refreshed: Refreshed) -> None:
        if on_change == "error":
            names = "; ".join(file.path for file in changed[:3]) + (
                f" and {len(changed) - 3} more" if changed[3:] else ""
            )
            raise SourceError(
                f"changed since counted: {names}. Count their buckets anew with on_change='rebuild' "
                "(--on-change rebuild), and give new rows a file of their own"
            )
        by_reader: dict[str, list[File]] = {}
        for file in changed:
            by_reader.setdefault(file.reader, []).append(file)
        for files in by_reader.values():
            self._rebuild_buckets(name, files, refreshed)
            refreshed.rebuilt += len(files)

    def _rebuild_buckets(self, name: str, changed: Sequence[File], refreshed: Refreshed) -> None:
        known = self._manifest.entry(name)
        assert known is not None
        types = self.view(changed, known.input_types)
        with self._manifest.transaction():
            table = self._open_table(types)
            entry = self._manifest.begin(name)
            counted = self._manifest.files(name)  # those of other connections too, up to now
            fresh = self.survey(table, entry, changed)
            old = [counted[file.path] for file in changed]
            times = [time for c in (*fresh, *old) for time in (c.first_event, c.last_event) if time is not None]
            batch = Batch(entry.last_batch, "rebuild")
            if times:
                low, high = self._buckets(table, min(times), max(times))
                self._require_files(name, table, entry, low, high, counted, changed)
                rest = [c.file for c in counted.values() if c.file.path not in {file.path for file in changed}]
                overlapping = [file for file in rest if _overlaps(counted[file.path], *self._span(table, low, high))]
                contributors = [*changed, *overlapping]
                self._restage(table, contributors, types, low, high)
                counter = Counter(self._manifest, self._specification, table)
                counter.settle(entry, batch, judged=False)
                counter.measure(batch)
                counter.replace(entry, batch, low, high)
            self._manifest.add_files(name, batch.batch, fresh)
            check_unchanged(changed)
            self._manifest.add_batch(name, batch)
            advance(self._manifest, entry, table, batch, complete=False)
            if self._levels:
                update_levels(self._manifest, name)
        refreshed.add(batch)

    def _buckets(self, table: Table, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        low, high = fetch_row(self._connection, f"SELECT {table.naive_truncated(first)}, {table.naive_truncated(last)}")
        return low, high

    def _span(self, table: Table, low: datetime, high: datetime) -> tuple[datetime, datetime]:
        """From when to when the buckets from `low` to `high` are; the end is not included."""
        return low, fetch_row(self._connection, f"SELECT {table.end(table.typed(literal(high)))}")[0]

    def _require_files(
        self,
        name: str,
        table: Table,
        entry: Entry,
        low: datetime,
        high: datetime,
        counted: dict[str, CountedFile],
        changed: Sequence[File],
    ) -> None:
        """See that everything that went into some buckets is there to make them anew.

        Raises:
            RollupError: If it is not.
        """
        if entry.expired_before is not None and low < entry.expired_before:
            raise RollupError(
                f"{changed[0].path} changed, and has rows of {low}; buckets before {entry.expired_before} have "
                "expired, and cannot be made anew"
            )
        start, end = self._span(table, low, high)
        if self._manifest.appended(name, start, end):
            raise RollupError(
                f"{changed[0].path} changed, and its buckets, {low} to {high}, also hold rows that were appended: they "
                "are in no file, and would be lost"
            )
        skip = {file.path for file in changed}
        for known in counted.values():
            if known.file.path not in skip and _overlaps(known, start, end):
                require(known.file)

    def _restage(
        self, table: Table, files: Sequence[File], types: dict[str, str], low: datetime, high: datetime
    ) -> None:
        counter = Counter(self._manifest, self._specification, table)
        scans = []
        for reader in dict.fromkeys(file.reader for file in files):
            scans.append(scan([file for file in files if file.reader == reader], types))
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {' UNION ALL BY NAME '.join(scans)}")
        start, end = self._span(table, low, high)
        event = table.naive(self._specification.event())
        self.stage(counter, files, f"{event} >= {literal(start)} AND {event} < {literal(end)}")


def require(file: File) -> None:
    """See that a file that has been counted is still there, as it was.

    Raises:
        SourceError: If it is not.
    """
    if "://" in file.path:
        return
    try:
        now = File.at(file.path)
    except FileNotFoundError as error:
        raise SourceError(f"{file.path} has been counted and is gone: put it back to make its buckets anew") from error
    if now != file:
        raise SourceError(f"{file.path} changed since it was counted: refresh with on_change='rebuild' first")


def _overlaps(counted: CountedFile, start: datetime, end: datetime) -> bool:
    if counted.first_event is None or counted.last_event is None:
        return False
    return counted.first_event < end and counted.last_event >= start
