"""The watermark: buckets that end by then are final."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.positions import read_positions, since
from duckdb_sketch.rollup.ledger.records import Batch, Record, RollupRecord
from duckdb_sketch.rollup.reading.idle import idle_sources
from duckdb_sketch.rollup.sources.declared import files_of
from duckdb_sketch.rollup.specification.table import Table, literal


def advance(ledger: Ledger, record: RollupRecord, table: Table, batch: Batch, *, complete: bool) -> None:
    """Move the highest event time, and with the last batch of a refresh the watermark, which makes buckets final."""
    highest = max((time for time in (record.highest_event, batch.last_event) if time), default=None)
    values: dict[str, object] = {} if highest == record.highest_event else {"highest_event": highest}
    reached = _reached(ledger, record, highest) if complete else None
    if reached is not None:
        # An event from the future must not make the present final. What zone local times are in is not known, but
        # it is no more than a day away.
        clock = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(days=0 if table.zoned else 1)
        watermark = max(time for time in (record.watermark, min(reached, clock) - record.allowed_lateness) if time)
        if watermark != record.watermark:
            values["watermark"] = watermark
            announce_final(ledger, record, table, batch.batch, watermark)
    if values:
        ledger.set(record.name, **values)


def _reached(ledger: Ledger, record: Record, highest: datetime | None) -> datetime | None:
    """The event time that all sources have reached; None if one of several has none yet, and is waited for."""
    declared = files_of(record.source) if isinstance(record, RollupRecord) else None
    if declared is None or not declared.members:
        return highest
    known = {each.source: each for each in read_positions(ledger, record.name)}
    idle = idle_sources(declared, known, since(ledger, record.name))
    active = [known.get(each.place) for each in declared.each if each.place not in idle]
    if not active:
        return highest
    times = [each.highest_event for each in active if each is not None and each.highest_event is not None]
    return min(times) if len(times) == len(active) else None


def announce_final(ledger: Ledger, record: Record, table: Table, batch: int, watermark: datetime) -> None:
    """Give the buckets that end between the record's watermark and the new one the pane *on time*."""
    final = f"{table.end(table.bucket)} <= {literal(watermark)}"
    final += f" AND {table.bucket} < {table.typed(literal(watermark))}" if table.types[table.time] != "DATE" else ""
    if record.watermark is not None:
        final += f" AND {table.end(table.bucket)} > {literal(record.watermark)}"
        final += f" AND {table.bucket} >= {table.truncated(table.typed(literal(record.watermark)))}"
    name = quote(table.name)
    buckets = f"(SELECT DISTINCT {table.naive(table.bucket)} AS bucket FROM {table.sql} WHERE {final})"
    here = f"rollup = {name} AND batch = {batch}"
    ledger.connection.execute(
        f"UPDATE rollup_manifest.changes SET pane = 'on time' WHERE {here} AND pane = 'early' AND bucket IN {buckets}"
    )
    ledger.connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {name}, {batch}, bucket, 'on time', 0 FROM {buckets} "
        f"WHERE bucket NOT IN (SELECT bucket FROM rollup_manifest.changes WHERE {here})"
    )
