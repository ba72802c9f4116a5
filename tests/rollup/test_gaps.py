"""Filling gaps: every bucket of every group is there once, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import PROJECT
from queries import column, rows, value

import duckdb_sketch
from duckdb_sketch import fill_gaps
from duckdb_sketch.rollup import Rollup, RollupError

UTC = timezone.utc
HOURS = "(VALUES (TIMESTAMP '2024-01-01 00:00', 'a', 1), ('2024-01-01 03:00', 'b', 2), ('2024-01-01 01:00', NULL, 3))"


@pytest.fixture
def hours(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    con.execute(f"CREATE TABLE hours AS FROM {HOURS} t(hour, part, n)")
    return con


def instants(con: duckdb.DuckDBPyConnection, query: str, every: str, **options: Any) -> list[datetime]:
    """The filled times of a query with a column `t`, in UTC."""
    relation = fill_gaps(con, query, "t", every, **options)
    return [time for (time,) in relation.project("timezone('UTC', t)").fetchall()]


def midnights(zone: str, first: date, last: date, days: int = 1) -> list[datetime]:
    """Midnight of each day, as Python's zoneinfo has it, in UTC."""
    found = []
    while first <= last:
        local = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
        found.append(local.astimezone(UTC).replace(tzinfo=None))
        first += timedelta(days=days)
    return found


def test_every_bucket_of_every_group_is_there_once(hours: duckdb.DuckDBPyConnection) -> None:
    filled = fill_gaps(hours, "hours", "hour", "hour", by=["part"]).fetchall()
    assert [row[:2] for row in filled] == [
        (datetime(2024, 1, 1, hour), p) for hour in range(4) for p in ("a", "b", None)
    ]


def test_rows_that_there_are_stay_as_they_are(hours: duckdb.DuckDBPyConnection) -> None:
    filled = fill_gaps(hours, "hours", "hour", "hour", by=["part"]).filter("n IS NOT NULL").order("n").fetchall()
    assert filled == rows(hours, "FROM hours ORDER BY n")


def test_without_groups(hours: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT hour, sum(n) AS n FROM hours GROUP BY ALL"
    filled = fill_gaps(hours, query, "hour", "hour")
    assert filled.columns == ["hour", "n"]
    assert [n for _, n in filled.fetchall()] == [1, 3, None, 2]


def test_types_stay(hours: duckdb.DuckDBPyConnection) -> None:
    filled = fill_gaps(hours, "hours", "hour", "15 minutes", by=["part"], fill={"N": "0"})
    assert filled.types == hours.table("hours").types
    assert len(filled.fetchall()) == 3 * 13


def test_fill_may_refer_to_time_and_group(hours: duckdb.DuckDBPyConnection) -> None:
    fill = {"n": "hour(hour) * 10 + coalesce(len(part), 5)"}
    filled = fill_gaps(hours, "hours", "hour", "hour", by=["part"], fill=fill)
    assert filled.filter("part IS NULL").order("hour").project("n").fetchall() == [(5,), (3,), (25,), (35,)]


def test_start_and_end(hours: duckdb.DuckDBPyConnection) -> None:
    options: dict[str, Any] = {"by": ["part"], "start": "2023-12-31 22:30", "end": datetime(2024, 1, 1, 2)}
    filled = fill_gaps(hours, "hours", "hour", "hour", **options)
    times = [datetime(2023, 12, 31, 22) + timedelta(hours=hour) for hour in range(4)]
    assert sorted({row[0] for row in filled.fetchall()}) == times
    assert len(filled.fetchall()) == 12  # also of the group that has no row in the range


def test_a_table_without_rows_has_the_range_that_is_asked_for(hours: duckdb.DuckDBPyConnection) -> None:
    hours.execute("DELETE FROM hours")
    assert fill_gaps(hours, "hours", "hour", "hour").fetchall() == []
    day = fill_gaps(hours, "hours", "hour", "hour", start=date(2024, 1, 1), end=date(2024, 1, 2), fill={"n": "0"})
    assert len(day.fetchall()) == 24


def test_rows_without_a_time_stay(hours: duckdb.DuckDBPyConnection) -> None:
    hours.execute("INSERT INTO hours VALUES (NULL, 'a', 9), ('infinity', 'a', 10)")
    filled = fill_gaps(hours, "hours", "hour", "hour", by=["part"])
    assert len(filled.fetchall()) == 14


def test_names_are_whatever_they_are(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        'CREATE SCHEMA "a b"; CREATE TABLE "a b".t AS SELECT DATE \'2024-01-01\' AS "the ""day""", 1 AS "select"'
    )
    con.execute("INSERT INTO \"a b\".t VALUES ('2024-01-03', 1)")
    assert len(fill_gaps(con, "a b.t", 'the "day"', "day", by=["SELECT"]).fetchall()) == 3
    for name in ("values", "from a", "x.y"):
        con.execute(f'CREATE TABLE "{name}" AS FROM "a b".t')
        given = f'"{name}"' if " " in name else name
        assert len(fill_gaps(con, given, 'the "day"', "day", by=["select"]).fetchall()) == 3


def test_months_of_dates(con: duckdb.DuckDBPyConnection) -> None:
    query = "FROM (VALUES (DATE '2023-11-01'), ('2024-03-01')) v(t)"
    months = [date(2023, 11, 1), date(2023, 12, 1), date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)]
    assert [t for (t,) in fill_gaps(con, query, "t", "month").fetchall()] == months


