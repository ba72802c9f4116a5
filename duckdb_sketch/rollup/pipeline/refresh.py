"""Refreshing a rollup from files: what is new is counted, batch by batch, and each batch wholly or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Literal

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.memory import rows_of_batch
from duckdb_sketch.rollup.pipeline.commit import commit
from duckdb_sketch.rollup.pipeline.merge import Merge
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.rebuild import rebuild
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.sources.batches import next_batch
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.files import File

OnChange = Literal["error", "rebuild"]


class Refresh:
    """Counts the files of a source that a rollup has not counted.

    Attributes:
        target: The rollup.
        source: Its files.
        engine: What aggregates them.
        most_rows: That a batch may have, if each row is a group of its own; None if the engine takes any number.
        levels: Whether to update the coarser levels with each batch.
    """

    def __init__(
        self, target: Target, source: FileSource, engine: Engine, most_rows: int | None, *, levels: bool
    ) -> None:
        self.target = target
        self.source = source
        self.engine = engine
        self.most_rows = most_rows
        self.levels = levels

    def run(self, on_change: OnChange, progress: Callable[[Progress], None], refreshed: Refreshed) -> None:
        """Rebuild what changed, and count what is new; what is done is added to `refreshed`, batch by batch.

        Raises:
            SourceError: If files changed and are not to be rebuilt, or a file cannot be counted.
        """
        found = self.source.poll(self.target.fingerprints())
        if found.changed:
            _check_rebuilt(found.changed, on_change)
            batch = rebuild(self.target, self.source, found.changed, complete=not found.new, levels=self.levels)
            refreshed.add(batch)
            refreshed.rebuilt += len(found.changed)
        self._count(found.new, progress, refreshed)

    def _count(self, files: Sequence[File], progress: Callable[[Progress], None], refreshed: Refreshed) -> None:
        rows = self.source.rows(files)
        total, done, rest = sum(rows.values()), 0, files
        while rest:
            progress(Progress(refreshed.files, len(files), done, total))
            batch = next_batch(rest, rows, self._rows_of_batch())
            rest = rest[len(batch) :]
            self._commit(batch, refreshed, complete=not rest)
            refreshed.files += len(batch)
            done += sum(rows[file.path] for file in batch)
        progress(Progress(refreshed.files, len(files), done, total))

    def _commit(self, files: Sequence[File], refreshed: Refreshed, *, complete: bool) -> None:
        target = self.target
        policy = Policy("refresh", Merge(), complete=complete, levels=self.levels)
        with self.source.events(files, target.input_types()) as events, events.blamed():
            table = target.table(events)
            with self.engine.groups(events, table, target.limits()) as groups:
                refreshed.add(commit(target, table, events, groups, policy))

    def _rows_of_batch(self) -> int:
        """How many rows the next batch may have: as the tables say, so that a refresh that was killed goes on alike."""
        if self.most_rows is None:
            return sys.maxsize
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


def _check_rebuilt(changed: Sequence[File], on_change: OnChange) -> None:
    if on_change == "error":
        names = "; ".join(file.path for file in changed[:3]) + (f" and {len(changed) - 3} more" if changed[3:] else "")
        raise SourceError(
            f"changed since counted: {names}. Rebuild their buckets with on_change='rebuild' (--on-change rebuild), "
            "and give new rows a file of their own"
        )
