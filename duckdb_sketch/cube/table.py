"""A table of a cube: a rollup, or a coarser level of one, as the planner sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from duckdb_sketch.cube.state import MetricColumn, State
from duckdb_sketch.rollup.specification.table import Table

Span = tuple[datetime | None, datetime | None]  #: half-open; None: without an end
Clock = tuple[str, bool]  #: canonical SQL of an event time, and whether the ledger has it in UTC


@dataclass(frozen=True)
class Slices:
    """What a rollup has counted, and what it has not.

    Attributes:
        ranges: The files counted, by path, from the first to the last event; None if no event of it has a sane time.
        uncounted: The paths of the source's files that it has not counted.
        appended: From when to when batches are that were appended, so that no file has their events.
        batches: What tells those batches from others: their ids, or how many events they have.
        outliers: The files of batches with events whose time is NULL or not sane: they are not in the rollup.
        dropped: From when to when events of files were dropped as late.
        changed: A file that is not as it was counted; None if there is none.
    """

    ranges: Mapping[str, tuple[datetime, datetime] | None]
    uncounted: tuple[str, ...] = ()
    appended: tuple[tuple[datetime, datetime], ...] = ()
    batches: frozenset[str] = frozenset()
    outliers: tuple[str, ...] = ()
    dropped: tuple[Span, ...] = ()
    changed: str | None = None


@dataclass(frozen=True)
class CubeTable:
    """A rollup, or a coarser level of one.

    Attributes:
        layout: Its table: the column of truncated time, the width of its buckets, the types of its columns.
        base: The table of the rollup of events that it is made from, which may be itself.
        statement: The rollup's statement over events.
        event: Canonical SQL of the event time.
        event_type: The SQL type of the event time.
        zone: The time zone of its buckets; None if its times have none.
        dimensions: The names of its columns, by canonical SQL over events.
        metrics: Its columns with states.
        where: Canonical SQL of the conditions that all of its events meet.
        joins: Canonical SQL of the lookup tables joined.
        earliest: The first bucket of the rollup that may hold events, and `latest` the first one that may not.
        slices: What the rollup has counted.
        rows: How many rows it has.
        first: Its first bucket, and `last` its last one; None if it is empty.
        expired_before: Buckets before it were dropped.
        behind: How many batches of its parents it has not taken up.
    """

    layout: Table
    base: Table
    statement: str
    event: str
    event_type: str
    zone: str | None
    dimensions: Mapping[str, str]
    metrics: tuple[MetricColumn, ...]
    where: frozenset[str]
    joins: tuple[str, ...]
    earliest: datetime
    latest: datetime
    slices: Slices
    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    expired_before: datetime | None = None
    behind: int = 0

    @property
    def name(self) -> str:
        """Its name in the database."""
        return self.layout.name

    @property
    def rollup(self) -> str:
        """The name of the rollup of events that it is made from, which may be itself."""
        return self.base.name

    @property
    def zoned(self) -> bool:
        """Whether its events have times with a zone, and where its buckets begin depends on the zone."""
        return self.event_type == "TIMESTAMP WITH TIME ZONE"

    @cached_property
    def width(self) -> float:
        """About how many microseconds a bucket lasts."""
        width = self.layout.granularity
        return width.months * 30 * 86400e6 + width.days * 86400e6 + width.microseconds

    @cached_property
    def kind(self) -> object:
        """All but its dimensions that says which SELECTs it matches."""
        layout = self.layout
        buckets = (layout.granularity, layout.shifted, layout.time, layout.types[layout.time], layout.zoned)
        return (buckets, self.event, self.event_type, self.zone, self.metrics, self.where, self.joins)

    @property
    def clock(self) -> Clock:
        """What the times of its slices can be compared with."""
        return self.event, self.layout.zoned

    def metric(self, state: State) -> MetricColumn | None:
        """The column that holds a state."""
        return next((metric for metric in self.metrics if metric.state == state), None)

    def bytes_per_row(self, columns: int, states: int) -> int:
        """About how many bytes of a row a query reads.

        Args:
            columns: How many columns of numbers and dimensions.
            states: How many columns of sketches.
        """
        return 8 * (columns + 1) + BYTES_OF_A_SKETCH * states


#: About what a sketch takes that is not small.
BYTES_OF_A_SKETCH = 400
