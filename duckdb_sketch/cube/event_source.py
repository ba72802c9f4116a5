"""The events that a query asks about, as files: what raw answers are read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duckdb_sketch.cube.bounds import Range


@dataclass(frozen=True)
class EventSource:
    """A table of events.

    Attributes:
        name: Its name in queries.
        sizes: The bytes of its files, by path.
        ranges: Of files that some rollup has counted, from the first to the last event with a sane time, by path;
            None if it has none.
        outliers: The files that may have events whose time is NULL or not sane.
        appended: From when to when events were appended to rollups, and are in no file.
        columns: The columns of the events and their SQL types.
        scan: Writes SQL of the events of some of the files, to follow FROM.
        listed: Whether its files were looked for, so that those that no rollup has counted are known.
    """

    name: str
    sizes: Mapping[str, int]
    ranges: Mapping[str, tuple[datetime, datetime] | None]
    scan: Callable[[Sequence[str]], str]
    outliers: frozenset[str] = frozenset()
    appended: tuple[tuple[datetime, datetime], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True

    def files(self, within: Range) -> list[str]:
        """The files that may have events in a range."""
        return [path for path in self.sizes if self._may_hold(path, within)]

    def missing(self, within: Range) -> str | None:
        """What of the events in a range cannot be read again; None if all can."""
        for path, span in self.ranges.items():
            if path not in self.sizes and span is not None and within.overlaps(*span):
                return f"{path}, which was counted, is gone"
        for first, last in self.appended:
            if within.overlaps(first, last):
                return f"events from {first} to {last} were appended, and are in no file"
        return None

    def _may_hold(self, path: str, within: Range) -> bool:
        if path not in self.ranges:
            return True
        span = self.ranges[path]
        if path in self.outliers and (within.start is None or within.end is None):
            return True
        return span is not None and within.overlaps(*span)
