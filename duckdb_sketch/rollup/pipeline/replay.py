"""Replaying: a rollup is rebuilt from its files, beside the existing one, and swapped in at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch._text import counted
from duckdb_sketch.rollup.engines.binding import bind
from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine
from duckdb_sketch.rollup.engines.duckdb_engine import counted as counted_slices
from duckdb_sketch.rollup.engines.engine import Groups, Limits
from duckdb_sketch.rollup.errors import RollupError, SourceError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, Record, RollupRecord
from duckdb_sketch.rollup.pipeline.commit import commit
from duckdb_sketch.rollup.pipeline.merge import merge_rows, reject
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.swap import Swap
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.batches import batches
from duckdb_sketch.rollup.sources.declared import reads_otherwise
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.source import Source, SourceSlice
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import ROWS, Table, literal

# The tables that replays in this process are filling. No other process has the database open meanwhile.
_SHADOWS: set[str] = set()


@dataclass
class _Built:
    """What a replay has made so far.

    Attributes:
        table: The rollup's table, as the statement has it.
        types: The types of the columns of events.
        slices: What each file holds, where that is to be written.
    """

    table: Table | None = None
    types: dict[str, str] = field(default_factory=dict)
    slices: list[CountedSlice] = field(default_factory=list)


class Replay:
    """Rebuilds a rollup, with the statement that it has or another one.

    Attributes:
        target: The rollup.
        source: Reads its files.
        most_rows: That a batch may have.
        progress: Called before each batch with the progress.
        most_files: That a batch may have.
    """

    def __init__(
        self,
        target: Target,
        source: Source,
        most_rows: int,
        progress: Callable[[Progress], None],
        most_files: int = sys.maxsize,
    ) -> None:
        self.target = target
        self.source = source
        self.most_rows = most_rows
        self.progress = progress
        self.most_files = most_files

    def run(self) -> Refreshed:
        """Rebuild the rollup.

        Raises:
            RollupError: If not all that it holds is in files, or some has expired and the statement is another one.
            SourceError: If a file is gone or changed.
            LockedError: If another connection counted a batch meanwhile.
        """
        target, ledger = self.target, self.target.ledger
        known = ledger.rollup(target.name)
        settings = target.changes(known)
        kept = target.kept_source(known)
        declared = kept is not None and reads_otherwise(kept, known.source)
        differs = declared or bool(Specification.parse(known.statement).difference(target.specification) or settings)
        files = [
            self.source.counted(each.kind, each.slice, each.fingerprint) for each in self._require_all(known, differs)
        ]
        record = replace(known, **settings)
        with _shadow(ledger, target.name) as shadow:
            built = self._build(record, shadow, files, differs)
            assert built.table is not None  # there is a file, or _require_all says so
            changes = {"statement": target.specification.statement, "input_types": built.types, **settings}
            source = {} if kept in (None, known.source) else {"source": kept}
            policy = Policy("replay", Swap(changes if differs else {}, source), after=known.last_batch)
            events = Events(ledger.connection, "", built.types, files, lambda: files[0].path)
            batch = commit(target, built.table, events, Groups(shadow, built.slices), policy)
        refreshed = Refreshed.of(target.name, self.source.kind, len(files))
        refreshed.add(batch)
        return refreshed

    def _require_all(self, record: RollupRecord, differs: bool) -> list[CountedSlice]:
        """The files that have rows of buckets that have not expired, by path.

        Raises:
            RollupError: If there are other rows than theirs.
        """
        ledger, name = self.target.ledger, record.name
        if differs and any(each.expired_before is not None for each in _with_levels(ledger, record)):
            raise RollupError(
                f"{name} or a level of it has expired buckets, which cannot be rebuilt with another statement: give "
                "the new statement another name"
            )
        if appended := ledger.appended(name, record.expired_before, None):
            were = "was" if appended == 1 else "were"
            raise RollupError(
                f"{counted(appended, 'batch', 'batches')} of {name} {were} appended: in no file, and lost by a replay. "
                "Make a rollup of another name, and append to it again"
            )
        # Where clocks went back, a bucket may begin after its first events.
        start = record.expired_before and record.expired_before - timedelta(hours=3)
        slices = [
            known
            for kind in (CountedSlice.FILE, CountedSlice.RANGE)
            for known in ledger.slices(name, kind).values()
            if differs or start is None or known.last_event is None or known.last_event >= start
        ]
        if not slices:
            raise SourceError(f"{name} has not counted any files that a replay could read")
        for known in slices:
            self.source.counted(known.kind, known.slice, known.fingerprint).require()
        return sorted(slices, key=lambda known: (known.kind, known.slice))

    def _build(self, record: RollupRecord, shadow: str, files: Sequence[SourceSlice], differs: bool) -> _Built:
        """Fill the shadow table, and find what the files hold."""
        rows = self.source.rows(files)
        built = _Built()
        done = Progress(0, len(files), 0, sum(rows.values()))
        for pack in batches(files, rows, self.most_rows, self.most_files):
            self.progress(done)
            self._count(record, shadow, pack, built, differs)
            done = replace(done, files=done.files + len(pack), rows=done.rows + sum(rows[file.path] for file in pack))
        self.progress(done)
        return built

    def _count(
        self, record: RollupRecord, shadow: str, files: Sequence[SourceSlice], built: _Built, differs: bool
    ) -> None:
        ledger, specification = self.target.ledger, self.target.specification
        engine = DuckDBEngine(specification)
        limits = Limits(record.earliest, record.latest)
        with (
            self.source.events(files, built.types) as events,
            events.blamed(),
            engine.spooled(events) as spooled,
        ):
            table = built.table or bind(specification, record.name, record.time_zone, events)
            if differs:
                built.slices += counted_slices(spooled, engine.extents(spooled, table, limits))
            with engine.aggregated(spooled, table, self._kept(record, table, events)) as groups, ledger.transaction():
                if built.table is None:
                    ledger.connection.execute(_with_rows(table).create(shadow))
                reject(ledger, record, table, groups, Batch(0, "replay"))
                merge_rows(ledger, _with_rows(table), groups, shadow)
            built.types, built.table = dict(events.types), table

    def _kept(self, record: RollupRecord, table: Table, events: Events) -> str | None:
        if record.expired_before is None:
            return None
        bucket = table.bucket_of(table.naive(self.target.specification.typed(events.types).event()))
        return f"{bucket} >= {literal(record.expired_before)}"


@contextmanager
def _shadow(ledger: Ledger, name: str) -> Iterator[str]:
    """The name of a table to build a rollup in; it is dropped if it does not become the rollup's."""
    shadow = f"{name}__replay_{uuid4().hex}"
    _SHADOWS.add(shadow)
    try:
        _drop_leftovers(ledger, name)
        yield shadow
    except BaseException:
        with suppress(duckdb.Error):  # what stays is dropped by the next replay
            ledger.connection.execute(f"DROP TABLE IF EXISTS {identifier(shadow)}")
        raise
    finally:
        _SHADOWS.discard(shadow)


def _drop_leftovers(ledger: Ledger, name: str) -> None:
    """Drop the shadow tables of replays that were killed: those that no connection of this process is filling."""
    with ledger.transaction():
        found = fetch(
            ledger.connection,
            "SELECT table_name FROM duckdb_columns() WHERE database_name = current_database() AND "
            "schema_name = current_schema() AND column_name = ? AND starts_with(table_name, ?)",
            [ROWS, f"{name}__replay"],
        )
        for (leftover,) in found:
            if leftover not in _SHADOWS:
                ledger.connection.execute(f"DROP TABLE {identifier(leftover)}")


def _with_levels(ledger: Ledger, record: Record) -> list[Record]:
    return [record, *(each for child in ledger.children(record.name) for each in _with_levels(ledger, child))]


def _with_rows(table: Table) -> Table:
    """The table with one more metric: how many events each row is made of."""
    rows = Metric(ROWS, "count", None, None)
    return replace(table, metrics=(*table.metrics, rows), types={**table.types, ROWS: "BIGINT"})