def test_quarters_and_pairs_of_months(con: duckdb.DuckDBPyConnection) -> None:
    for every, count in (("quarter", 5), ("3 months", 5), ("2 months", 7), ("year", 2)):
        query = "SELECT unnest([DATE '2023-01-01', DATE '2024-01-01']) AS t"
        assert len(fill_gaps(con, query, "t", every).fetchall()) == count, every


def test_weeks_begin_on_mondays(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT date_trunc('week', unnest([DATE '2024-01-03', DATE '2024-02-28']))::DATE AS t"
    weeks = [t for (t,) in fill_gaps(con, query, "t", "week").fetchall()]
    assert weeks == [(date(2024, 1, 1) + timedelta(weeks=i)) for i in range(9)]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Europe/Berlin", date(2024, 3, 25), date(2024, 4, 4)),  # a day of 23 hours
        ("Europe/Berlin", date(2024, 10, 20), date(2024, 11, 2)),  # a day of 25 hours
        ("America/New_York", date(2024, 1, 1), date(2024, 12, 31)),
        ("Asia/Kathmandu", date(2024, 1, 1), date(2024, 1, 9)),
        ("Australia/Lord_Howe", date(2024, 4, 1), date(2024, 10, 20)),  # a clock that moves by half an hour
    ],
)
def test_days_are_those_of_the_zone(con: duckdb.DuckDBPyConnection, zone: str, first: date, last: date) -> None:
    con.execute(f"SET TimeZone = '{zone}'")
    query = f"SELECT unnest([TIMESTAMPTZ '{first}', TIMESTAMPTZ '{last}']) AS t"
    assert instants(con, query, "day") == midnights(zone, first, last)
    assert instants(con, query, "day", start=first, end=last) == midnights(zone, first, last)[:-1]


