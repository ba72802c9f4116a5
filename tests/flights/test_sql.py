"""The statements in `sql/`: each file runs as it is, and says what the raw flights say.

How exact the estimates are goes to test_flights.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from processes import PROJECT
from queries import rows, value

import duckdb_sketch

FILES = sorted((PROJECT / "sql").glob("*.sql"))
HOURS, DAYS, MONTHS, LATE, TOP, QUANTILES, EXPORT = (path.read_text(encoding="utf-8") for path in FILES)
TABLES = {"flights_hourly": "hour", "flights_daily": "day", "flights_monthly": "month"}

# Some flights of known groups, and all of a carrier's, whose hours, days and months are new then.
IS_LATE = "carrier = 'HA' OR (time_hour BETWEEN '2013-03-20' AND '2013-04-02' AND flight % 10 = 0)"


@pytest.fixture
def con(flights_parquet: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        duckdb_sketch.load(connection)
        connection.execute(f"CREATE TABLE flights AS FROM '{flights_parquet}' WHERE month BETWEEN 3 AND 4")
        yield connection


def make(con: duckdb.DuckDBPyConnection) -> None:
    for statement in (HOURS, DAYS, MONTHS):
        con.execute(statement)


def contents(con: duckdb.DuckDBPyConnection, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    return rows(con, f"SELECT {columns} FROM {table} ORDER BY ALL")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_first_what_it_is_for(path: Path) -> None:
    assert re.match(r"\d\d_[a-z_]+\.sql$", path.name)
    assert path.read_text(encoding="utf-8").startswith("-- ")


def test_all_files_run_in_their_order(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        for path in FILES:
            con.execute(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("table", "time"), TABLES.items())
def test_sums_and_maxima(rolled_up: duckdb.DuckDBPyConnection, table: str, time: str) -> None:
    exact = rows(
        rolled_up,
        f"""
        SELECT date_trunc('{time}', time_hour)::TIMESTAMP AS time, origin, carrier, count(*),
            coalesce(sum(dep_delay), 0), max(dep_delay), count(dep_delay), min(dep_delay)
        FROM flights GROUP BY ALL ORDER BY ALL
        """,
    )
    columns = (
        f"{time}::TIMESTAMP AS time, origin, carrier, flights, total_delay, max_delay,"
        "approx_histogram_stats(delays).count, approx_histogram_stats(delays).min"
    )
    assert contents(rolled_up, table, columns) == exact


@pytest.mark.parametrize(("table", "time"), TABLES.items())
def test_sketches_of_a_level_are_those_of_the_raw_flights(
    rolled_up: duckdb.DuckDBPyConnection, table: str, time: str
) -> None:
    raw = rows(
        rolled_up,
        f"""
        SELECT date_trunc('{time}', time_hour)::TIMESTAMP AS time, origin, carrier, hll_sketch_agg(tailnum)
        FROM flights GROUP BY ALL ORDER BY ALL
        """,
    )
    assert contents(rolled_up, table, f"{time}::TIMESTAMP AS time, origin, carrier, aircraft") == raw


def test_hours_without_a_departure_have_no_delay(rolled_up: duckdb.DuckDBPyConnection) -> None:
    cancelled = "FROM flights_hourly WHERE approx_histogram_stats(delays).count = 0"
    assert rows(rolled_up, f"SELECT DISTINCT total_delay, max_delay {cancelled}") == [(0, None)]


@pytest.fixture
def merged(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The rollup of all flights but the late ones, and those merged into it; `…_whole`: the rollup of all at once."""
    make(con)
    for table in TABLES:
        con.execute(f"CREATE TABLE {table}_whole AS FROM {table}")
    con.execute(f"CREATE TABLE flights_late AS FROM flights WHERE {IS_LATE}")
    con.execute(f"CREATE TABLE late AS FROM flights_late; DELETE FROM flights WHERE {IS_LATE}")
    make(con)
    for table in TABLES:
        con.execute(f"CREATE TABLE {table}_before AS FROM {table}")
    con.execute(LATE)
    return con


@pytest.mark.parametrize("table", TABLES)
def test_late_batch_is_counted_as_if_it_had_been_in_time(merged: duckdb.DuckDBPyConnection, table: str) -> None:
    columns = "* EXCLUDE delays, approx_histogram_stats(delays).count"
    assert contents(merged, table, columns) == contents(merged, f"{table}_whole", columns)
    assert value(merged, f"SELECT count(*) FROM {table}_before") < value(merged, f"SELECT count(*) FROM {table}")


def test_late_hours_have_the_exact_distribution(merged: duckdb.DuckDBPyConnection) -> None:
    assert contents(merged, "flights_hourly") == contents(merged, "flights_hourly_whole")


