"""Where each source of a rollup stands: the table `rollup_manifest.sources`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import CountedSlice
from duckdb_sketch.rollup.query import fetch, fetch_row


@dataclass(frozen=True)
class Position:
    """Where a source stands.

    Attributes:
        source: Its paths, or the declaration of a table.
        slice: The last slice of it that was counted; None if none was.
        highest_event: The highest event time in what was counted of it, as the ledger holds times.
        moved: When something of it was counted last, without a zone, in UTC.
        waiting: How many slices the last refresh found and did not count.
        error: What kept the last refresh from counting them; None if nothing did.
        failed: When that was, without a zone, in UTC.
    """

    source: str
    slice: str | None = None
    highest_event: datetime | None = None
    moved: datetime | None = None
    waiting: int = 0
    error: str | None = None
    failed: datetime | None = None


def read_positions(ledger: Ledger, rollup: str) -> list[Position]:
    """Where the sources of a rollup stand, as far as that is known; in a ledger of before nothing is."""
    if not ledger.has_positions():
        return []
    rows = fetch(
        ledger.connection,
        "SELECT source, slice, highest_event, timezone('UTC', moved), waiting, error, timezone('UTC', failed) "
        "FROM rollup_manifest.sources WHERE rollup = ? ORDER BY source",
        [rollup],
    )
    return [Position(*row) for row in rows]


def note_counted(ledger: Ledger, rollup: str, slices: Sequence[CountedSlice], origins: Mapping[str, str]) -> None:
    """Move sources to where slices are that were just counted, inside the caller's transaction.

    Args:
        ledger: The ledger.
        rollup: The rollup.
        slices: The slices, in the order in which they were counted.
        origins: The declaration of the source of each, by its id; those without one move nothing.
    """
    found: dict[str, tuple[str, datetime | None]] = {}
    for each in slices:
        if (source := origins.get(each.slice)) is None:
            continue
        _, highest = found.get(source, ("", None))
        found[source] = each.slice, max((time for time in (highest, each.last_event) if time), default=None)
    if found:
        ledger.create()
    for source, (last, highest) in found.items():
        if not _move(ledger, rollup, source, last, highest):
            _add(ledger, rollup, source)
            _move(ledger, rollup, source, last, highest)


def _move(ledger: Ledger, rollup: str, source: str, last: str, highest: datetime | None) -> bool:
    """Write where a source is now, if there is a line for it; whether there is."""
    moved = fetch(
        ledger.connection,
        "UPDATE rollup_manifest.sources SET slice = ?, moved = now(), "
        "highest_event = greatest(highest_event, CAST(? AS TIMESTAMP)) WHERE rollup = ? AND source = ? RETURNING 1",
        [last, highest, rollup, source],
    )
    return bool(moved)


def add_positions(ledger: Ledger, rollup: str, positions: Sequence[Position]) -> None:
    """Write where the sources of a new rollup stand, inside the caller's transaction."""
    for each in positions:
        _add(ledger, rollup, each.source)
        ledger.connection.execute(
            "UPDATE rollup_manifest.sources SET slice = ?, highest_event = ?, "
            "moved = timezone('UTC', CAST(? AS TIMESTAMP)) WHERE rollup = ? AND source = ?",
            [each.slice, each.highest_event, each.moved, rollup, each.source],
        )


def note_failure(ledger: Ledger, rollup: str, sources: Sequence[str], error: str | None, waiting: int) -> None:
    """Write what kept a refresh from counting slices of some sources; None if nothing does any more.

    Where that is what is known already, nothing is written.
    """
    known = {each.source: each for each in read_positions(ledger, rollup)}
    changed = [each for each in sources if error is not None or (known.get(each) and known[each].error is not None)]
    if not changed:
        return
    with ledger.transaction():
        for source in changed:
            _add(ledger, rollup, source)
            ledger.connection.execute(
                "UPDATE rollup_manifest.sources SET error = ?, waiting = ?, "
                "failed = CASE WHEN ? IS NULL THEN NULL ELSE now() END WHERE rollup = ? AND source = ?",
                [error, waiting, error, rollup, source],
            )


def since(ledger: Ledger, rollup: str) -> datetime | None:
    """When a rollup got its first batch, without a zone, in UTC."""
    query = "SELECT timezone('UTC', min(finished)) FROM rollup_manifest.batches WHERE rollup = ?"
    (found,) = fetch_row(ledger.connection, query, [rollup])
    return found if isinstance(found, datetime) else None


def _add(ledger: Ledger, rollup: str, source: str) -> None:
    ledger.create()
    ledger.connection.execute(
        "INSERT INTO rollup_manifest.sources (rollup, source, waiting) SELECT ?, ?, 0 "
        "WHERE NOT EXISTS (FROM rollup_manifest.sources WHERE rollup = ? AND source = ?)",
        [rollup, source, rollup, source],
    )
