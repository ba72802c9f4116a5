"""What a statement says, and the statements that are refused, each with what to write instead."""

from __future__ import annotations

import re

import duckdb
import pandas
import pytest

import duckdb_sketch
from duckdb_sketch.rollup import ChangedStatementError, Granularity, Rollup, Specification, SpecificationError


def statement(metric: str = "count(*) AS n", *, time: str = "date_trunc('hour', ts) AS hour", rest: str = "") -> str:
    return f"SELECT {time}, publisher, {metric} FROM bids {rest} GROUP BY ALL"


def test_every_part_is_found() -> None:
    specification = Specification.parse(
        "SELECT date_trunc('hour', b.ts) AS hour, lower(p.name) AS publisher, b.country, count(*) AS bids, "
        "sum(price) FILTER (WHERE won) AS revenue, hll_sketch_agg(user_id, 10) AS users "
        "FROM bids AS b LEFT JOIN publishers AS p USING (publisher) WHERE NOT b.test GROUP BY ALL ORDER BY hour"
    )
    assert (specification.source, specification.alias, specification.lookups) == ("bids", "b", ("publishers",))
    assert (specification.time.name, specification.time.argument) == ("hour", "b.ts")
    assert specification.time.granularity == Granularity(1, "hour")
    assert specification.dimensions == ("publisher", "country")
    assert [(m.name, m.aggregate, m.argument, m.condition) for m in specification.metrics] == [
        ("bids", "count", None, None),
        ("revenue", "sum", "price", "won"),
        ("users", "hll_sketch_agg", "user_id", None),
    ]
    assert specification.columns == ("hour", "publisher", "country", "bids", "revenue", "users")
    assert {"ts", "publisher", "test", "won", "price", "user_id"} <= specification.references
    assert "ORDER BY" not in specification.statement


@pytest.mark.parametrize(
    ("time", "argument", "width"),
    [
        ("date_trunc('hour', ts) AS t", "ts", "hour"),
        ("date_trunc('WEEK', ts) AS t", "ts", "week"),
        ("date_trunc('month', ts)::DATE AS t", "ts", "month"),
        ("ts::DATE AS t", "ts", "day"),
        ("(ts AT TIME ZONE 'Europe/Berlin')::DATE AS t", "ts AT TIME ZONE 'Europe/Berlin'", "day"),
        ("date_trunc('day', ts AT TIME ZONE 'Europe/Berlin') AS t", "ts AT TIME ZONE 'Europe/Berlin'", "day"),
        ("time_bucket(INTERVAL '15 minutes', ts) AS t", "ts", "15 minutes"),
        ("time_bucket(INTERVAL 15 MINUTES, ts) AS t", "ts", "15 minutes"),
        ("time_bucket('2 days'::INTERVAL, ts) AS t", "ts", "2 days"),
        ("date_trunc('second', to_timestamp(t)) AS s", "to_timestamp(t)", "second"),
    ],
)
def test_every_way_to_truncate(time: str, argument: str, width: str) -> None:
    found = Specification.parse(statement(time=time)).time
    assert (found.argument, str(found.granularity), found.shifted) == (argument, width, None)


@pytest.mark.parametrize(
    ("metric", "aggregate"),
    [
        ("count(*)", "count"),
        ("count()", "count"),
        ("count(x)", "count"),
        ("count_if(x > 1)", "count_if"),
        ("sum(x)", "sum"),
        ("coalesce(sum(x), 0)", "sum"),
        ("sum(x)::BIGINT", "sum"),
        ("min(x)", "min"),
        ("max(x)", "max"),
        ("bool_and(x)", "bool_and"),
        ("bool_or(x)", "bool_or"),
        ("bit_and(x)", "bit_and"),
        ("bit_or(x)", "bit_or"),
        ("bit_xor(x)", "bit_xor"),
        ("hll_sketch_agg(x, 14)", "hll_sketch_agg"),
        ("hll_union_agg(x)", "hll_union_agg"),
        ("approx_histogram_agg(x, 100)", "approx_histogram_agg"),
        ("approx_histogram_union_agg(x)", "approx_histogram_union_agg"),
    ],
)
@pytest.mark.parametrize("condition", ["", " FILTER (WHERE y > 2)"])
def test_every_metric_that_merges(metric: str, aggregate: str, condition: str) -> None:
    if "coalesce" in metric or "::" in metric:
        condition = ""
    (found,) = Specification.parse(statement(f"{metric}{condition} AS m")).metrics
    assert (found.name, found.aggregate, found.condition) == ("m", aggregate, "y > 2" if condition else None)


