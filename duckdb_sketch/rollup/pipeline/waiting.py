"""What waits to be counted, and what counting it would do to the watermark."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine
from duckdb_sketch.rollup.ledger.records import RollupRecord
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.sources.events import Extent
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.source import Source
from duckdb_sketch.rollup.specification.table import Table, literal


@dataclass(frozen=True)
class WaitingFile:
    """A file that has not been counted.

    Attributes:
        path: Its path.
        rows: How many rows it has.
        first: Its first valid event time, as the ledger holds times; None if there is none. `last` is the last one.
        late: Whether all its events are of buckets that are final.
    """

    path: str
    rows: int
    first: datetime | None
    last: datetime | None
    late: bool


@dataclass(frozen=True)
class Waiting:
    """What a refresh would count.

    Attributes:
        files: The files.
        makes_final: Whether a bucket would be final then that is not.
    """

    files: tuple[WaitingFile, ...] = ()
    makes_final: bool = False

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(file.rows for file in self.files)


def waiting(target: Target, source: Source, engine: DuckDBEngine, seen: MutableMapping[Any, Extent]) -> Waiting:
    """What a refresh would count. Nothing is written.

    Args:
        target: The rollup.
        source: Its files.
        engine: Reads event times, from the files' own statistics where they have any.
        seen: What is known of files that were looked at before, which is kept up to date.

    Raises:
        SourceError: If a file cannot be read.
    """
    files = source.poll(target.fingerprints(source.kind)).new
    for file in [known for known in seen if known not in files]:
        del seen[file]
    record = target.record()
    table: Table | None = None
    unknown = [file for file in files if file not in seen]
    for file in unknown or files[:1]:
        with source.events([file], record.input_types) as events, events.blamed():
            table = target.table(events)
            if file not in seen:
                seen[file] = engine.extents(events, table, target.limits())[file.path]
    if table is None:
        return Waiting()
    found = [_file(target, record, table, file, seen[file]) for file in files]
    lasts = [file.last for file in found if file.last is not None]
    firsts = [file.first for file in found if file.first is not None]
    return Waiting(tuple(found), bool(lasts) and _makes_final(target, record, table, min(firsts), max(lasts)))


def _file(target: Target, record: RollupRecord, table: Table, file: File, extent: Extent) -> WaitingFile:
    late = False
    if record.watermark is not None and extent.last is not None:
        end = table.end(table.truncated(table.typed(literal(extent.last))))
        (late,) = fetch_row(target.ledger.connection, f"SELECT {end} <= {literal(record.watermark)}")
    return WaitingFile(file.path, extent.rows, extent.first, extent.last, late)


def _makes_final(target: Target, record: RollupRecord, table: Table, first: datetime, last: datetime) -> bool:
    """Whether the watermark would pass the end of a bucket."""
    highest = max(last, record.highest_event or last) - record.allowed_lateness
    before = table.naive_truncated(record.watermark or min(first, highest))
    (final,) = fetch_row(target.ledger.connection, f"SELECT {table.naive_truncated(highest)} > {before}")
    return bool(final)
