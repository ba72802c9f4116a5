"""When a rollup is due, by a clock that the test turns."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from duckdb_sketch.rollup.pipeline.waiting import Waiting, WaitingFile
from duckdb_sketch.service import Triggers
from duckdb_sketch.service.triggers import Due, Schedule

NOTHING = Waiting()


def file(name: str, rows: int = 1, *, late: bool = False) -> WaitingFile:
    return WaitingFile(name, rows, datetime(2026, 1, 1), datetime(2026, 1, 1), late)


class Clock:
    """A schedule, asked at times that are counted in seconds from its beginning."""

    def __init__(self, **triggers: object) -> None:
        self.schedule = Schedule(Triggers(**triggers), 100.0)  # type: ignore[arg-type]

    def due(self, at: float, waiting: Waiting = NOTHING, **events: bool) -> Due:
        return self.schedule.due(100.0 + at, lambda: waiting, **events)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_at_the_start_everything_is() -> None:
    for triggers in ({"every": seconds(30)}, {"files": True}, {"rows": 5}, {"late": seconds(30)}):
        due = Clock(**triggers).due(0)
        assert (due.current, due.late) == (True, True)


def test_an_interval() -> None:
    clock = Clock(every=seconds(30))
    clock.due(0)
    assert not clock.due(29.9)
    assert clock.due(30).why == ("every",)
    assert not clock.due(59)
    assert clock.schedule.next() == 160
    assert clock.due(200), "a long refresh does not lead to several at once"
    assert not clock.due(209)
    assert clock.due(210)


def test_files() -> None:
    clock = Clock(files=True)
    clock.due(0)
    assert not clock.due(1000)
    assert clock.due(1001, files=True).why == ("files",)
    assert clock.schedule.next() == float("inf")


def test_a_marker() -> None:
    clock = Clock(every=seconds(1000))
    clock.due(0)
    assert clock.due(1, marker=True).why == ("marker",)


@pytest.mark.parametrize(("rows", "expected"), [(4, False), (5, True), (6, True)])
def test_rows(rows: int, expected: bool) -> None:
    clock = Clock(rows=5)
    clock.due(0)
    assert bool(clock.due(2, Waiting((file("a"), file("b", rows - 1))))) is expected


def test_the_watermark() -> None:
    clock = Clock(watermark=True)
    clock.due(0)
    assert not clock.due(2, Waiting((file("a"),), makes_final=False))
    assert clock.due(4, Waiting((file("a"),), makes_final=True)).why == ("watermark",)


def test_early_on_time_and_late_are_counted_separately() -> None:
    clock = Clock(early=seconds(60), watermark=True, late=seconds(600))
    clock.due(0)
    waiting = Waiting((file("open"), file("late", late=True)))
    assert not clock.due(59, waiting)
    early = clock.due(60, waiting)
    assert (early.why, early.chosen(waiting)) == (("early",), ["open"])
    final = Waiting(waiting.files, makes_final=True)
    on_time = clock.due(70, final)
    assert (on_time.why, on_time.chosen(final)) == (("watermark",), ["open"])
    only_late = Waiting((file("late", late=True),))
    assert not clock.due(119, only_late)
    late = clock.due(600, only_late)
    assert late.late
    assert late.chosen(only_late) == ["late"]


def test_late_files_do_not_count_as_rows_where_they_have_a_trigger_of_their_own() -> None:
    waiting = Waiting((file("late", 10, late=True),))
    apart, together = Clock(rows=5, late=seconds(600)), Clock(rows=5)
    for clock in (apart, together):
        clock.due(0)
    assert not apart.due(2, waiting)
    assert together.due(2, waiting)


def test_what_waits_is_looked_at_no_more_than_once_a_second() -> None:
    clock, looks = Clock(rows=5), []
    clock.due(0)

    def look() -> Waiting:
        looks.append(1)
        return NOTHING

    for tenth in range(30):
        clock.schedule.due(101 + tenth / 10, look)
    assert len(looks) <= 3