@pytest.mark.parametrize(
    ("metric", "instead"),
    [
        ("avg(x)", "sum(x) and count(x)"),
        ("median(x)", "approx_histogram_agg(x)"),
        ("quantile_cont(x, 0.5)", "approx_histogram_quantile"),
        ("approx_quantile(x, 0.5)", "approx_histogram_quantile"),
        ("count(DISTINCT x)", "hll_sketch_agg(x)"),
        ("approx_count_distinct(x)", "hll_sketch_estimate"),
        ("sum(DISTINCT x)", "without DISTINCT"),
        ("stddev(x)", "sum(x * x)"),
        ("first(x)", "min(x) or max(x)"),
        ("any_value(x)", "min(x) or max(x)"),
        ("arg_max(x, y)", "hll_sketch_agg"),
        ("list(x)", "the aggregates that do"),
        ("sum(x) / count(*)", "store sum(x) by itself"),
        ("round(sum(x), 2)", "store sum(x) by itself"),
        ("hll_sketch_estimate(hll_sketch_agg(x))", "store hll_sketch_agg(x) by itself"),
        ("sum(x) OVER ()", "where you read"),
        ("sum(x)::DOUBLE", "Cast its argument"),
        ("min(x)::INTEGER", "Cast the argument"),
        ("max(x, 3)", "write max(x)"),
        ("min(x, 2)", "write min(x)"),
        ("hll_union_agg(x, true)", "write hll_union_agg(x)"),
        ("sum(random())", "store its input"),
    ],
)
def test_what_does_not_merge_is_refused_with_what_to_write(metric: str, instead: str) -> None:
    with pytest.raises(SpecificationError, match=re.escape(instead)):
        Specification.parse(statement(f"count(*) AS n, {metric} AS m"))


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        (statement() + " LIMIT 3", "where you read the rollup"),
        (statement() + " OFFSET 3", "where you read the rollup"),
        (statement() + " HAVING count(*) > 1", "where you read the rollup"),
        (statement() + " QUALIFY true", "where you read the rollup"),
        ("SELECT DISTINCT" + statement().removeprefix("SELECT"), "GROUP BY"),
        ("WITH RECURSIVE a AS (SELECT 1) " + statement(), "create a table from it"),
        (statement() + " USING SAMPLE 10%", "sample"),
        (statement(rest="TABLESAMPLE 10%"), "sample"),
        (statement(rest="AS b(ts, publisher)"), "an alias"),
        (statement(rest="RIGHT JOIN p USING (publisher)"), "LEFT JOIN"),
        (statement(rest="FULL JOIN p USING (publisher)"), "LEFT JOIN"),
        (statement(rest="JOIN bids AS c USING (publisher)"), "read twice"),
        (statement(rest="WHERE x IN (SELECT x FROM bids)"), "read twice"),
        (statement(rest="WHERE ts < now()"), "store its input"),
        (statement(rest="WHERE ts < localtimestamp"), "store its input"),
        (statement(rest="WHERE ts < today()"), "store its input"),
        ("SELECT * FROM bids GROUP BY ALL", "name the dimensions"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n GROUP BY ALL", "no FROM"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n FROM (SELECT 1) GROUP BY ALL", "name a table"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n FROM bids", "GROUP BY ALL"),
        ("SELECT date_trunc('hour', ts) AS h, p, count(*) AS n FROM bids GROUP BY h", "GROUP BY ALL"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n FROM bids GROUP BY h, p", "Select it"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n FROM bids GROUP BY ROLLUP (h)", "GROUP BY ALL"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) FROM bids GROUP BY ALL", "AS some_name"),
        ("SELECT date_trunc('hour', ts), count(*) AS n FROM bids GROUP BY ALL", "AS some_name"),
        ("SELECT date_trunc('hour', ts) AS h, count(*) AS n, sum(x) AS N FROM bids GROUP BY ALL", "a name of its own"),
        ("SELECT date_trunc('hour', ts) AS h FROM bids GROUP BY ALL", "add a metric"),
        ("SELECT publisher, count(*) AS n FROM bids GROUP BY ALL", "date_trunc"),
        (statement(time="date_trunc('minute', ts)::DATE AS d"), "date_trunc('day'"),
        (statement(time="time_bucket(INTERVAL '1 day', ts, 'Europe/Berlin') AS d"), "--time-zone"),
        (statement(time="time_bucket(INTERVAL '1 hour 30 minutes', ts) AS d"), "15 minutes"),
        (statement() + " UNION ALL SELECT 1, 2, 3", "one SELECT"),
        ("CREATE TABLE a AS SELECT 1", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("", "one SELECT"),
        ("SELECT FROM WHERE (", "not SQL"),
    ],
)
def test_a_statement_that_cannot_be_rolled_up_is_refused_with_what_to_write(text: str, instead: str) -> None:
    with pytest.raises(SpecificationError, match=re.escape(instead)):
        Specification.parse(text)