@pytest.mark.parametrize(("table", "time"), TABLES.items())
def test_late_batch_touches_its_groups_only(merged: duckdb.DuckDBPyConnection, table: str, time: str) -> None:
    late = f"SELECT (date_trunc('{time}', time_hour)::TIMESTAMP, origin, carrier) FROM late"
    elsewhere = f"(FROM {{}} WHERE ({time}::TIMESTAMP, origin, carrier) NOT IN ({late}))"
    before = contents(merged, elsewhere.format(f"{table}_before"))
    assert before
    assert contents(merged, elsewhere.format(table)) == before


def test_late_batch_is_counted_once(merged: duckdb.DuckDBPyConnection) -> None:
    before = [contents(merged, table) for table in TABLES]
    assert value(merged, "SELECT count(*) FROM flights_late") == 0
    merged.execute(LATE)
    assert [contents(merged, table) for table in TABLES] == before


def test_late_batch_delivered_twice_does_what_the_file_says(merged: duckdb.DuckDBPyConnection) -> None:
    unchanged, added = "hour, origin, carrier, max_delay, aircraft", "sum(flights)::BIGINT"
    before = contents(merged, "flights_hourly", unchanged)
    flights = value(merged, f"SELECT {added} FROM flights_hourly")
    merged.execute("INSERT INTO flights_late FROM late")
    merged.execute(LATE)
    assert contents(merged, "flights_hourly", unchanged) == before
    late = value(merged, "SELECT count(*) FROM late")
    assert value(merged, f"SELECT {added} FROM flights_hourly") == flights + late


def test_late_batch_that_fails_counts_nothing(con: duckdb.DuckDBPyConnection) -> None:
    make(con)
    con.execute("CREATE TABLE flights_late AS FROM flights LIMIT 100; DROP TABLE flights_monthly")
    before = contents(con, "flights_hourly")
    with pytest.raises(duckdb.CatalogException):
        con.execute(LATE)
    con.execute("ROLLBACK")
    assert contents(con, "flights_hourly") == before
    assert value(con, "SELECT count(*) FROM flights_late") == 100


def test_late_batch_of_groups_without_a_name(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("UPDATE flights SET carrier = NULL WHERE carrier = 'AA'")
    make(con)
    groups = value(con, "SELECT count(*) FROM flights_hourly")
    con.execute("CREATE TABLE flights_late AS FROM flights WHERE carrier IS NULL")
    con.execute(LATE)
    assert value(con, "SELECT count(*) FROM flights_hourly") == groups


def test_top_carriers(rolled_up: duckdb.DuckDBPyConnection) -> None:
    exact = rows(
        rolled_up,
        """
        SELECT carrier, count(*), count(DISTINCT tailnum) AS aircraft
        FROM flights GROUP BY carrier ORDER BY aircraft DESC LIMIT 10
        """,
    )
    top = rows(rolled_up, TOP)
    assert [row[:2] for row in top] == [row[:2] for row in exact]
    assert [row for row, (*_, truth) in zip(top, exact, strict=True) if not row[3] <= truth <= row[4]] == []


def test_quantiles_over_time(rolled_up: duckdb.DuckDBPyConnection) -> None:
    # Up to 4 % of a day's flights may stand between the estimate and the exact value: twice the mean of 50 bins.
    compared = rolled_up.execute(
        f"""
        WITH estimated AS ({QUANTILES.strip().rstrip(";")}),
        exact AS (
            SELECT time_hour::DATE AS day, count(*) AS flights, count(*) - count(dep_delay) AS cancelled,
                quantile_disc(dep_delay, [0.46, 0.54, 0.86, 0.94, 0.95]) AS delay,
                count(*) FILTER (dep_delay > 60) / count(dep_delay) AS over_an_hour
            FROM flights GROUP BY ALL
        )
        SELECT
            count(*),
            count(*) FILTER (estimated.flights = exact.flights AND estimated.cancelled = exact.cancelled),
            count(*) FILTER (median_delay BETWEEN delay[1] AND delay[2]),
            count(*) FILTER (p90_delay BETWEEN delay[3] AND delay[4]),
            count(*) FILTER (p99_delay > delay[5]),
            count(*) FILTER (abs(share_over_an_hour - over_an_hour) < 0.04)
        FROM estimated JOIN exact USING (day)
        """
    ).fetchone()
    assert compared == (365,) * 6


def test_exported_files_hold_the_tables(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(con)
    months = rows(con, EXPORT)
    assert [(month.month, flights) for month, flights, *_ in months] == rows(
        con, "SELECT month(time_hour), count(*) FROM flights GROUP BY ALL ORDER BY ALL"
    )
    for table in TABLES:
        file = f"'{table}.parquet'"
        assert contents(con, file) == contents(con, table)
        assert rows(con, f"SELECT DISTINCT compression FROM parquet_metadata({file})") == [("ZSTD",)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{table}.parquet" for table in TABLES)