def test_weeks_and_months_are_those_of_the_zone(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'Europe/Berlin'")
    query = "SELECT unnest([TIMESTAMPTZ '2024-01-01', TIMESTAMPTZ '2024-12-30']) AS t"
    assert instants(con, query, "week") == midnights("Europe/Berlin", date(2024, 1, 1), date(2024, 12, 30), 7)
    query = "SELECT unnest([TIMESTAMPTZ '2024-01-01', TIMESTAMPTZ '2024-12-01']) AS t"
    berlin = ZoneInfo("Europe/Berlin")
    months = [datetime(2024, month, 1, tzinfo=berlin).astimezone(UTC).replace(tzinfo=None) for month in range(1, 13)]
    assert instants(con, query, "month") == months


ZONES = ["America/Havana", "Asia/Beirut", "America/Sao_Paulo", "Australia/Lord_Howe", "Europe/Berlin", "UTC"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("every", ["hour", "day", "week", "month", "15 minutes", "6 hours", "2 days"])
def test_buckets_are_those_of_events_at_all_times(con: duckdb.DuckDBPyConnection, zone: str, every: str) -> None:
    """Also where a midnight does not exist, or comes twice."""
    con.execute(f"SET TimeZone = '{zone}'")
    truncated = duckdb_sketch.rollup.Granularity.parse(every).truncated("e")
    moments = "generate_series(TIMESTAMPTZ '2017-02-01', TIMESTAMPTZ '2018-04-15', INTERVAL '5 minutes') s(e)"
    con.execute(f"CREATE TABLE whole AS SELECT DISTINCT {truncated} AS t FROM {moments}")
    con.execute("CREATE TABLE ends AS SELECT unnest([min(t), max(t)]) AS t FROM whole")
    assert instants(con, "ends", every) == column(con, "SELECT timezone('UTC', t) AS u FROM whole ORDER BY u")


def test_hours_of_a_day_of_23_hours(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'Europe/Berlin'")
    filled = instants(con, "SELECT TIMESTAMPTZ '2024-03-31' AS t", "hour", end="2024-04-01")
    assert filled == [datetime(2024, 3, 30, 23) + timedelta(hours=hour) for hour in range(23)]


def test_given_times_are_local_unless_they_say_otherwise(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'Europe/Berlin'")
    query = "SELECT TIMESTAMPTZ '2024-06-15' AS t"
    local = instants(con, query, "day", start=datetime(2024, 6, 1), end="2024-07-01")
    assert local == midnights("Europe/Berlin", date(2024, 6, 1), date(2024, 6, 30))
    assert (
        instants(con, query, "day", start=datetime(2024, 5, 31, 22, tzinfo=UTC), end="2024-07-01 00:00:00+02") == local
    )


def test_buckets_of_another_origin(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT unnest([TIMESTAMP '2024-01-01 06:00', TIMESTAMP '2024-01-04 06:00']) AS t"
    days = [datetime(2024, 1, day, 6) for day in range(1, 5)]
    assert [t for (t,) in fill_gaps(con, query, "t", "day").fetchall()] == days


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "day"}, r"there is no column day; there is hour, part, n"),
        ({"by": ["place"]}, r"there is no column place; there is"),
        ({"by": ["hour"]}, r"hour is the time of the buckets"),
        ({"time": "n"}, r"n is INTEGER: buckets are DATE"),
        ({"every": "fortnight"}, r"'fortnight' is not a width of time"),
        ({"every": "day"}, r"hour 2024-01-01 01:00:00 is not the start of a day: truncate it with date_trunc\('day'"),
        ({"start": "2024-01-02", "end": "2024-01-02"}, r"start 2024-01-02 is not before end 2024-01-02"),
        ({"start": "2024-01-02"}, r"start 2024-01-02 is not before the last bucket, 2024-01-01 03:00:00"),
        ({"end": "2024-01-01"}, r"the first bucket, 2024-01-01 00:00:00, is not before end 2024-01-01"),
        ({"start": "yesterday"}, r"start 'yesterday' is not a time: write it as 2024-01-31"),
        ({"start": "-infinity"}, r"start '-infinity' is not a time at which"),
        ({"start": datetime(2024, 1, 1, tzinfo=UTC)}, r"has a time zone, and hour has none"),
        ({"every": "second", "start": "1990-01-01", "by": ["part"]}, r"for each of 3 groups makes 3,\d+,\d+,\d+ rows"),
        ({"fill": {"m": "0"}}, r"fill: m is not a column; what can be filled is part, n"),
        ({"fill": {"hour": "0"}}, r"fill: hour is a column of the bucket or its group"),
        ({"fill": {"n": "nothing"}}, r"what to fill in is not SQL that fits"),
        ({"table_or_query": "days"}, r"days is neither a table nor a query that can be read"),
        ({"table_or_query": "FROM days"}, r"FROM days is neither a table nor a query"),
    ],
)
def test_mistakes(hours: duckdb.DuckDBPyConnection, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RollupError, match=message):
        fill_gaps(hours, **{"table_or_query": "hours", "time": "hour", "every": "hour", **options})


def test_a_date_has_no_hours(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RollupError, match="day is a DATE, which has no hour"):
        fill_gaps(con, "SELECT DATE '2024-01-01' AS day", "day", "hour")


STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, count(*) AS n, count_if(x > 5) AS large, sum(x) AS total,
        hll_sketch_agg(x, 14) AS users, approx_histogram_agg(x, 20) AS xs
    FROM events GROUP BY ALL
"""


@pytest.fixture
def rollup() -> Iterator[Rollup]:
    """Events at midnight of two days, of two parts, one of them NULL."""
    with Rollup.from_sql(STATEMENT, name="hourly", time_zone="Europe/Berlin") as made:
        events = made.connection.sql("""
            SELECT TIMESTAMPTZ '2024-03-30 12:00:00+01' + INTERVAL (i % 2 * 36) hour AS ts,
                CASE i % 3 WHEN 0 THEN 'a' END AS part, i AS x
            FROM range(100) s(i)
        """)
        made.append(events.to_arrow_table())
        yield made


def test_a_rollup_knows_what_is_empty(rollup: Rollup) -> None:
    con = rollup.connection
    filled = rollup.filled()
    assert filled.columns == rollup.table().columns
    assert filled.types == rollup.table().types
    con.register("filled", filled)
    assert value(con, "SELECT count(*) FROM filled") == 2 * 37
    assert rows(con, "SELECT sum(n)::INT, count(*) FILTER (n = 0), count(total) FROM filled") == [(100, 70, 4)]
    assert value(con, "SELECT count(DISTINCT hll_sketch_describe(users).lg_k) FROM filled") == 1
    assert value(con, "SELECT max(hll_sketch_estimate(users)) FROM filled WHERE n = 0") == 0
    assert value(con, "SELECT max(approx_histogram_stats(xs).max_bins) FROM filled WHERE n = 0") == 20
    assert rows(con, "SELECT hll_union_agg(users), approx_histogram_union_agg(xs) FROM filled") == rows(
        con, "SELECT hll_union_agg(users), approx_histogram_union_agg(xs) FROM hourly"
    )
    assert rows(con, "FROM hourly ORDER BY ALL") == rows(con, "FROM filled WHERE n > 0 ORDER BY ALL")


def test_a_coarser_level_is_filled_in_its_zone(rollup: Rollup) -> None:
    daily = rollup.coarsen("day", "daily", by=[])
    filled = daily.filled(start="2024-03-29", end="2024-04-03", fill={"TOTAL": "0", "large": "-1"})
    found = filled.project("timezone('UTC', day), n, large, total, hll_sketch_estimate(users)").fetchall()
    assert [row[0] for row in found] == midnights("Europe/Berlin", date(2024, 3, 29), date(2024, 4, 2))
    assert [row[1] for row in found] == [0, 50, 0, 50, 0]
    assert [row[2:] for row in found if row[1] == 0] == [(-1, 0, 0)] * 3


def test_buckets_of_an_origin_are_filled_as_the_statement_says() -> None:
    statement = """
        SELECT time_bucket(INTERVAL '1 day', ts, TIMESTAMP '2024-01-01 06:00') AS day, count(*) AS n
        FROM events GROUP BY ALL
    """
    with Rollup.from_sql(statement, name="days") as made:
        made.append(duckdb.sql("SELECT TIMESTAMP '2024-05-01 05:00' AS ts").to_arrow_table())
        found = made.filled(start="2024-04-29 12:00", end="2024-05-02").fetchall()
    assert found == [(datetime(2024, 4, 29, 6), 0), (datetime(2024, 4, 30, 6), 1), (datetime(2024, 5, 1, 6), 0)]


@pytest.fixture
def macro(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    for _ in range(2):  # running it again does no harm
        con.execute((PROJECT / "sql" / "rollup" / "fill_gaps.sql").read_text())
    return con


def test_macro_fills_as_python_does(macro: duckdb.DuckDBPyConnection) -> None:
    macro.execute(f"CREATE TABLE hours AS FROM {HOURS} t(hour, part, n)")
    filled = macro.sql("FROM fill_gaps('hours', 'hour', {hour: hour}, {part: part}) ORDER BY hour, part")
    python = fill_gaps(macro, "hours", "hour", "hour", by=["part"])
    assert (filled.columns, filled.types) == (python.columns, python.types)
    assert filled.fetchall() == python.fetchall()
    assert rows(macro, "FROM fill_gaps('hours', 'hour', {hour: hour}) ORDER BY ALL")[2:3] == [
        (datetime(2024, 1, 1, 2), None, None)
    ]


@pytest.mark.parametrize("zone", ["America/Havana", "Australia/Lord_Howe", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_macro_knows_the_zone(macro: duckdb.DuckDBPyConnection, zone: str, unit: str) -> None:
    macro.execute(f"SET TimeZone = '{zone}'")
    moments = "generate_series(TIMESTAMPTZ '2024-02-01', TIMESTAMPTZ '2024-11-30', INTERVAL '30 minutes') s(e)"
    macro.execute(f"CREATE TABLE whole AS SELECT DISTINCT date_trunc('{unit}', e) AS t FROM {moments}")
    macro.execute("CREATE TABLE ends AS SELECT unnest([min(t), max(t)]) AS t FROM whole")
    found = column(macro, f"SELECT timezone('UTC', t) AS u FROM fill_gaps('ends', '{unit}', {{t: t}}) ORDER BY u")
    assert found == column(macro, "SELECT timezone('UTC', t) AS u FROM whole ORDER BY u")


TIMES = {
    "DATE": ["day", "week", "month", "quarter", "year", "decade", "century"],
    "TIMESTAMP": ["second", "minute", "hour", "day", "week", "month", "quarter", "year"],
    "TIMESTAMPTZ": ["second", "minute", "hour", "day", "week", "month", "quarter", "year"],
    "TIMESTAMP_S": ["minute", "day", "month"],
    "TIMESTAMP_MS": ["second", "week", "quarter"],
    "TIMESTAMP_NS": ["hour", "day"],
}
ZONES = ["UTC", "America/Havana", "Australia/Lord_Howe", "Europe/Berlin", "Asia/Kathmandu", "Africa/Casablanca"]
# Clocks are set forth and back soon after these.
STARTS = ["2024-03-09 20:00", "2024-03-30 20:00", "2024-10-05 12:00", "2024-11-02 20:00", "1999-12-31 05:00"]


@st.composite
def series(draw: st.DrawFn) -> tuple[str, str, list[str], list[str]]:
    """A type of time, a unit, the columns that tell groups apart, and the rows of a table as SQL."""
    kind = draw(st.sampled_from(sorted(TIMES)))
    unit = draw(st.sampled_from(TIMES[kind]))
    moment = f"'{draw(st.sampled_from(STARTS))}'::{'TIMESTAMPTZ' if kind == 'TIMESTAMPTZ' else 'TIMESTAMP'}"
    bucket = st.builds(lambda n: f"date_trunc('{unit}', {moment} + INTERVAL '{n} {unit}')", st.integers(0, 30))
    odd = st.sampled_from(["NULL"] if kind.startswith("TIMESTAMP_") else ["NULL", "'infinity'", "'-infinity'"])
    row = st.builds(
        lambda time, a, b, n: f"({time}::{kind}, {a}, {b}, {n})",
        st.one_of(bucket, bucket, bucket, odd),
        st.sampled_from(["NULL", "1", "2"]),
        st.sampled_from(["NULL", "'x'", "'y'"]),
        st.integers(0, 3),
    )
    by = draw(st.sampled_from([[], ["a"], ["a", "b c"]]))
    return kind, unit, by, draw(st.lists(row, max_size=8))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(series(), st.sampled_from(ZONES))
def test_macro_and_python_make_the_same_rows(
    macro: duckdb.DuckDBPyConnection, drawn: tuple[str, str, list[str], list[str]], zone: str
) -> None:
    kind, unit, by, lines = drawn
    macro.execute(f"SET TimeZone = '{zone}'")
    macro.execute(f'CREATE OR REPLACE TABLE s ("the time" {kind}, a INTEGER, "b c" VARCHAR, n BIGINT)')
    if lines:
        macro.execute(f"INSERT INTO s VALUES {', '.join(lines)}")
    arguments = ["'s'", f"'{unit}'", '{"the time": "the time"}']
    if by:
        arguments.append("{" + ", ".join(f'"{name}": "{name}"' for name in by) + "}")
    of_macro = macro.sql(f"FROM fill_gaps({', '.join(arguments)})")
    of_python = fill_gaps(macro, "s", "the time", unit, by=by)
    assert (of_macro.columns, of_macro.types) == (of_python.columns, of_python.types)
    items = '* REPLACE ("the time"::VARCHAR AS "the time")'
    found, expected = (sorted(made.project(items).fetchall(), key=repr) for made in (of_macro, of_python))
    assert found == expected


def test_macro_fills_sketches_where_they_are_read(macro: duckdb.DuckDBPyConnection) -> None:
    macro.execute("""
        CREATE TABLE days AS SELECT unnest([TIMESTAMP '2024-01-01', '2024-01-03']) AS day, hll_sketch_agg(1) AS users
    """)
    found = rows(
        macro,
        """
        SELECT hll_sketch_estimate(coalesce(users, (SELECT hll_sketch_agg(NULL::BIGINT))))
        FROM fill_gaps('days', 'day', {day: day}) ORDER BY day
        """,
    )
    assert found == [(1,), (0,), (1,)]
