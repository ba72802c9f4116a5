"""When a rollup is refreshed, and which of the files that wait are counted then. Pure: the clock is the caller's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from duckdb_sketch.rollup.pipeline.waiting import Waiting
from duckdb_sketch.service.configuration import Triggers

#: How often to look at what waits, in seconds, where a trigger depends on it.
LOOK_EVERY = 1.0
_NEVER = float("inf")


@dataclass(frozen=True)
class Due:
    """What is to be counted now.

    Attributes:
        current: Whether the files with events of buckets that are not final are.
        late: Whether the files are whose events are all late.
        why: The triggers.
    """

    current: bool = False
    late: bool = False
    why: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.current or self.late

    def chosen(self, waiting: Waiting) -> list[str]:
        """The paths of the files that are to be counted."""
        return [file.path for file in waiting.files if (self.late if file.late else self.current)]


class Schedule:
    """The triggers of one rollup, and when each is due. At first everything is.

    Args:
        triggers: The triggers.
        now: The time, in seconds of any clock.
    """

    def __init__(self, triggers: Triggers, now: float) -> None:
        self._triggers = triggers
        self._first = True
        self._every = self._early = self._late = now
        self._look = now

    def next(self) -> float:
        """When to ask again, if nothing happens before."""
        times = [self._every if self._triggers.every else _NEVER, self._early if self._triggers.early else _NEVER]
        times += [self._late if self._triggers.late else _NEVER]
        if self._triggers.looks_inside or self._triggers.marker:
            times.append(self._look)
        return min(times)

    def due(self, now: float, waiting: Callable[[], Waiting], *, files: bool = False, marker: bool = False) -> Due:
        """What is to be counted now.

        Args:
            now: The time.
            waiting: Tells what waits; asked only if it matters.
            files: Whether files of the source changed.
            marker: Whether the marker changed.
        """
        triggers = self._triggers
        why = [name for name, is_due in self._timed(now) if is_due]
        why += ["files"] if files and triggers.files else []
        why += ["marker"] if marker else []
        if not why and (triggers.rows is not None or triggers.watermark) and now >= self._look:
            why += self._of_waiting(waiting())
        self._look = now + LOOK_EVERY
        late = triggers.late is None and bool(why)
        if triggers.late is not None and (self._first or now >= self._late):
            late = True
            why.append("late")
            self._late = now + triggers.late.total_seconds()
        current = any(name != "late" for name in why)
        self._first = False
        return Due(current, late, tuple(dict.fromkeys(why)))

    def _timed(self, now: float) -> list[tuple[str, bool]]:
        found = [("start", self._first)]
        if self._triggers.every and now >= self._every:
            self._every = _after(self._every, self._triggers.every, now)
            found.append(("every", True))
        if self._triggers.early and now >= self._early:
            self._early = _after(self._early, self._triggers.early, now)
            found.append(("early", True))
        return found

    def _of_waiting(self, waiting: Waiting) -> list[str]:
        triggers = self._triggers
        rows = sum(file.rows for file in waiting.files if not file.late or triggers.late is None)
        why = ["rows"] if triggers.rows is not None and rows >= triggers.rows else []
        return [*why, "watermark"] if triggers.watermark and waiting.makes_final else why


def _after(planned: float, every: timedelta, now: float) -> float:
    """The next of a series of times; those that were missed are left out."""
    seconds = every.total_seconds()
    return planned + seconds * (1 + int((now - planned) / seconds))
