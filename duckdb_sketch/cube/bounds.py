"""Half-open ranges of event times, and SQL that tells what lies in them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duckdb_sketch.cube.table import CubeTable
from duckdb_sketch.rollup.specification.table import Table, literal

_MARGIN = "INTERVAL '3 hours'"  # by which clocks may go back, and a bucket begin after its events


@dataclass(frozen=True)
class Moment:
    """A point in time between two events, as a query states it. Naive: in UTC if events have a zone."""

    value: datetime


@dataclass(frozen=True)
class Cut:
    """The start of a bucket. Events are told by the bucket that they are in, so that each is on one side of a cut."""

    layout: Table
    value: datetime


End = Moment | Cut | None  #: where a range begins or ends; None if it does not


@dataclass(frozen=True)
class Range:
    """A half-open range of event times."""

    start: End = None
    end: End = None

    def overlaps(self, first: datetime, last: datetime) -> bool:
        """Whether it may hold an event from `first` to `last`, both included."""
        after = self.end is None or first < self.end.value
        return after and (self.start is None or last >= self.start.value)

    def __str__(self) -> str:
        start = self.start.value.isoformat(" ") if self.start else "…"
        end = self.end.value.isoformat(" ") if self.end else "…"
        return f"{start} to {end}"


def of_table(table: CubeTable, within: Range) -> list[str]:
    """SQL of which rows of a table are of buckets in a range whose ends are cuts."""
    return _conditions(table.layout.bucket, within, zoned=table.layout.zoned)


def of_events(table: CubeTable, within: Range) -> list[str]:
    """SQL of which events are of buckets in a range. Ends that are moments are left to the query's own conditions."""
    return _conditions(table.event, within, zoned=table.zoned)


def _conditions(time: str, within: Range, *, zoned: bool) -> list[str]:
    found = []
    for end, operator, sign in ((within.start, ">=", "-"), (within.end, "<", "+")):
        if not isinstance(end, Cut):
            continue
        if zoned:
            # The first comparison is one for statistics. The second one is of naive times, as DuckDB takes
            # date_trunc(x) >= y for x >= y, which is wrong where a bucket begins after its events.
            near = f"{time} {operator} {end.layout.typed(literal(end.value))} {sign} {_MARGIN}"
            bucket = end.layout.naive(end.layout.truncated(time))
            found.append(f"({near} AND {bucket} {operator} {literal(end.value)})")
        else:
            found.append(f"{time} {operator} {literal(end.value)}")
    return found
