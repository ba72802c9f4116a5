"""Coarser levels: made from finer tables alone, kept up to date with them or caught up with later."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import HOURLY, everything, hourly, of_raw, table, write_events
from samples import few_fast_rows

from duckdb_sketch.rollup import Level, RollupError, SpecificationError, open_level

MINUTES = HOURLY.replace("date_trunc('hour', ts) AS hour", "time_bucket(INTERVAL '15 minutes', ts) AS quarter_hour")


def every(width: str, by: str = "publisher, ") -> str:
    return HOURLY.replace("'hour', ts) AS hour, publisher, ", f"'{width}', ts) AS t, {by}")


def check(level: Level, folder: Path, width: str, by: str = "publisher, ") -> None:
    assert table(level) == of_raw(level, str(folder / "*.parquet"), every(width, by))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statement", "chain"),
    few_fast_rows(
        [
            (HOURLY, ["day", "month", "year"]),
            (HOURLY, ["day", "week"]),
            (HOURLY, ["week"]),
            (HOURLY, ["year"]),
            (MINUTES, ["hour", "day", "quarter", "decade"]),
        ],
        (HOURLY, ["day", "month", "year"]),
        (HOURLY, ["week"]),
    ),
)
def test_a_level_of_a_level_is_what_the_raw_rows_make(tmp_path: Path, statement: str, chain: list[str]) -> None:
    write_events(tmp_path / "0.parquet", 0, 300)
    level: Level = hourly(tmp_path, statement=statement)
    rollup = level
    rollup.refresh()  # type: ignore[attr-defined]
    levels = []
    for width in chain:
        level = level.coarsen(width, f"by_{width}")
        levels.append(level)
    for part, (first, last) in enumerate([(100, 200), (15000, 15100), (290, 2000)], 1):
        write_events(tmp_path / f"{part}.parquet", first, last)
        rollup.refresh()  # type: ignore[attr-defined]
        for level, width in zip(levels, chain, strict=True):
            check(level, tmp_path, width)
    assert [status.rollup for status in rollup.status()] == ["hourly", *(f"by_{width}" for width in chain)]


def test_a_level_keeps_the_dimensions_that_it_is_told(tmp_path: Path) -> None:
    statement = HOURLY.replace("publisher,", "publisher, user_id % 3 AS part,")
    write_events(tmp_path / "0.parquet", 0, 300)
    hours = hourly(tmp_path, statement=statement)
    hours.refresh()
    days = hours.coarsen("day", "days", by=["part"])
    weeks = days.coarsen("week", "weeks", by=[])
    write_events(tmp_path / "1.parquet", 200, 500)
    hours.refresh()
    check(days, tmp_path, "day", "user_id % 3 AS part, ")
    check(weeks, tmp_path, "week", "")
    with pytest.raises(SpecificationError, match="no dimension publisher; it has part"):
        days.coarsen("month", "months", by=["publisher"])


def test_levels_catch_up(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 300)
    hours = hourly(tmp_path)
    hours.refresh()
    days = hours.coarsen("day", "days")
    weeks = days.coarsen("week", "weeks")
    stale = table(days)
    for part in (1, 2):
        write_events(tmp_path / f"{part}.parquet", part * 200, part * 200 + 300)
        hours.refresh(levels=False)
    assert table(days) == stale
    assert [status.behind for status in hours.status()] == [0, 2, 0]
    hours.refresh()  # nothing new, but they are behind
    for level, width in ((days, "day"), (weeks, "week")):
        check(level, tmp_path, width)
    assert [status.behind for status in hours.status()] == [0, 0, 0]
    before = everything(hours.connection)
    hours.refresh()
    hours.coarsen("day", "days")
    assert everything(hours.connection) == before


def test_a_level_is_remade_where_it_changed_and_nowhere_else(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 300)
    hours = hourly(tmp_path)
    hours.refresh()
    days = hours.coarsen("day", "days")
    # What nobody else would write shows what is read.
    days.connection.execute("UPDATE days SET bids = -1")
    write_events(tmp_path / "1.parquet", 150, 152)
    hours.refresh()
    untouched = days.connection.execute("SELECT count(DISTINCT day) FROM days WHERE bids >= 0").fetchone()
    assert untouched == (1,)


@pytest.mark.parametrize(
    ("statement", "width", "message"),
    [
        (HOURLY, "15 minutes", "whole buckets"),
        (HOURLY, "hour", "whole buckets"),
        (HOURLY, "90 minutes", "whole buckets"),
        (HOURLY.replace("'hour'", "'week'"), "month", "days to months"),
        (HOURLY.replace("'hour'", "'month'"), "week", "whole buckets"),
        (HOURLY, "fortnight", "is not a width of time"),
        (MINUTES.replace("', ts)", "', ts, INTERVAL '5 minutes')"), "hour", "origin"),
    ],
)
def test_what_does_not_nest_is_refused(tmp_path: Path, statement: str, width: str, message: str) -> None:
    write_events(tmp_path / "0.parquet", 0, 30)
    rollup = hourly(tmp_path, statement=statement)
    rollup.refresh()
    before = everything(rollup.connection)
    with pytest.raises(SpecificationError, match=message):
        rollup.coarsen(width, "level")
    assert everything(rollup.connection) == before


def test_a_name_stands_for_one_level(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 30)
    hours = hourly(tmp_path)
    hours.refresh()
    hours.coarsen("day", "level")
    before = everything(hours.connection)
    for width, by in (("week", None), ("day", [])):
        with pytest.raises(SpecificationError, match="every day of hourly by publisher"):
            hours.coarsen(width, "level", by=by)
    hours.connection.execute("CREATE TABLE taken (i INTEGER)")
    with pytest.raises(RollupError, match="another name"):
        hours.coarsen("day", "taken")
    hours.connection.execute("DROP TABLE taken")
    assert everything(hours.connection) == before


def test_a_level_is_found_by_its_name_and_coarsened(tmp_path: Path) -> None:
    database = tmp_path / "r.duckdb"
    write_events(tmp_path / "0.parquet", 0, 300)
    with hourly(tmp_path, database=database) as hours:
        hours.refresh()
        hours.coarsen("day", "days")
    with open_level("days", database) as days:
        check(days.coarsen("month", "months"), tmp_path, "month")
        assert len(days.changes()) == 9
    with hourly(tmp_path, database=database) as hours:
        assert [status.parent for status in hours.status()] == [None, "hourly", "days"]


def test_closing_a_level_leaves_its_rollup_open(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 300)
    with hourly(tmp_path) as rollup:
        rollup.refresh()
        with rollup.coarsen("day", "by_day") as days:
            assert days.table().fetchall()
        write_events(tmp_path / "1.parquet", 300, 400)
        assert rollup.refresh().rows