@pytest.mark.parametrize(
    "group", ["ALL", "1, 2", "hour, publisher", "date_trunc('hour', ts), publisher", "publisher, HOUR"]
)
def test_ways_to_say_the_same_are_one_statement(group: str) -> None:
    text = "select date_trunc('hour',ts) as hour -- when\n, publisher, COUNT(*) as n from bids"
    assert not Specification.parse(statement()).difference(Specification.parse(f"{text} GROUP BY {group}"))


def test_another_statement_under_the_same_name_is_refused_with_the_difference() -> None:
    data = pandas.DataFrame({"ts": pandas.to_datetime(["2024-01-01"]), "publisher": ["a"], "x": [1]})
    with duckdb_sketch.connect() as connection:
        Rollup.from_sql(statement(), name="hourly", database=connection).append(data)
        with pytest.raises(ChangedStatementError, match=r"\+.*sum\(x\) AS m") as caught:
            Rollup.from_sql(statement("count(*) AS n, sum(x) AS m"), name="hourly", database=connection).append(data)
        assert "replay" in str(caught.value)
        for setting in ({"time_zone": "Asia/Tokyo"}, {"earliest": pandas.Timestamp("2000-01-01").to_pydatetime()}):
            with pytest.raises(ChangedStatementError, match=next(iter(setting))):
                Rollup.from_sql(statement(), name="hourly", database=connection, **setting).append(data)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("kurtosis(x) AS m", "does not merge"),
        ("count(*) AS n, mad(x) AS m", "does not merge"),
        ("sum(y)::BIGINT AS m", "rounds"),
        ("sum(d)::BIGINT AS m", "rounds"),
        ("sum(d)::DECIMAL(20, 1) AS m", "rounds"),
        ("sum(nothing) AS m", "nothing"),
    ],
)
def test_what_only_duckdb_knows_is_refused_as_well(metric: str, message: str) -> None:
    with duckdb_sketch.connect() as connection:
        data = connection.sql(
            "SELECT TIMESTAMP '2024-01-01' AS ts, 'a' AS publisher, 1 AS x, 1.5::DOUBLE AS y, 2.25 AS d"
        )
        with pytest.raises(SpecificationError, match=message):
            Rollup.from_sql(statement(metric), name="hourly", database=connection).append(data)
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


@pytest.mark.parametrize("metric", ["sum(x)::BIGINT AS m", "sum(d)::DECIMAL(30, 3) AS m", "coalesce(sum(y), 0) AS m"])
def test_casts_that_round_nothing_are_taken(metric: str) -> None:
    with duckdb_sketch.connect() as connection:
        query = "SELECT TIMESTAMP '2024-01-01' AS ts, 'a' AS publisher, 1 AS x, 1.5::DOUBLE AS y, 2.25 AS d"
        rollup = Rollup.from_sql(statement(metric), name="hourly", database=connection)
        rollup.append(connection.sql(query))
        rollup.append(connection.sql(query))
        (got,) = rollup.connection.execute("SELECT m FROM hourly").fetchone() or ()
        assert float(got) in (2, 4.5, 3)


@pytest.mark.newest_duckdb
def test_times_in_a_histogram_are_seconds() -> None:
    """The error says what to write."""
    statement = "SELECT date_trunc('day', ts) AS d, approx_histogram_agg({}) AS h FROM e GROUP BY ALL"
    events = duckdb.execute("SELECT TIMESTAMP '2026-01-01' AS ts").to_arrow_table()
    with (
        Rollup.from_sql(statement.format("ts"), name="r") as rollup,
        pytest.raises(SpecificationError, match=r"write approx_histogram_agg\(epoch\(x\)\)"),
    ):
        rollup.append(events)
    with Rollup.from_sql(statement.format("epoch(ts)"), name="r") as rollup:
        assert rollup.append(events).rows == 1
