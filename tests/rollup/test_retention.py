"""Old buckets go, and what was made of them stays, whatever comes later."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest
from events import EVENTS, HOURLY, content, everything, hourly, of_raw, table, write_events

import duckdb_sketch
from duckdb_sketch.rollup import Level, Rollup, RollupError

#: 400 rows from 27 February to 9 March 2024; then the rows that come late.
FIRST = (0, 400)
DAYS = HOURLY.replace("'hour', ts) AS hour", "'day', ts) AS day")
MONTHS = HOURLY.replace("'hour', ts) AS hour", "'month', ts) AS month")


def rows(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> object:
    return connection.sql(EVENTS.format(first=first, last=last)).to_arrow_table()


def with_levels(folder: Path, **options: object) -> tuple[Rollup, Level, Level]:
    write_events(folder / "0.parquet", *FIRST)
    hours = hourly(folder, **options)
    hours.refresh()
    days = hours.coarsen("day", "days")
    return hours, days, days.coarsen("month", "months")


@pytest.mark.parametrize(
    ("older_than", "cutoff"),
    [
        ("2 days", datetime(2024, 3, 7)),
        (timedelta(hours=50), datetime(2024, 3, 7)),
        ("1 month", datetime(2024, 2, 9)),
        ("1 minute", datetime(2024, 3, 9)),  # the day that is not over stays whole
    ],
)
def test_whole_days_of_hours_go_and_levels_stay(tmp_path: Path, older_than: str, cutoff: datetime) -> None:
    hours, days, months = with_levels(tmp_path)
    kept, whole = [table(days), table(months)], table(hours)
    (watermark,) = {status.watermark for status in hours.status()}
    assert watermark == datetime(2024, 3, 9, 2, 10)
    assert hours.expire(older_than) == cutoff
    assert table(hours) == [row for row in whole if row[0] >= str(cutoff)]
    assert [table(days), table(months)] == kept
    assert hours.status()[0].expired_before == cutoff
    hours.refresh()
    days.coarsen("month", "months")
    assert [table(days), table(months)] == kept


def test_expiring_again_with_an_earlier_time_brings_nothing_back(tmp_path: Path) -> None:
    hours, *_ = with_levels(tmp_path)
    hours.expire(before=datetime(2024, 3, 5, 13))
    before = table(hours)
    assert hours.expire(before=datetime(2024, 3, 1)) == datetime(2024, 3, 5)
    assert table(hours) == before


def test_a_time_with_a_zone_is_that_time(tmp_path: Path) -> None:
    hours, *_ = with_levels(tmp_path)
    east = timezone(timedelta(hours=2))
    assert hours.expire(before=datetime(2024, 3, 5, 1, tzinfo=east)) == datetime(2024, 3, 4)


def test_late_rows_of_expired_hours_are_taken_up_by_the_levels_once(tmp_path: Path) -> None:
    hours, days, months = with_levels(tmp_path)
    hours.expire(before=datetime(2024, 3, 5))
    kept = table(hours)
    with duckdb_sketch.connect() as connection:
        late = rows(connection, 10, 60)
        counted = hours.append(late, batch_id="late")
        assert (counted.rows, counted.late_rows, counted.dropped_rows) == (50, 50, 0)
        assert hours.append(late, batch_id="late").rows == 0
    write_events(tmp_path / "1.parquet", 100, 420)  # of expired hours and of others, in one file
    hours.refresh()
    hours.refresh()
    union = f"({' UNION ALL '.join(EVENTS.format(first=a, last=b) for a, b in [FIRST, (10, 60), (100, 420)])})"
    assert table(days) == content(hours.connection, DAYS.replace("FROM bids", f"FROM {union} AS bids"))
    assert table(months) == content(hours.connection, MONTHS.replace("FROM bids", f"FROM {union} AS bids"))
    every_hour = content(hours.connection, HOURLY.replace("FROM bids", f"FROM {union} AS bids"))
    assert table(hours) == [row for row in every_hour if row[0] >= "2024-03-05"]
    assert len(kept) < len(every_hour)


@pytest.mark.parametrize("levels", [True, False])
def test_several_levels_take_up_late_rows_each_by_itself(tmp_path: Path, levels: bool) -> None:
    hours, days, months = with_levels(tmp_path)
    weeks = hours.coarsen("week", "weeks", by=[])
    hours.expire(before=datetime(2024, 3, 8))
    days.expire(before=datetime(2024, 3, 8))  # which is March, and February goes
    weeks_before = weeks.expire(before=datetime(2024, 3, 4))
    assert (hours.status()[0].expired_before, weeks_before) == (datetime(2024, 3, 4), datetime(2024, 3, 4))
    assert days.status()[0].expired_before == datetime(2024, 3, 1)
    with duckdb_sketch.connect() as connection:
        # 27 February: no level but the month has it. 2 March: the day as well. 5 March: everything.
        counted = hours.append(rows(connection, 0, 10), levels=levels)
        assert (counted.rows, counted.dropped_rows) == (10, 0)
        hours.append(rows(connection, 150, 160), levels=levels)
        hours.append(rows(connection, 260, 270), levels=levels)
    hours.refresh()
    parts = " UNION ALL ".join(EVENTS.format(first=a, last=b) for a, b in [FIRST, (0, 10), (150, 160), (260, 270)])
    everyday = content(hours.connection, DAYS.replace("FROM bids", f"FROM ({parts}) AS bids"))
    assert table(days) == [row for row in everyday if row[0] >= "2024-03-01"]
    assert table(months) == content(hours.connection, MONTHS.replace("FROM bids", f"FROM ({parts}) AS bids"))
    weekly = DAYS.replace("'day', ts) AS day, publisher", "'week', ts) AS week").replace(
        "FROM bids", f"FROM ({parts}) AS bids"
    )
    assert table(weeks) == [row for row in content(hours.connection, weekly) if row[0] >= "2024-03-04"]


def test_late_rows_that_every_level_has_expired_are_dropped_and_counted(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", *FIRST)
    hours = hourly(tmp_path)
    hours.refresh()
    days, weeks = hours.coarsen("day", "days"), hours.coarsen("week", "weeks")
    for level in (hours, days, weeks):
        level.expire(before=datetime(2024, 3, 4))
    before = [table(level) for level in (hours, days, weeks)]
    with duckdb_sketch.connect() as connection:
        counted = hours.append(rows(connection, 0, 10))
    assert (counted.rows, counted.late_rows, counted.dropped_rows) == (0, 0, 10)
    assert [table(level) for level in (hours, days, weeks)] == before


def test_coarser_levels_do_not_expire_before_finer_ones(tmp_path: Path) -> None:
    hours, days, months = with_levels(tmp_path)
    before = everything(hours.connection)
    with pytest.raises(RollupError, match="expire hourly first"):
        days.expire(before=datetime(2024, 3, 5))
    hours.expire(before=datetime(2024, 2, 28))
    with pytest.raises(RollupError, match="expire hourly first"):
        days.expire(before=datetime(2024, 3, 5))
    with pytest.raises(RollupError, match="expire days first"):
        months.expire(before=datetime(2024, 3, 5))
    with pytest.raises(RollupError, match="90 days"):
        hours.expire()
    assert len(before) == len(everything(hours.connection))


@pytest.mark.parametrize(("every", "first"), [("day", "2024-03-05"), ("week", "2024-03-11"), ("month", "2024-04-01")])
def test_a_level_made_after_an_expiry_holds_whole_buckets_alone(tmp_path: Path, every: str, first: str) -> None:
    write_events(tmp_path / "0.parquet", *FIRST)
    hours = hourly(tmp_path)
    hours.refresh()
    hours.expire(before=datetime(2024, 3, 5))
    level = hours.coarsen(every, "level")
    write_events(tmp_path / "1.parquet", 380, 2000)
    hours.refresh()
    with duckdb_sketch.connect() as connection:
        hours.append(rows(connection, 0, 0))
    raw = of_raw(
        hours, str(tmp_path / "*.parquet"), HOURLY.replace("'hour', ts) AS hour", f"'{every}', ts) AS {every}")
    )
    assert table(level) == [row for row in raw if row[0] >= first]


def test_a_level_that_is_behind_takes_up_what_goes(tmp_path: Path) -> None:
    hours, days, months = with_levels(tmp_path)
    write_events(tmp_path / "1.parquet", 50, 700)
    hours.refresh(levels=False)
    hours.expire("1 day")
    hours.refresh()
    assert table(days) == of_raw(hours, str(tmp_path / "*.parquet"), DAYS)
    assert table(months) == of_raw(hours, str(tmp_path / "*.parquet"), MONTHS)


def test_late_rows_that_are_dropped_are_not_taken_up(tmp_path: Path) -> None:
    hours, days, months = with_levels(tmp_path, late="drop")
    hours.expire(before=datetime(2024, 3, 5))
    before = [table(level) for level in (hours, days, months)]
    with duckdb_sketch.connect() as connection:
        assert hours.append(rows(connection, 0, 10)).dropped_rows == 10
    assert [table(level) for level in (hours, days, months)] == before
