"""Refreshing a rollup from files: what is new is counted, batch by batch, and each batch wholly or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import LockedError, RollupError, SourceError, SpecificationError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, RollupRecord
from duckdb_sketch.rollup.pipeline import plan as planning
from duckdb_sketch.rollup.pipeline.batch import Counter, advance
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.pipeline.plan import Plan
from duckdb_sketch.rollup.query import fetch, fetch_row, noticing_damage
from duckdb_sketch.rollup.sources.files import FILE, File, check_types, check_unchanged, count_rows, scan, scan_all
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.rollup.specification.table import Table, literal

OnChange = Literal["error", "rebuild"]

_GROUPS = "duckdb_sketch_groups"
_MICROSECOND = timedelta(microseconds=1)


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


class UnreadableError(SourceError):
    """What DuckDB says of events that it cannot read or aggregate."""


@contextmanager
def reading() -> Iterator[None]:
    """Tell errors that the events are the reason of from others.

    Raises:
        UnreadableError: If they are.
        DamagedError: If the database is.
    """
    try:
        with noticing_damage():
            yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.TransactionException):
        raise
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and ("write" in str(error) or "No space" in str(error)):
            raise  # the database's disk is full
        raise UnreadableError(str(error)) from error


class Refresher:
    """Counts files into one rollup."""

    def __init__(
        self,
        ledger: Ledger,
        specification: Specification,
        open_table: Callable[[dict[str, str]], Table],
        most_rows: int,
        *,
        levels: bool,
    ) -> None:
        """Args follow.

        Args:
            ledger: The ledger of the database.
            specification: The rollup's statement.
            open_table: Finds the rollup's table, or makes it, inside a transaction, from the view of a batch's events.
            most_rows: That a batch may have.
            levels: Whether to bring the coarser levels up to date with each batch.
        """
        self._ledger = ledger
        self._connection = ledger.connection
        self._specification = specification
        self._open_table = open_table
        self._most_rows = most_rows
        self._levels = levels
        self._engine: Engine | None = None

    def delegate(self, engine: Engine) -> None:
        """Leave the aggregation of new files, all in one batch, to an engine."""
        self._engine = engine
        self._most_rows = sys.maxsize

    def run(
        self,
        name: str,
        plan: Plan,
        on_change: OnChange,
        progress: Callable[[Progress], None],
        refreshed: Refreshed,
    ) -> Refreshed:
        """Count what is new, and rebuild what changed; what is done is added to `refreshed`, batch by batch.

        Raises:
            SourceError: If files changed and are not to be rebuilt, or a file cannot be counted.
        """
        if plan.changed:
            self._rebuild(name, plan, on_change, refreshed)
        rows = count_rows(self._connection, plan.new)
        total = sum(rows.values())
        done = 0
        rest = plan.new
        while rest:
            progress(Progress(refreshed.files, len(plan.new), done, total))
            files = planning.next_batch(rest, rows, self._rows_of_batch(name))
            rest = rest[len(files) :]
            self._count(name, files, refreshed, complete=not rest)
            refreshed.files += len(files)
            done += sum(rows[file.path] for file in files)
        progress(Progress(refreshed.files, len(plan.new), done, total))
        return refreshed

    def view(self, files: Sequence[File], known: dict[str, str]) -> dict[str, str]:
        """Make the view `EVENTS` of files, and give the types of its columns that are used.

        Raises:
            SourceError: If a file cannot be read, or its columns are others than those of the files before it.
        """
        types = check_types(self._connection, files, self._specification.references, known)
        try:
            self._show(files, types)
        except duckdb.Error as error:
            raise SourceError(f"{self._culprit(files, types)}: {error}") from error
        return types

    def _show(self, files: Sequence[File], types: dict[str, str]) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {scan_all(files, types)}")

    def _count(self, name: str, files: Sequence[File], refreshed: Refreshed, *, complete: bool) -> None:
        record = self._ledger.find_rollup(name)
        types = self.view(files, record.input_types if record else {})
        with self._delegated(files, types), self.naming(files, types), self._ledger.transaction():
            table = self._open_table_of(files[0], types)
            record = self._ledger.begin_rollup(name)
            counted = self._ledger.slices(name)
            if any(file.path in counted for file in files):
                raise LockedError(f"another refresh of {name} has counted some of the same files meanwhile")
            batch = Batch(record.last_batch, "refresh")
            counter = Counter(self._ledger, self._specification, table)
            if self._engine is None:
                self.stage(counter)
            else:
                with reading():
                    counter.stage_groups(_GROUPS)
            counter.settle(record, batch)
            counter.measure(batch)
            with reading():
                counter.merge(record, batch)
            self._ledger.add_slices(name, batch.batch, self.survey(table, record, files))
            check_unchanged(files)
            self._ledger.add_batch(name, batch)
            advance(self._ledger, record, table, batch, complete=complete)
            if self._levels:
                update_levels(self._ledger, name)
        refreshed.add(batch)

    @contextmanager
    def _delegated(self, files: Sequence[File], types: dict[str, str]) -> Iterator[None]:
        """Have the view `_GROUPS`, if there is an engine that makes it."""
        if self._engine is None:
            yield
            return
        groups = self._engine.aggregate(files, types)
        self._connection.register(_GROUPS, groups)
        try:
            yield
        finally:
            self._connection.unregister(_GROUPS)

    def stage(self, counter: Counter, condition: str | None = None) -> None:
        """Aggregate the events of the view `EVENTS`, within `naming` of the files that it is of.

        Raises:
            UnreadableError: If a file cannot be read.
        """
        with reading():
            counter.stage(condition)

    def _rows_of_batch(self, name: str) -> int:
        """How many rows the next batch may have: as the tables say, so that a refresh that was killed goes on alike."""
        record = self._ledger.find(name)
        if record is None or record.expired_before is not None:  # expired groups can no longer be counted
            return self._most_rows
        if not fetch(self._connection, "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]):
            return self._most_rows  # it was dropped, and there will be an error that says so
        groups, rows = fetch_row(
            self._connection,
            f"SELECT (SELECT count(*) FROM {identifier(name)}), (SELECT coalesce(sum(rows), 0) "
            "FROM rollup_manifest.batches WHERE rollup = ? AND kind IN ('refresh', 'append'))",
            [name],
        )
        return planning.rows_of_batch(self._most_rows, int(rows), groups)

    def _open_table_of(self, file: File, types: dict[str, str]) -> Table:
        try:
            return self._open_table(types)
        except SpecificationError as error:
            raise SpecificationError(f"{error} (with the columns of {file.path})") from error

    @contextmanager
    def naming(self, files: Sequence[File], types: dict[str, str]) -> Iterator[None]:
        """Name the file that is the reason of an error, once the transaction in which it came up is over."""
        try:
            yield
        except UnreadableError as error:
            raise SourceError(f"{self._culprit(files, types)}: {error}") from error

    def _culprit(self, files: Sequence[File], types: dict[str, str]) -> str:
        """The first of several files at which the statement fails by itself."""
        for file in files if len(files) > 1 else ():
            try:
                self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {scan([file], types)}")
                fetch(self._connection, self._specification.aggregate())
            except duckdb.Error:
                return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"

    def survey(self, table: Table, record: RollupRecord, files: Sequence[File]) -> list[CountedSlice]:
        """Count each file's rows, and find from when to when they are, as the ledger holds times.

        Raises:
            SourceError: If a file's statistics do not tell of its times, as of one that is damaged.
        """
        event = table.naive(self._specification.event())
        earliest = table.naive_truncated(record.earliest)
        sane = f"{event} >= {earliest} AND {event} < {literal(record.latest)}"
        rows = fetch(
            self._connection,
            f"SELECT {identifier(FILE)}, count(*), min({event}) FILTER ({sane}), max({event}) FILTER ({sane}), "
            f"{earliest} FROM {self._specification.events()} GROUP BY ALL",
        )
        for path, _, first, last, start in rows:
            for time in (first, last):
                # DuckDB asks nothing of each row that the statistics say of all. What no datetime can be is text.
                if time is not None and (isinstance(time, str) or not start <= time < record.latest):
                    raise SourceError(f"{path}: its statistics say nothing of {time}, and it is in it: it is damaged")
        found = {row[0]: row[1:4] for row in rows}
        nothing = (0, None, None)
        return [
            CountedSlice(CountedSlice.FILE, file.path, file.fingerprint, file.size, *found.get(file.path, nothing))
            for file in files
        ]

    def _rebuild(self, name: str, plan: Plan, on_change: OnChange, refreshed: Refreshed) -> None:
        changed = plan.changed
        if on_change == "error":
            names = "; ".join(file.path for file in changed[:3]) + (
                f" and {len(changed) - 3} more" if changed[3:] else ""
            )
            raise SourceError(
                f"changed since counted: {names}. Count their buckets anew with on_change='rebuild' "
                "(--on-change rebuild), and give new rows a file of their own"
            )
        self._rebuild_buckets(name, changed, refreshed, complete=not plan.new)
        refreshed.rebuilt += len(changed)

    def _rebuild_buckets(self, name: str, changed: Sequence[File], refreshed: Refreshed, *, complete: bool) -> None:
        types = self.view(changed, self._ledger.rollup(name).input_types)
        with self.naming(changed, types), self._ledger.transaction():
            table = self._open_table(types)
            record = self._ledger.begin_rollup(name)
            counted = self._ledger.slices(name)  # those of other connections too, up to now
            fresh = self.survey(table, record, changed)
            old = [counted[file.path] for file in changed]
            times = [time for c in (*fresh, *old) for time in (c.first_event, c.last_event) if time is not None]
            batch = Batch(record.last_batch, "rebuild")
            if times:
                low, high = self._buckets(table, min(times), max(times))
                self._require_files(name, table, record, low, high, changed)
                contributors = [*changed, *self._overlapping(name, table, low, high, changed)]
                self._restage(table, contributors, types, low, high)
                counter = Counter(self._ledger, self._specification, table)
                counter.settle(record, batch, judged=False)
                counter.measure(batch)
                counter.replace(record, batch, low, high)
            self._ledger.add_slices(name, batch.batch, fresh)
            check_unchanged(changed)
            self._ledger.add_batch(name, batch)
            advance(self._ledger, record, table, batch, complete=complete)
            if self._levels:
                update_levels(self._ledger, name)
        refreshed.add(batch)

    def _buckets(self, table: Table, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        low, high = fetch_row(self._connection, f"SELECT {table.naive_truncated(first)}, {table.naive_truncated(last)}")
        return low, high

    def _overlapping(
        self, name: str, table: Table, low: datetime, high: datetime, changed: Sequence[File]
    ) -> list[File]:
        """The other files that have been counted into the buckets from `low` to `high`."""
        rows = fetch(
            self._connection,
            "SELECT slice, fingerprint FROM rollup_manifest.slices WHERE rollup = ? AND kind = 'file' "
            f"AND NOT list_contains(?, slice) "
            f"AND {table.bucket_of('last_event')} >= {literal(low)} "
            f"AND {table.bucket_of('first_event')} < {literal(high + _MICROSECOND)} ORDER BY slice",
            [name, [file.path for file in changed]],
        )
        return [File.counted(*row) for row in rows]

    def _require_files(
        self,
        name: str,
        table: Table,
        record: RollupRecord,
        low: datetime,
        high: datetime,
        changed: Sequence[File],
    ) -> None:
        """See that everything that went into some buckets is there to make them anew.

        Raises:
            RollupError: If it is not.
        """
        if record.expired_before is not None and low < record.expired_before:
            raise RollupError(
                f"{changed[0].path} changed, and has rows of {low}; buckets before {record.expired_before} have "
                "expired, and cannot be made anew"
            )
        end = fetch_row(self._connection, f"SELECT {table.end(table.typed(literal(high)))}")[0]
        if self._ledger.appended(name, low, end):
            raise RollupError(
                f"{changed[0].path} changed, and its buckets, {low} to {high}, also hold rows that were appended: they "
                "are in no file, and would be lost"
            )
        for file in self._overlapping(name, table, low, high, changed):
            require(file)

    def _restage(
        self, table: Table, files: Sequence[File], types: dict[str, str], low: datetime, high: datetime
    ) -> None:
        counter = Counter(self._ledger, self._specification, table)
        self._show(files, types)
        bucket = table.bucket_of(table.naive(self._specification.event()))
        # DuckDB 1.4 takes date_trunc('hour', x) <= '10:00' for x <= '11:00'.
        self.stage(counter, f"{bucket} >= {literal(low)} AND {bucket} < {literal(high + _MICROSECOND)}")


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
