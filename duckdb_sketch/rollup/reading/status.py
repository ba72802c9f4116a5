"""How a rollup stands, and what changed in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import MissingTableError, PrunedChangesError
from duckdb_sketch.rollup.ledger.ledger import APPENDED, Ledger
from duckdb_sketch.rollup.ledger.positions import Position, read_positions, since
from duckdb_sketch.rollup.ledger.records import LevelRecord, Record, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.reading.idle import idle_sources
from duckdb_sketch.rollup.sources.declared import files_of, sources_of
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification

Pane = Literal["early", "on time", "late"]

#: The pane of the line that tells up to which batch changes were pruned.
PRUNED = "pruned"


@dataclass(frozen=True)
class Change:
    """A bucket that a batch touched.

    Attributes:
        batch: The batch.
        bucket: The bucket's start, without a zone: in UTC if the rollup's buckets are TIMESTAMPTZ.
        pane: `early` if the bucket is not final yet, `on time` if it is from this batch on, `late` if it was before.
        rows: How many rows the batch has for it; 0 on time: nothing new, but final now.
    """

    batch: int
    bucket: datetime
    pane: Pane
    rows: int


@dataclass(frozen=True)
class SourceStatus:
    """Where a source stands.

    Attributes:
        source: Its paths, or the declaration of a table.
        position: The last slice of it that was counted: a file, or a range of a table's cursor. None if none was.
        highest_event: The highest event time in what was counted of it.
        lag: How far that is behind the highest of all sources of the rollup; 0 of the only one.
        waiting: How many slices the last refresh found and did not count, because of the error.
        error: What went wrong with it in the last refresh; None if nothing did.
        failed: When that was, without a zone, in UTC.
        idle: Whether it does not keep the watermark back, as nothing of it has come for so long.
    """

    source: str
    position: str | None
    highest_event: datetime | None
    lag: timedelta | None
    waiting: int
    error: str | None
    failed: datetime | None
    idle: bool


@dataclass(frozen=True)
class Status:
    """How a rollup, or a coarser level, stands.

    Attributes:
        rollup: Its name.
        parent: The rollup that it is made from; None if that is events.
        every: The width of its buckets.
        groups: How many rows its table has.
        first_bucket: The start of its first bucket, and `last_bucket` of its last one, without a zone.
        files: How many files it has counted.
        rows: How many events it has read; 0 of a coarser level.
        late_rows: Of those, the ones that came for final buckets, and were merged.
        dropped_rows: Events for final or expired buckets that were left out.
        rejected_rows: Events left out because their time is NULL or out of range.
        last_batch: The number of the last batch.
        behind: How many batches of its parent it does not have yet.
        watermark: Buckets that end by then are final.
        expired_before: Buckets before it were dropped.
        time_zone: The zone in which its buckets are truncated.
        source: How its source is declared; None of a coarser level, and where data were appended.
        sources: Where each of its sources stands.
        missing: Whether its table was dropped by hand; nothing else can be said of its buckets then.
    """

    rollup: str
    parent: str | None
    every: str
    groups: int
    first_bucket: datetime | None
    last_bucket: datetime | None
    files: int
    rows: int
    late_rows: int
    dropped_rows: int
    rejected_rows: int
    last_batch: int
    behind: int
    watermark: datetime | None
    expired_before: datetime | None
    time_zone: str | None
    source: str | None = None
    missing: bool = False
    sources: tuple[SourceStatus, ...] = ()


def pruned_until(ledger: Ledger, name: str) -> int:
    """The last batch of a rollup of which not every change is known any more; 0 if there is none."""
    query = f"SELECT coalesce(max(batch), 0) FROM rollup_manifest.changes WHERE rollup = ? AND pane = '{PRUNED}'"
    return int(fetch_row(ledger.connection, query, [name])[0])


def read_changes(ledger: Ledger, record: Record, since: int) -> list[Change]:
    """The changes of a rollup after a batch.

    Raises:
        PrunedChangesError: If some of them have been pruned.
    """
    pruned = pruned_until(ledger, record.name)
    if since < pruned:
        raise PrunedChangesError(
            f"the changes of {record.name} after batch {since} are no longer known: those up to batch {pruned} "
            f"have been pruned. Read the whole table, and then ask for changes since {record.last_batch}"
        )
    rows = fetch(
        ledger.connection,
        "SELECT batch, bucket, pane, rows FROM rollup_manifest.changes WHERE rollup = ? AND batch > ? ORDER BY ALL",
        [record.name, since],
    )
    return [Change(*row) for row in rows]


def read_status(ledger: Ledger, name: str) -> list[Status]:
    """How a rollup and its coarser levels stand, itself first."""
    found = [_read_one(ledger, ledger.get(name))]
    for child in ledger.children(name):
        found += read_status(ledger, child.name)
    return found


def _read_one(ledger: Ledger, record: RollupRecord | LevelRecord) -> Status:
    connection = ledger.connection
    groups, first, last, missing = 0, None, None, False
    try:
        table = table_of(ledger, record)
        bucket = table.naive(table.bucket)
        groups, first, last = fetch_row(
            connection, f"SELECT count(*), min({bucket}), max({bucket}) FROM {identifier(record.name)}"
        )
    except MissingTableError:
        missing = True
    files, in_files = fetch_row(
        connection,
        "SELECT count(*) FILTER (kind = 'file'), coalesce(sum(rows), 0) FROM rollup_manifest.slices WHERE rollup = ? "
        "AND kind IN ('file', 'range')",
        [record.name],
    )
    appended, *kept_out = fetch_row(
        connection,
        f"SELECT coalesce(sum(rows) FILTER ({APPENDED}), 0), coalesce(sum(late_rows), 0), "
        "coalesce(sum(dropped_rows), 0), coalesce(sum(rejected_rows), 0) FROM rollup_manifest.batches WHERE rollup = ?",
        [record.name],
    )
    late, dropped, rejected = (int(rows) for rows in kept_out)
    parent, behind = None, 0
    if isinstance(record, LevelRecord):
        parent = record.parent
        behind = ledger.get(parent).last_batch - record.consumed
    return Status(
        rollup=record.name,
        parent=parent,
        every=_every(record),
        groups=groups,
        first_bucket=first,
        last_bucket=last,
        files=files,
        rows=int(in_files + appended),
        late_rows=late,
        dropped_rows=dropped,
        rejected_rows=rejected,
        last_batch=record.last_batch,
        behind=behind,
        watermark=record.watermark,
        expired_before=record.expired_before,
        time_zone=record.time_zone,
        source=record.source if isinstance(record, RollupRecord) else None,
        missing=missing,
        sources=tuple(_read_sources(ledger, record)) if isinstance(record, RollupRecord) else (),
    )


def _read_sources(ledger: Ledger, record: RollupRecord) -> Iterator[SourceStatus]:
    if record.source is None:
        return
    known = {each.source: each for each in read_positions(ledger, record.name)}
    idle = idle_sources(files_of(record.source), known, since(ledger, record.name))
    declared = sources_of(record.source)
    times = [each.highest_event for name in declared if (each := known.get(name)) and each.highest_event]
    for name in declared:
        each = known.get(name, Position(name))
        lag = max(times) - each.highest_event if each.highest_event else None
        yield SourceStatus(
            name, each.slice, each.highest_event, lag, each.waiting, each.error, each.failed, name in idle
        )


def _every(record: RollupRecord | LevelRecord) -> str:
    if isinstance(record, LevelRecord):
        return str(Granularity.parse(record.every))
    return str(Specification.parse(record.statement).time.granularity)
