"""What rollups have counted of their sources, beside what there is now. It and `catalog` alone read the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from duckdb_sketch.cube.event_source import Counted
from duckdb_sketch.cube.sections import Sections
from duckdb_sketch.cube.table import Clock, CubeTable, Slices, Span
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import CountedSlice, RollupRecord
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.source import SourceSlice

_MICROSECOND = timedelta(microseconds=1)


def counted_by_clock(tables: Sequence[CubeTable]) -> dict[Clock, Counted]:
    """What the rollups know of files, by the clock of their events."""
    found: dict[Clock, Counted] = {}
    for clock in dict.fromkeys(table.clock for table in tables):
        ranges: dict[str, tuple[datetime, datetime] | None] = {}
        whole: set[str] = set()
        appended: set[tuple[datetime, datetime]] = set()
        for table in (table for table in tables if table.clock == clock and table.layout is table.base):
            slices = table.slices
            for path, span in slices.ranges.items():
                known = ranges.get(path)
                ranges[path] = (min(known[0], span[0]), max(known[1], span[1])) if known and span else span or known
            if not table.where and not table.joins:  # or there may be others beside the events that it has looked at
                whole |= slices.ranges.keys() - set(slices.outliers)
            appended.update(slices.appended)
        found[clock] = Counted(ranges, frozenset(whole), tuple(sorted(appended)))
    return found


def read_slices(ledger: Ledger, record: RollupRecord, sections: Sections) -> tuple[dict[str, CountedSlice], Slices]:
    """The slices that a rollup has counted, by path; and what its batches say of them."""
    connection, name = ledger.connection, record.name
    files = {**ledger.slices(name), **sections.counted(ledger.slices(name, CountedSlice.RANGE))}
    suspects = fetch(
        connection,
        "SELECT s.slice, b.rejected_rows > 0, b.dropped_rows > 0 FROM rollup_manifest.batches AS b "
        "JOIN rollup_manifest.slices AS s USING (rollup, batch) WHERE rollup = ? AND s.kind IN ('file', 'range') "
        "AND (b.rejected_rows > 0 OR b.dropped_rows > 0) ORDER BY ALL",
        [name],
    )
    appended = fetch(
        connection,
        "SELECT coalesce(s.slice, '#' || (b.rows + b.dropped_rows + b.rejected_rows)), b.first_event, b.last_event "
        "FROM rollup_manifest.batches AS b LEFT JOIN rollup_manifest.slices AS s "
        "ON s.rollup = b.rollup AND s.batch = b.batch AND s.kind = 'batch' "
        "WHERE b.rollup = ? AND b.kind = 'append' AND b.rows > 0 AND coalesce(s.fingerprint, '') = ''",
        [name],
    )
    spans = [(first, last) for first, last in ledger.appended_spans(name) if first is not None and last is not None]
    ranges = {
        path: (counted.first_event, counted.last_event) if counted.first_event and counted.last_event else None
        for path, counted in files.items()
    }
    return files, Slices(
        ranges=ranges,
        appended=tuple(spans),
        batches=frozenset(str(batch) for batch, _, _ in appended),
        outliers=tuple(path for found, rejected, _ in suspects if rejected for path in sections.within(found)),
        dropped=tuple(
            span
            for found, _, dropped in suspects
            if dropped
            for path in sections.within(found)
            if (span := ranges.get(path))
        ),
    )


def compared(
    counted: Mapping[str, CountedSlice],
    slices: Slices,
    files: Mapping[str, SourceSlice],
    record: RollupRecord,
    sections: Sections,
) -> Slices:
    """What a rollup has counted, beside the files that there are now, and the sections of a table."""
    watermark, behind = record.watermark, sections.changed.get(record.name)
    changed = behind or next(
        (
            path
            for path, file in files.items()
            if not file.sql and path in counted and file.compare(counted[path].fingerprint) == "changed"
        ),
        None,
    )
    there = {span for path, span in slices.ranges.items() if path in files and span}
    dropped: list[Span] = []
    for span in slices.dropped:
        # Only what was final could be late; and what is in no file any more is not an event that could be read.
        if span in there:
            end = span[1] + _MICROSECOND
            dropped.append((span[0], end if watermark is None else min(end, watermark)))
    return Slices(
        ranges=slices.ranges,
        uncounted=tuple(path for path in files if path not in counted),
        appended=slices.appended,
        batches=slices.batches,
        outliers=slices.outliers,
        dropped=tuple(dropped),
        changed=changed,
    )
