"""The width of a rollup's buckets: an hour, 15 minutes, a month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from duckdb_sketch.rollup.errors import SpecificationError

_MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1_200, "millennium": 12_000}
_DAY = 24 * _MICROSECONDS["hour"]
_QUARTER = 15 * _MICROSECONDS["minute"]
_UNITS = {**_MICROSECONDS, **_DAYS, **_MONTHS}
_SHORT = {"us": "microsecond", "ms": "millisecond", "s": "second", "sec": "second", "min": "minute", "m": "minute"}
_SHORT |= {"h": "hour", "d": "day", "w": "week", "y": "year", "centuries": "century", "millennia": "millennium"}


@dataclass(frozen=True)
class Granularity:
    """How time is truncated: months, days and microseconds are kept apart, as a day is not always 24 hours.

    Attributes:
        count: How many units a bucket is wide.
        unit: `microsecond` to `millennium`, singular.
    """

    count: int
    unit: str

    @staticmethod
    def parse(text: str) -> Granularity:
        """Read `hour`, `15 minutes`, `1 day`, `3 months`.

        Raises:
            SpecificationError: If it is no such thing.
        """
        match = re.fullmatch(r"\s*(?:(\d+)\s*)?([A-Za-z]+)\s*", text)
        unit = match and _unit(match[2])
        if not match or not unit or match[1] == "0":
            raise SpecificationError(
                f"{text!r} is not a width of time: write a unit, such as hour, or a number of them, such as 15 minutes"
            )
        return Granularity(int(match[1] or 1), unit)

    @property
    def months(self) -> int:
        """Width in months; 0 if it is not a number of months."""
        return self.count * _MONTHS.get(self.unit, 0)

    @property
    def days(self) -> int:
        """Width in calendar days; 0 if it is not a number of days."""
        return self.count * _DAYS.get(self.unit, 0)

    @property
    def microseconds(self) -> int:
        """Width in microseconds; 0 if it is a number of days or months."""
        return self.count * _MICROSECONDS.get(self.unit, 0)

    @property
    def local(self) -> bool:
        """Whether `date_trunc` makes it of a TIMESTAMPTZ, and where it begins depends on the zone."""
        return self.count == 1 and (self.unit == "hour" or not self.microseconds)

    @property
    def interval(self) -> str:
        """The width as a SQL interval."""
        return f"INTERVAL '{self.count} {self.unit}'"

    def truncated(self, time: str) -> str:
        """SQL for the start of the bucket that holds `time`, a SQL expression."""
        if self.count == 1:
            return f"date_trunc('{self.unit}', {time})"
        return f"time_bucket({self.interval}, {time})"

    def nests_in(self, coarser: Granularity, *, zoned: bool) -> bool:
        """Whether every bucket of this width lies within one bucket of a coarser width.

        Args:
            coarser: The other width.
            zoned: Whether the buckets are of a TIMESTAMPTZ. Its hours and days begin where the zone says, while
                `time_bucket` counts from UTC. Offsets are multiples of a quarter of an hour, so what divides that
                nests in both; a longer bucket of `time_bucket` may lie across a local hour or midnight.
        """
        if zoned and (self.days or self.months) and self.local != coarser.local:
            return False  # the one begins at local midnights, the other at those of UTC
        if self.months:
            return coarser.months > 0 and coarser.months % self.months == 0
        if self.days:
            # time_bucket counts days from a Monday, weeks begin on Mondays, and months on any day.
            return coarser.days % self.days == 0 if coarser.days else coarser.months > 0 and self.days == 1
        if coarser.microseconds and coarser.microseconds % self.microseconds:
            return False
        if zoned:
            local_hour = self == Granularity(1, "hour") and not coarser.microseconds and coarser.local
            return self == coarser or local_hour or _QUARTER % self.microseconds == 0
        return bool(coarser.microseconds) or _DAY % self.microseconds == 0

    def __str__(self) -> str:
        if self.count == 1:
            return self.unit
        plural = {"century": "centuries", "millennium": "millennia"}.get(self.unit, f"{self.unit}s")
        return f"{self.count} {plural}"


def _unit(word: str) -> str | None:
    word = word.lower()
    for candidate in (word, _SHORT.get(word, ""), word.removesuffix("s"), _SHORT.get(word.removesuffix("s"), "")):
        if candidate in _UNITS:
            return candidate
    return None


def parse_span(text: str | timedelta | None) -> timedelta | None:
    """Read a fixed length of time, such as `2 hours`.

    Raises:
        SpecificationError: If it is none: months differ.
    """
    if text is None or isinstance(text, timedelta):
        return text
    width = Granularity.parse(text)
    if width.months:
        raise SpecificationError(f"{text!r}: months have no fixed length; write it in days")
    return timedelta(days=width.days, microseconds=width.microseconds)
