"""Where buckets begin. Pure, but for times with a zone, which DuckDB is asked about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table, literal

_DAYS_FROM = datetime(2000, 1, 3)  # a Monday, from which time_bucket counts days and less
_MONTHS_FROM = datetime(2000, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


class Calendar(Protocol):
    """Truncates times to the buckets of a table. Times are naive: in UTC if the table's have a zone."""

    def floor(self, layout: Table, time: datetime) -> datetime:
        """The start of the bucket that holds a time."""

    def next(self, layout: Table, bucket: datetime) -> datetime:
        """The start of the bucket after another one."""


def ceiling(calendar: Calendar, layout: Table, time: datetime) -> datetime:
    """The first bucket that begins at a time or later.

    Where clocks go back, an hour that comes twice is one bucket, and events of it may be before its start: it is
    the first bucket only if the time just before belongs to another one.
    """
    before = calendar.floor(layout, time - _MICROSECOND)
    bucket = calendar.floor(layout, time)
    return bucket if before < bucket else calendar.next(layout, bucket)


class NaiveCalendar:
    """For times without a zone, and buckets without an origin of their own: arithmetic."""

    def floor(self, layout: Table, time: datetime) -> datetime:
        """The start of the bucket that holds a time."""
        width = layout.granularity
        if width.months:
            months = (time.year - _MONTHS_FROM.year) * 12 + time.month - 1
            return _month(months // width.months * width.months)
        step = timedelta(days=width.days, microseconds=width.microseconds)
        return _DAYS_FROM + (time - _DAYS_FROM) // step * step

    def next(self, layout: Table, bucket: datetime) -> datetime:
        """The start of the bucket after another one."""
        return self.shifted(layout.granularity, bucket)

    @staticmethod
    def shifted(width: Granularity, bucket: datetime) -> datetime:
        """A bucket's start, moved by its width."""
        if width.months:
            return _month((bucket.year - _MONTHS_FROM.year) * 12 + bucket.month - 1 + width.months)
        return bucket + timedelta(days=width.days, microseconds=width.microseconds)


def _month(months: int) -> datetime:
    years, month = divmod(months, 12)
    return datetime(min(max(_MONTHS_FROM.year + years, 1), 9999), month + 1, 1)


class AskingCalendar:
    """For all times: what is not plain arithmetic is asked for, once.

    Args:
        ask: Gives the one value of a SQL expression, in a session whose time zone is that of the tables.
    """

    def __init__(self, ask: Callable[[str], datetime]) -> None:
        self._ask = ask
        self._naive = NaiveCalendar()
        self._known: dict[str, datetime] = {}

    def floor(self, layout: Table, time: datetime) -> datetime:
        """The start of the bucket that holds a time."""
        if not layout.zoned and layout.shifted is None:
            return self._naive.floor(layout, time)
        return self._value(layout.bucket_of(literal(time)))

    def next(self, layout: Table, bucket: datetime) -> datetime:
        """The start of the bucket after another one."""
        if not layout.zoned:
            return self._naive.next(layout, bucket)
        # Where clocks go back, the next bucket may be named after a time later than this one's end, and a bucket may
        # last longer than its width.
        end = bucket
        while True:
            end = self._value(layout.end(layout.typed(literal(end))))
            found = self.floor(layout, end)
            if found > bucket:
                return found

    def _value(self, expression: str) -> datetime:
        if expression not in self._known:
            self._known[expression] = self._ask(expression)
        return self._known[expression]
