"""Which of several sources do not keep the watermark back, as nothing of them has come for so long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from duckdb_sketch.rollup.ledger.positions import Position
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.specification.granularity import parse_span


def idle_sources(declared: Declaration, known: Mapping[str, Position], since: datetime | None) -> set[str]:
    """What those are known by that are idle; none if no time is declared after which they are.

    Args:
        declared: The sources.
        known: Where they stand, by what they are known by.
        since: When the rollup got its first batch, in UTC: what a source that has had nothing is idle since.
    """
    span = parse_span(declared.idle)
    if span is None:
        return set()
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    found = set()
    for each in declared.each:
        position = known.get(each.place)
        moved = position.moved if position is not None and position.moved is not None else since
        if moved is not None and now - moved > span:
            found.add(each.place)
    return found
