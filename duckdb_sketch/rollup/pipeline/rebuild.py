"""Rebuilding the buckets of files that changed, from all files that have rows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta

from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine, counted
from duckdb_sketch.rollup.engines.engine import Groups, Limits
from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.records import Batch, RollupRecord
from duckdb_sketch.rollup.pipeline.commit import commit
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.replace import Replace
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.sources.events import Extent
from duckdb_sketch.rollup.sources.source import Source, SourceSlice
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table, literal

_MICROSECOND = timedelta(microseconds=1)


def rebuild(target: Target, source: Source, changed: Sequence[SourceSlice], *, complete: bool, levels: bool) -> Batch:
    """Rebuild all buckets that changed files have, or had, rows of.

    Args:
        target: The rollup.
        source: Its files.
        changed: Those that changed, as they are now.
        complete: Whether everything that there is has been counted then.
        levels: Whether to update the coarser levels.

    Raises:
        RollupError: If something that went into the buckets is not there any more.
        SourceError: If a file cannot be read.
        LockedError: If another connection counted a batch meanwhile.
    """
    record = target.ledger.rollup(target.name)
    limits = Limits(record.earliest, record.latest)
    engine = DuckDBEngine(target.specification)
    with ExitStack() as stack:
        events = stack.enter_context(source.events(changed, record.input_types))
        stack.enter_context(events.blamed())
        spooled = stack.enter_context(engine.spooled(events))
        table = target.table(events)
        extents = engine.extents(spooled, table, limits)
        buckets = _buckets(target, table, changed, extents, limits)
        others = _others(target, source, record, table, changed, buckets)
        if others:
            spooled = spooled.joined(stack.enter_context(source.events(others, record.input_types)))
        origins = {file.path: source.origin(file.path) for file in changed}
        policy = Policy("rebuild", buckets, record.last_batch, complete=complete, levels=levels, origins=origins)
        within = _within(target.specification.typed(spooled.types), table, buckets)
        groups = stack.enter_context(engine.aggregated(spooled, table, within))
        return commit(target, table, spooled, Groups(groups, counted(events, extents)), policy)


def _buckets(
    target: Target, table: Table, changed: Sequence[SourceSlice], extents: Mapping[str, Extent], limits: Limits
) -> Replace:
    """The buckets that the files have rows of now, or had when they were counted."""
    known = target.ledger.slices(target.name, changed[0].kind)
    old = [(known[file.path].first_event, known[file.path].last_event) for file in changed]
    new = [(extent.first, extent.last) for extent in extents.values()]
    times = [time for pair in (*old, *new) for time in pair if time is not None] or [limits.earliest]
    low, high = fetch_row(
        target.ledger.connection,
        f"SELECT {table.naive_truncated(min(times))}, {table.naive_truncated(max(times))}",
    )
    return Replace(low, high)


def _others(
    target: Target, source: Source, record: RollupRecord, table: Table, changed: Sequence[SourceSlice], buckets: Replace
) -> list[SourceSlice]:
    """The other files that have been counted into the buckets.

    Raises:
        RollupError: If not everything that went into them is there to rebuild them.
    """
    first, low, high = changed[0].path, buckets.low, buckets.high
    if record.expired_before is not None and low < record.expired_before:
        raise RollupError(
            f"{first} changed, and has rows of {low}; buckets before {record.expired_before} have expired, and cannot "
            "be rebuilt"
        )
    connection = target.ledger.connection
    end = fetch_row(connection, f"SELECT {table.end(table.typed(literal(high)))}")[0]
    if target.ledger.appended(target.name, low, end):
        raise RollupError(
            f"{first} changed, and its buckets, {low} to {high}, also hold rows that were appended: they are in no "
            "file, and would be lost"
        )
    rows = fetch(
        connection,
        "SELECT kind, slice, fingerprint FROM rollup_manifest.slices WHERE rollup = ? AND kind IN ('file', 'range') "
        f"AND NOT list_contains(?, slice) AND {table.bucket_of('last_event')} >= {literal(low)} "
        f"AND {table.bucket_of('first_event')} < {literal(high + _MICROSECOND)} ORDER BY slice",
        [target.name, [file.path for file in changed]],
    )
    others: list[SourceSlice] = [source.counted(*row) for row in rows]
    for file in others:
        file.require()
    return others


def _within(specification: Specification, table: Table, buckets: Replace) -> str:
    bucket = table.bucket_of(table.naive(specification.event()))
    # DuckDB 1.4 takes date_trunc('hour', x) <= '10:00' for x <= '11:00'.
    return f"{bucket} >= {literal(buckets.low)} AND {bucket} < {literal(buckets.high + _MICROSECOND)}"
