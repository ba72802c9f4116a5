"""Refreshing a rollup from files: what is new is counted, batch by batch, and each batch wholly or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import LockedError, RollupError, SourceError
from duckdb_sketch.rollup.ledger.positions import note_failure
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.memory import rows_of_batch
from duckdb_sketch.rollup.pipeline.commit import commit, note_touched
from duckdb_sketch.rollup.pipeline.merge import Merge
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.rebuild import rebuild
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.sources.batches import next_batch
from duckdb_sketch.rollup.sources.declared import sources_of
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.sources.source import Source, SourceSlice

OnChange = Literal["error", "report", "rebuild"]


class Refresh:
    """Counts the slices of a source, files or ranges of a table, that a rollup has not counted.

    Attributes:
        target: The rollup.
        source: Its files, or its table.
        engine: What aggregates them.
        most_rows: That a batch may have, if each row is a group of its own; None if the engine takes any number.
        levels: Whether to update the coarser levels with each batch.
        only: The paths of the new files to count, as if there were no others; None for all.
        most_files: That a batch may have.
    """

    def __init__(
        self,
        target: Target,
        source: Source,
        engine: Engine,
        most_rows: int | None,
        *,
        levels: bool,
        only: Collection[str] | None = None,
        most_files: int = sys.maxsize,
    ) -> None:
        self.target = target
        self.source = source
        self.engine = engine
        self.most_rows = most_rows
        self.levels = levels
        self.only = only
        self.most_files = most_files
        self._last: int | None = None
        self._waiting = 0
        self._failures: dict[str, SourceError] = {}

    def note(self, error: RollupError | None) -> None:
        """Write down, for `status`, what kept slices from being counted, or that nothing does any more.

        Args:
            error: What the refresh ended with.
        """
        target = self.target
        record = target.ledger.find_rollup(target.name)
        if record is None or record.source is None or {*self.source.declared} - {*sources_of(record.source)}:
            return  # nothing of it has been counted yet, or nothing from there
        for source in self.source.declared:
            own = self._failures.get(source) or (None if self._failures else error)
            note_failure(target.ledger, target.name, [source], None if own is None else str(own), self._waiting)

    def run(self, on_change: OnChange, progress: Callable[[Progress], None], refreshed: Refreshed) -> None:
        """Rebuild what changed, and count what is new; what is done is added to `refreshed`, batch by batch.

        A file that cannot be rebuilt does not keep new ones from being counted: there is an error afterwards.

        Raises:
            RollupError: If what changed cannot be rebuilt.
            SourceError: If a file cannot be counted.
        """
        self._note_last()
        found = self.source.poll(self.target.fingerprints(self.source.kind))
        self._waiting = len(found.new)
        self._failures = dict(found.failures)
        refreshed.duplicates = list(found.duplicates)
        if found.touched:
            note_touched(self.target, found.touched)
        failure: RollupError | None = next(iter(found.failures.values()), None)
        if on_change == "rebuild":
            failure = self._rebuild(found, refreshed) or failure
        else:
            refreshed.changed = [file.path for file in found.changed]
        new = found.new if self.only is None else [file for file in found.new if file.path in self.only]
        self._count(new, progress, refreshed)
        if failure is not None:
            raise failure

    def _rebuild(self, found: Poll[SourceSlice], refreshed: Refreshed) -> RollupError | None:
        """Rebuild what changed; the reason why that is not possible, if it is not."""
        if not found.changed:
            return None
        try:
            with self._snapshot():
                batch = rebuild(self.target, self.source, found.changed, complete=not found.new, levels=self.levels)
        except LockedError:
            raise
        except RollupError as error:
            return error
        self._note_last()
        refreshed.add(batch)
        refreshed.rebuilt += len(found.changed)
        return None

    def _count(self, files: Sequence[SourceSlice], progress: Callable[[Progress], None], refreshed: Refreshed) -> None:
        files = _still_there(files)
        rows = self.source.rows(files)
        total, done, rest = sum(rows.values()), 0, files
        while rest:
            progress(Progress(refreshed.files, len(files), done, total))
            batch = next_batch(rest, rows, self._rows_of_batch(total - done), self.most_files)
            rest = rest[len(batch) :]
            there = _still_there(batch) if done else batch
            refreshed.files += self._commit(there, refreshed, complete=not rest)
            done += sum(rows[file.path] for file in batch)
        progress(Progress(refreshed.files, len(files), done, total))

    def _commit(self, files: Sequence[SourceSlice], refreshed: Refreshed, *, complete: bool) -> int:
        """Count files in one batch, and say how many those are."""
        if not files:
            return 0
        target = self.target
        origins = {file.path: self.source.origin(file.path) for file in files}
        policy = Policy("refresh", Merge(), self._last, complete=complete, levels=self.levels, origins=origins)
        with (
            self._snapshot(),
            self.source.events(files, target.input_types()) as events,
            events.blamed(),
        ):
            table = target.table(events)
            with self.engine.groups(events, table, target.limits()) as groups:
                batch = commit(target, table, events, groups, policy)
        self._note_last()
        self._waiting -= len(files)
        refreshed.add(batch)
        refreshed.unreadable_rows += events.rejected
        return len(files)

    def _snapshot(self) -> AbstractContextManager[None]:
        """A transaction in which a table is read and what it holds is committed; files need none to be read in."""
        return self.target.ledger.transaction() if self.source.transactional else nullcontext()

    def _note_last(self) -> None:
        """Note the last batch that ranges of a table come after: those of another connection may overlap them."""
        if self.source.transactional:
            record = self.target.known()
            self._last = record.last_batch if record else 0

    def _rows_of_batch(self, rest: int) -> int:
        """How many rows the next batch may have: as the tables say, so that a refresh that was killed goes on alike.

        Args:
            rest: How many rows there are.
        """
        if self.most_rows is None:
            return sys.maxsize
        if rest <= self.most_rows:  # it is the last batch, whatever the tables say
            return self.most_rows
        record = self.target.known()
        if record is None or record.expired_before is not None:  # expired groups can no longer be counted
            return self.most_rows
        connection, name = self.target.ledger.connection, self.target.name
        table_of(self.target.ledger, record)  # or an error that says where it is
        groups, rows = fetch_row(
            connection,
            f"SELECT (SELECT count(*) FROM {identifier(name)}), (SELECT coalesce(sum(rows), 0) "
            "FROM rollup_manifest.batches WHERE rollup = ? AND kind IN ('refresh', 'append'))",
            [name],
        )
        return rows_of_batch(self.most_rows, int(rows), groups)


def _still_there(files: Sequence[SourceSlice]) -> list[SourceSlice]:
    """Those of some files that have not gone since they were listed: of the others nothing was counted."""
    return [file for file in files if file.is_there()]
