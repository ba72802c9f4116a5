"""Which table answers which part of a time range: the one that reads least, and raw events where none can. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from duckdb_sketch.cube.bounds import Cut, End, Moment, Range
from duckdb_sketch.cube.bucket_calendar import Calendar, ceiling
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.table import Clock, CubeTable, Span
from duckdb_sketch.rollup.specification.table import Table

_MICROSECOND = timedelta(microseconds=1)
_MARGIN = timedelta(hours=3)  # by which an event of a bucket may be off its range, where clocks change


@dataclass(frozen=True)
class Segment:
    """A part of the time range, and what answers it.

    Attributes:
        within: The range. Where a table answers, its ends are cuts.
        table: The table; None for raw events.
    """

    within: Range
    table: CubeTable | None


@dataclass
class Candidate:
    """A table, and how much of it a query reads.

    Attributes:
        table: The table.
        bytes_per_row: About how many bytes of a row are read.
        blocked: Where it does not have all events.
        known: The range that was asked for last, and what it has of it.
    """

    table: CubeTable
    bytes_per_row: int
    blocked: list[Span] = field(default_factory=list)
    known: tuple[Range, Range | None] | None = field(default=None, init=False, compare=False)

    def __post_init__(self) -> None:
        span = self.table.width / 1e6
        if self.table.first is not None and self.table.last is not None:
            span += (self.table.last - self.table.first).total_seconds()
        #: The length of the time that it has buckets of.
        self.seconds = max(span, 1e-6)
        #: Bytes for a second of time.
        self.rate = self.table.rows * self.bytes_per_row / self.seconds

    def rows_within(self, within: Range) -> int:
        """About how many rows it has in a range."""
        first, last = self.table.first, self.table.last
        if first is None or last is None:
            return 0
        start = max(first, within.start.value) if within.start else first
        end = min(last, within.end.value) if within.end else last
        share = ((end - start).total_seconds() + self.seconds - (last - first).total_seconds()) / self.seconds
        return round(self.table.rows * min(max(share, 0.0), 1.0))


class Cover:
    """Splits a time range into segments.

    Args:
        candidates: The tables that may answer.
        calendar: Truncates times to their buckets.
    """

    def __init__(self, candidates: Sequence[Candidate], calendar: Calendar) -> None:
        self._calendar = calendar
        # Of tables that read alike much, the coarser one has fewer buckets to merge.
        self._candidates = sorted(candidates, key=lambda c: (round(c.rate, 6), -c.table.width))

    def segments(self, within: Range) -> list[Segment]:
        """The segments of a range, in the order of time."""
        for candidate in self._candidates:
            inner = self.free(candidate, within)
            if inner is None:
                continue
            found = [Segment(inner, candidate.table)]
            if not self._begins(candidate.table, within.start, inner.start):
                found = [*self.segments(Range(within.start, inner.start)), *found]
            if not self._ends(candidate.table, within.end, inner.end):
                found = [*found, *self.segments(Range(inner.end, within.end))]
            return found
        return [Segment(within, None)]

    def free(self, candidate: Candidate, within: Range, *, blocked: bool = True) -> Range | None:
        """The longest range of whole buckets that a table has all events of; None if there is none."""
        if not blocked:
            return self._free(candidate, within, ())
        if candidate.known is None or candidate.known[0] != within:
            candidate.known = within, self._free(candidate, within, candidate.blocked)
        return candidate.known[1]

    def _free(self, candidate: Candidate, within: Range, blocked: Sequence[Span]) -> Range | None:
        layout = candidate.table.layout
        parts: list[Span] = [(self._up(layout, within.start), self._down(layout, within.end))]
        for low, high in blocked:
            end = None if low is None else self._calendar.floor(layout, low)
            start = None if high is None else ceiling(self._calendar, layout, high)
            parts = [rest for part in parts for rest in _without(part, end, start)]
        parts = [part for part in parts if None in part or part[0] < part[1]]  # type: ignore[operator]
        if not parts:
            return None
        low, high = max(parts, key=_length)
        return Range(_cut(layout, low, within.start), _cut(layout, high, within.end))

    def _up(self, layout: Table, end: End) -> datetime | None:
        if end is None:
            return None
        if isinstance(end, Moment):
            return ceiling(self._calendar, layout, end.value)
        floor = self._calendar.floor(layout, end.value)
        return floor if floor == end.value else self._calendar.next(layout, floor)

    def _down(self, layout: Table, end: End) -> datetime | None:
        return None if end is None else self._calendar.floor(layout, end.value)

    def _begins(self, table: CubeTable, outer: End, inner: End) -> bool:
        """Whether no event of the outer range lies before the inner one."""
        if outer is None or inner is None:
            return inner is None
        if isinstance(outer, Cut):
            return outer.value == inner.value
        return self._calendar.floor(table.layout, outer.value) == inner.value

    def _ends(self, table: CubeTable, outer: End, inner: End) -> bool:
        """Whether no event of the outer range lies after the inner one."""
        if outer is None or inner is None:
            return inner is None
        if isinstance(outer, Cut):
            return outer.value == inner.value
        return self._calendar.floor(table.layout, outer.value - _MICROSECOND) < inner.value


def _cut(layout: Table, value: datetime | None, outer: End) -> Cut | None:
    """A cut; the outer one if it is at the same time, so that both sides of it are told by the same buckets."""
    if value is None:
        return None
    return outer if isinstance(outer, Cut) and outer.value == value else Cut(layout, value)


def _without(part: Span, end: datetime | None, start: datetime | None) -> list[Span]:
    """What is left of a range without all from `end` to `start`."""
    low, high = part
    rest: list[Span] = []
    if end is not None:
        rest.append((low, end if high is None else min(high, end)))
    if start is not None:
        rest.append((start if low is None else max(low, start), high))
    return [span for span in rest if None in span or span[0] < span[1]]  # type: ignore[operator]


def _length(part: Span) -> float:
    low, high = part
    if low is None and high is None:
        return float("inf")
    if high is None:
        return 1e300
    return 1e299 if low is None else (high - low).total_seconds()


def cost(segments: Sequence[Segment], candidates: Sequence[Candidate], source: EventSource, clock: Clock) -> float:
    """About how many bytes the segments read, those of files that a table's rollup has not counted included."""
    known = {candidate.table.name: candidate for candidate in candidates}
    total = 0.0
    uncounted: set[str] = set()
    for segment in segments:
        if segment.table is None:
            total += sum(source.sizes[path] for path in source.files(widened(segment.within), clock))
        else:
            candidate = known[segment.table.name]
            total += candidate.rows_within(segment.within) * candidate.bytes_per_row
            uncounted |= set(segment.table.slices.uncounted)
    return total + sum(source.sizes.get(path, 0) for path in uncounted)


def widened(within: Range) -> Range:
    """A range that holds the event times of all buckets in another one, also where clocks change."""
    return Range(_moved(within.start, -_MARGIN), _moved(within.end, _MARGIN))


def _moved(end: End, margin: timedelta) -> Moment | None:
    if end is None or isinstance(end, Moment):
        return end
    return Moment(end.value + margin if end.layout.zoned else end.value)
