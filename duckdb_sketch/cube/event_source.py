"""The events that a query asks about, as files: what raw answers are read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duckdb_sketch.cube.bounds import Range
from duckdb_sketch.cube.table import Clock


@dataclass(frozen=True)
class Counted:
    """What the rollups whose events have one clock know of the files of a table of events.

    Attributes:
        ranges: From the first to the last event of the files that some rollup has counted; None if none of a file's
            events has a time that is in range.
        whole: Those files of which every event lies in that range.
        appended: From when to when events were appended to rollups, and are in no file.
    """

    ranges: Mapping[str, tuple[datetime, datetime] | None] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    appended: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True)
class EventSource:
    """A table of events.

    Attributes:
        name: Its name in queries.
        sizes: The bytes of its files, by path.
        counted: What is known of the files, by the clock of their events.
        scan: Writes SQL of the events of some of the files, to follow FROM.
        columns: The columns of the events and their SQL types.
        listed: Whether its files were looked for, so that those that no rollup has counted are known.
    """

    name: str
    sizes: Mapping[str, int]
    counted: Mapping[Clock, Counted]
    scan: Callable[[Sequence[str]], str]
    columns: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True

    def files(self, within: Range, clock: Clock | None) -> list[str]:
        """The files that may have events in a range; all of them without a clock."""
        known = self.counted.get(clock, Counted()) if clock else Counted()
        return [path for path in self.sizes if _may_hold(known, path, within)]

    def missing(self, within: Range, clock: Clock | None) -> str | None:
        """What of the events in a range cannot be read again; None if all can."""
        for path in dict.fromkeys(path for known in self.counted.values() for path in known.ranges):
            if path not in self.sizes and self._held(path, within, clock):
                return f"{path}, which was counted, is gone"
        for own, known in self.counted.items():
            for first, last in known.appended:
                if own != clock or within.overlaps(first, last):
                    return f"events from {first} to {last} were appended, and are in no file"
        return None

    def _held(self, path: str, within: Range, clock: Clock | None) -> bool:
        """Whether a file that is gone had events in a range, or may have had."""
        known = self.counted.get(clock, Counted()).ranges if clock else {}
        if path not in known:
            return True
        span = known[path]
        return span is not None and within.overlaps(*span)


def _may_hold(known: Counted, path: str, within: Range) -> bool:
    if path not in known.whole:
        return True
    span = known.ranges[path]
    return span is not None and within.overlaps(*span)
