"""Replaying: a rollup made anew from its files, beside the one that is there, and put in its place at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import LockedError, RollupError, SourceError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.pipeline import plan as planning
from duckdb_sketch.rollup.pipeline.batch import Counter, advance, bind, pane
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.pipeline.refresh import Progress, Refreshed, Refresher, require
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.sources.files import File, count_rows
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import ROWS, Table, literal

# The tables that replays in this process are filling. No other process has the database open meanwhile.
_SHADOWS: set[str] = set()


class Replayer:
    """Makes one rollup anew, with the statement that it has or another one."""

    def __init__(
        self,
        ledger: Ledger,
        refresher: Refresher,
        specification: Specification,
        most_rows: int,
        progress: Callable[[Progress], None],
    ) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._refresher = refresher
        self._specification = specification
        self._most_rows = most_rows
        self._progress = progress

    def run(self, name: str, settings: dict[str, Any]) -> Refreshed:
        """Make the rollup anew.

        Args:
            name: Whose table.
            settings: Columns of the rollup's line that are to change.

        Raises:
            RollupError: If not all that it holds is in files, or some has expired and the statement is another one.
            SourceError: If a file is gone or changed.
            LockedError: If another connection counted a batch meanwhile.
        """
        known = self._ledger.rollup(name)
        anew = bool(Specification.parse(known.statement).difference(self._specification)) or bool(settings)
        counted = self._require_all(known, anew)
        shadow = f"{name}__replay_{uuid4().hex}"
        _SHADOWS.add(shadow)
        record = replace(known, **settings)
        try:
            self._drop_leftovers(name)
            table, types, files = self._build(record, shadow, counted, anew)
            batch = self._swap(record, table, types, files, shadow, anew)
        except BaseException:
            with suppress(duckdb.Error):  # what stays is dropped by the next replay
                self._connection.execute(f"DROP TABLE IF EXISTS {identifier(shadow)}")
            raise
        finally:
            _SHADOWS.discard(shadow)
        refreshed = Refreshed(name, files=len(counted))
        refreshed.add(batch)
        return refreshed

    def _drop_leftovers(self, name: str) -> None:
        """Drop the shadow tables of replays that were killed: those that no connection of this process is filling."""
        with self._ledger.transaction():
            found = fetch(
                self._connection,
                "SELECT table_name FROM duckdb_columns() WHERE database_name = current_database() AND "
                "schema_name = current_schema() AND column_name = ? AND starts_with(table_name, ?)",
                [ROWS, f"{name}__replay"],
            )
            for (leftover,) in found:
                if leftover not in _SHADOWS:
                    self._connection.execute(f"DROP TABLE {identifier(leftover)}")

    def _require_all(self, record: RollupRecord, anew: bool) -> list[CountedSlice]:
        """The files that have rows of buckets that have not expired.

        Raises:
            RollupError: If there are other rows than theirs.
        """
        if anew and any(each.expired_before is not None for each in self._family(record)):
            raise RollupError(
                f"{record.name} or a level of it has expired buckets, which cannot be made anew with another "
                "statement: give the new statement another name"
            )
        if appended := self._ledger.appended(record.name, record.expired_before, None):
            raise RollupError(
                f"{appended} batches of {record.name} were appended: they are in no file, and a replay would lose "
                "them. Make a rollup of another name, and append them to it again"
            )
        # Where clocks went back, a bucket may begin after its first events.
        start = record.expired_before and record.expired_before - timedelta(hours=3)
        counted = [
            known
            for known in self._ledger.slices(record.name).values()
            if anew or start is None or known.last_event is None or known.last_event >= start
        ]
        if not counted:
            raise SourceError(f"{record.name} has counted no files that a replay could read")
        for known in counted:
            require(File.counted(known.slice, known.fingerprint))
        return counted

    def _family(self, record: RollupRecord | LevelRecord) -> list[RollupRecord | LevelRecord]:
        children = self._ledger.children(record.name)
        return [record, *(each for child in children for each in self._family(child))]

    def _build(
        self, record: RollupRecord, shadow: str, counted: Sequence[CountedSlice], anew: bool
    ) -> tuple[Table, dict[str, str], list[CountedSlice]]:
        """Fill the shadow table, and find what the files hold."""
        files = [File.counted(known.slice, known.fingerprint) for known in counted]
        rows = count_rows(self._connection, files)
        table: Table | None = None
        types: dict[str, str] = {}
        surveyed: list[CountedSlice] = []
        done = Progress(0, len(files), 0, sum(rows.values()))
        for pack in planning.batches(files, rows, self._most_rows):
            self._progress(done)
            types = self._refresher.view(pack, types)
            with self._refresher.naming(pack, types), self._ledger.transaction():
                if table is None:
                    table = bind(self._connection, self._specification, record.name, record.time_zone)
                    self._connection.execute(_counted(table).create(shadow))
                self._stage(record, table, shadow)
                surveyed += self._refresher.survey(table, record, pack) if anew else []
            done = replace(done, files=done.files + len(pack), rows=done.rows + sum(rows[file.path] for file in pack))
        self._progress(done)
        assert table is not None
        return table, types, surveyed

    def _stage(self, record: RollupRecord, table: Table, shadow: str) -> None:
        counter = Counter(self._ledger, self._specification, table)
        kept = None
        if record.expired_before is not None:
            bucket = table.bucket_of(table.naive(self._specification.event()))
            kept = f"{bucket} >= {literal(record.expired_before)}"
        self._refresher.stage(counter, kept)
        counter.settle(record, Batch(0, "replay"), judged=False)
        counter.merge_into(_counted(table), shadow)

    def _swap(
        self,
        record: RollupRecord,
        table: Table,
        types: dict[str, str],
        files: list[CountedSlice],
        shadow: str,
        anew: bool,
    ) -> Batch:
        """Put the shadow table in the place of the rollup's, and bring the levels up to date."""
        ledger, connection = self._ledger, self._connection
        with ledger.transaction():
            now = ledger.begin_rollup(record.name)
            if now.last_batch != record.last_batch + 1:
                raise LockedError(f"another connection counted a batch into {record.name} during its replay")
            batch = Batch(now.last_batch, "replay")
            bucket = table.naive(table.bucket)
            highest = max((known.last_event for known in files if known.last_event), default=None)
            batch.rows, batch.first_event, batch.last_event = fetch_row(
                connection,
                f"SELECT coalesce(sum({ROWS}), 0), min({bucket}), CAST(? AS TIMESTAMP) FROM {identifier(shadow)}",
                [highest or now.highest_event],
            )
            old = table_of(ledger, record)
            connection.execute(
                f"INSERT INTO rollup_manifest.changes SELECT {quote(table.name)}, {batch.batch}, {bucket}, "
                f"{pane(table, now)}, sum(rows) FROM (SELECT {old.bucket} AS {table.bucket}, 0 AS rows FROM {old.sql} "
                f"UNION ALL SELECT {table.bucket}, {ROWS} FROM {identifier(shadow)}) GROUP BY ALL"
            )
            connection.execute(f"ALTER TABLE {identifier(shadow)} DROP COLUMN {ROWS}")
            connection.execute(f"DROP TABLE {table.sql}")
            connection.execute(f"ALTER TABLE {identifier(shadow)} RENAME TO {table.sql}")
            if anew:
                ledger.set(
                    record.name,
                    statement=self._specification.statement,
                    input_types=types,
                    time_zone=record.time_zone,
                    earliest=record.earliest,
                    latest=record.latest,
                    watermark=None,
                )
                ledger.add_slices(record.name, batch.batch, files)
                self._remake_levels(record.name, table)
                now = replace(now, watermark=None, highest_event=None)
            ledger.add_batch(record.name, batch)
            advance(ledger, now, table, batch, complete=True)
            update_levels(ledger, record.name)
        return batch

    def _remake_levels(self, parent: str, table: Table) -> None:
        """Make the tables of the levels anew, empty: they may have other columns now."""
        for child in self._ledger.children(parent):
            level = table.coarser(child.name, Granularity.parse(child.every), child.dimensions)
            self._connection.execute(f"DROP TABLE {level.sql}")
            self._connection.execute(level.create())
            self._ledger.set(child.name, watermark=None)
            self._remake_levels(child.name, level)


def _counted(table: Table) -> Table:
    """The table with one more metric: how many events each row is made of."""
    rows = Metric(ROWS, "count", None, None)
    return replace(table, metrics=(*table.metrics, rows), types={**table.types, ROWS: "BIGINT"})
