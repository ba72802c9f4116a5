"""Buckets of local time: days of 23 and 25 hours, zones of half and quarter hours, weeks, months and leap years."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import content, everything, of_raw, table, write
from samples import few_fast

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError, SpecificationError, open_level

#: When clocks change, in UTC; or some time of year where they do not.
ZONES = {
    "Europe/Berlin": ["2024-03-31 01:00", "2024-10-27 01:00"],
    "America/New_York": ["2024-03-10 07:00", "2024-11-03 06:00"],
    "Australia/Lord_Howe": ["2024-10-05 15:30", "2024-04-06 15:00"],
    "America/Havana": ["2024-03-10 05:00", "2024-11-03 05:00"],  # at midnight, which one day does not have
    "Asia/Kathmandu": ["2023-12-31 18:15", "2024-02-28 18:15"],
}
EVENTS = """
SELECT start::TIMESTAMPTZ + to_minutes((i - 250) * 6) AS ts, (i * 31) % 97 AS user_id
FROM range(500) t(i), (SELECT unnest({starts}::VARCHAR[]) || ':00+00' AS start)
"""


SOME = few_fast(ZONES, "Australia/Lord_Howe")  # which sets its clocks by half an hour


def statement(time: str) -> str:
    return f"SELECT {time}, count(*) AS n, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"


def write_changes(folder: Path, zone: str) -> list[Path]:
    """Files in which the events lie at random."""
    query = EVENTS.format(starts=ZONES[zone])
    return [
        write(folder / f"{part}.parquet", f"FROM ({query}) WHERE hash(ts, 1) % 3 = {part} ORDER BY hash(ts)")
        for part in range(3)
    ]


def rollup(folder: Path, time: str, zone: str | None, **options: object) -> Rollup:
    return Rollup.from_sql(
        statement(time),
        name="fine",
        sources={"bids": folder / "*.parquet"},
        time_zone=zone,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("zone", SOME)
@pytest.mark.parametrize("time", ["date_trunc('hour', ts) AS t", "time_bucket(INTERVAL '15 minutes', ts) AS t"])
def test_levels_of_local_time_are_those_of_the_raw_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, time: str
) -> None:
    write_changes(tmp_path, zone)
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)  # a file a batch
    fine = rollup(tmp_path, time, zone)
    fine.refresh(levels=False)
    widths = ["day", "week", "month", "quarter", "year"]
    widths += [] if "hour" in time else ["hour"]
    for width in widths:
        fine.coarsen(width, f"every_{width}")
    assert table(fine) == of_raw(fine, str(tmp_path / "*.parquet"))
    for width in widths:
        level = open_level(f"every_{width}", fine.connection)
        raw = of_raw(fine, str(tmp_path / "*.parquet"), statement(f"date_trunc('{width}', ts) AS t"))
        assert table(level) == raw, width


@pytest.mark.parametrize("zone", SOME)
def test_a_level_takes_up_each_part_of_a_changed_hour(tmp_path: Path, zone: str) -> None:
    """Batches of one quarter of an hour each, so that each hour is remade by itself."""
    write_changes(tmp_path, zone)
    fine = rollup(tmp_path / "none", "time_bucket(INTERVAL '15 minutes', ts) AS t", zone)
    with duckdb_sketch.connect() as connection:
        start = ZONES[zone][-1]
        for quarter in range(-8, 8):
            fine.append(
                connection.sql(
                    f"SELECT '{start}:00+00'::TIMESTAMPTZ + to_minutes({quarter} * 15) AS ts, "
                    f"{quarter}::BIGINT AS user_id"
                )
            )
            if quarter == -8:
                hours = fine.coarsen("hour", "hours")
    query = f"""
        SELECT date_trunc('hour', ts) AS hour, count(*) AS n, hll_sketch_agg(i) AS users
        FROM (SELECT '{start}:00+00'::TIMESTAMPTZ + to_minutes(i * 15) AS ts, i FROM range(-8, 8) t(i)) GROUP BY ALL
    """
    assert table(hours) == content(fine.connection, query)


@pytest.mark.parametrize("zone", SOME)
def test_buckets_across_a_change_of_the_clocks_are_rebuilt_whole(tmp_path: Path, zone: str) -> None:
    first, *_ = write_changes(tmp_path, zone)
    fine = rollup(tmp_path, "date_trunc('hour', ts) AS t", zone)
    fine.refresh()
    days = fine.coarsen("day", "days")
    for half in range(-4, 4):  # a single event of each in turn, so that its hour is all that is rebuilt
        when = f"'{ZONES[zone][-1]}:00+00'::TIMESTAMPTZ + to_minutes({half} * 30 + 15)"
        write(first, f"SELECT {when} AS ts, {half}::BIGINT AS user_id", age=half + 10)
        fine.refresh(on_change="rebuild")
    assert table(fine) == of_raw(fine, str(tmp_path / "*.parquet"))
    assert table(days) == of_raw(fine, str(tmp_path / "*.parquet"), statement("date_trunc('day', ts) AS t"))


@pytest.mark.parametrize(
    ("zone", "width"),
    [
        ("Australia/Lord_Howe", "hour"),
        ("America/Havana", "day"),
        *(pytest.param(zone, width, marks=pytest.mark.thorough) for zone in ZONES for width in ("hour", "day")),
    ],
)
def test_a_bucket_is_final_once_the_clock_leaves_it(tmp_path: Path, zone: str, width: str) -> None:
    fine = rollup(tmp_path, f"date_trunc('{width}', ts) AS t", zone, late="error")
    with duckdb_sketch.connect() as connection:
        for start in sorted(ZONES[zone]):
            for minutes in (*range(-26 * 60, -150, 480), *range(-150, 210, 30), 24 * 60, 27 * 60):
                query = f"SELECT '{start}:00+00'::TIMESTAMPTZ + to_minutes({minutes}) AS ts, 1::BIGINT AS user_id"
                fine.append(connection.sql(query))
    # No event was late, since they came in order. And what ended has been announced, each bucket once.
    panes = fine.connection.execute(
        "SELECT bucket, count(*) FROM rollup_manifest.changes WHERE pane = 'on time' GROUP BY ALL"
    ).fetchall()
    assert {count for _, count in panes} == {1}
    (buckets,) = fine.connection.execute("SELECT count(*) FROM fine").fetchone() or ()
    assert len(panes) == buckets - 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu"])
def test_local_timestamps_by_at_time_zone(tmp_path: Path, zone: str) -> None:
    write_changes(tmp_path, zone)
    local = f"ts AT TIME ZONE '{zone}'"
    with pytest.raises(SpecificationError, match="time_zone"):
        rollup(tmp_path, "date_trunc('hour', ts) AS t", None).refresh()
    fine = rollup(tmp_path, f"date_trunc('hour', {local}) AS t", None)
    fine.refresh()
    days, months = fine.coarsen("day", "days"), fine.coarsen("month", "months")
    for level, width in ((days, "day"), (months, "month")):
        raw = of_raw(fine, str(tmp_path / "*.parquet"), statement(f"date_trunc('{width}', {local}) AS t"))
        assert table(level) == raw


@pytest.mark.parametrize("time", ["ts::DATE AS d", "date_trunc('day', ts)::DATE AS d"])
def test_dates_of_a_zone(tmp_path: Path, time: str) -> None:
    write_changes(tmp_path, "America/New_York")
    fine = rollup(tmp_path, time, "America/New_York")
    fine.refresh()
    assert fine.table().types[0] == "DATE"
    weeks, years = fine.coarsen("week", "weeks"), fine.coarsen("year", "years")
    assert table(fine) == of_raw(fine, str(tmp_path / "*.parquet"))
    for level, width in ((weeks, "week"), (years, "year")):
        raw = of_raw(fine, str(tmp_path / "*.parquet"), statement(f"date_trunc('{width}', ts)::DATE AS d"))
        assert table(level) == raw


def test_leap_years_and_iso_weeks_of_dates(tmp_path: Path) -> None:
    write(
        tmp_path / "a.parquet",
        "SELECT DATE '2020-01-01' + i::INTEGER AS ts, i % 7 AS user_id FROM range(2000) t(i)",
    )
    fine = rollup(tmp_path, "date_trunc('day', ts) AS t", None)
    fine.refresh()
    months = fine.coarsen("month", "months")
    for level, width in (
        (months, "month"),
        (fine.coarsen("week", "weeks"), "week"),
        (months.coarsen("year", "y"), "year"),
    ):
        assert table(level) == of_raw(fine, str(tmp_path / "*.parquet"), statement(f"date_trunc('{width}', ts) AS t"))
    assert fine.connection.execute("SELECT n FROM months WHERE month = '2024-02-01'").fetchone() == (29,)


@pytest.mark.parametrize(
    ("time", "zone"),
    [
        ("time_bucket(INTERVAL '15 minutes', ts, INTERVAL '5 minutes') AS t", "Europe/Berlin"),
        ("time_bucket(INTERVAL '1 day', ts::TIMESTAMP, TIMESTAMP '2000-01-01 06:00') AS t", "UTC"),
        ("time_bucket(INTERVAL '1 hour', ts) AS t", "Asia/Kathmandu"),
        ("time_bucket(INTERVAL '1 day', ts) AS t", "America/New_York"),
    ],
)
def test_buckets_with_an_origin_of_their_own_are_rebuilt_and_final_but_do_not_coarsen(
    tmp_path: Path, time: str, zone: str
) -> None:
    write_changes(tmp_path, zone if zone in ZONES else "Europe/Berlin")
    fine = rollup(tmp_path, time, zone)
    fine.refresh()
    write(tmp_path / "0.parquet", f"FROM '{tmp_path}/0.parquet' WHERE user_id % 2 = 0", age=1)
    fine.refresh(on_change="rebuild")
    assert table(fine) == of_raw(fine, str(tmp_path / "*.parquet"))
    before = everything(fine.connection)
    with pytest.raises(SpecificationError, match=r"date_trunc|third argument"):
        fine.coarsen("month", "months")
    assert everything(fine.connection) == before
    panes = [change.bucket for change in fine.changes() if change.pane == "on time"]
    assert len(panes) == len(set(panes)) > 0


def test_a_rollup_opened_before_the_first_refresh_learns_the_zone(tmp_path: Path) -> None:
    files = write_changes(tmp_path, "America/New_York")
    away = tmp_path / "away"
    away.mkdir()
    files[0].rename(away / "0.parquet")
    time = "date_trunc('day', ts) AS t"
    with duckdb_sketch.connect() as connection:
        early = rollup(tmp_path, time, None, database=connection)
        rollup(tmp_path, time, "America/New_York", database=connection).refresh()
        (away / "0.parquet").rename(files[0])
        early.refresh()
        late = rollup(tmp_path, time, "America/New_York", database=connection)
        assert table(late) == of_raw(late, str(tmp_path / "*.parquet"))


def test_what_is_no_zone_is_refused() -> None:
    with pytest.raises(RollupError, match="Europe/Berlin"):
        Rollup.from_sql(statement("date_trunc('day', ts) AS t"), name="a", time_zone="Berlin/Europe")
