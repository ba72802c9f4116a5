"""Forms of queries: each is answered from rollups, with the rows, the names and the types of the raw events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bids import Bids, write_bids

from duckdb_sketch.cube import Cube, CubeError


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Bids:
    folder = tmp_path_factory.mktemp("bids")
    found = Bids(folder).refreshed(levels=["day", "month"])
    write_bids(folder, "('2026-01-02 12:34', 'de', 'click', 5, 7.25)", "(NULL, 'fr', 'view', 6, 1)", name="new")
    return found


@pytest.fixture(scope="module")
def cube(bids: Bids) -> Iterator[Cube]:
    with bids.cube() as cube:
        yield cube


@pytest.fixture(scope="module")
def raw(bids: Bids) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE bids AS FROM read_parquet('{bids.sources['bids']}')")
        yield connection


AGGREGATES = [
    "count(*)",
    "count()",
    "count(1)",
    "count(price)",
    "count(country)",
    "sum(price)",
    "avg(price)",
    "mean(price)",
    "min(price)",
    "coalesce(sum(price), 0)",
    "count(DISTINCT country)",
    "max(country)",
    "string_agg(DISTINCT country, ',' ORDER BY country)",
    "count(*) FILTER (WHERE kind = 'click')",
    "count_if(country = 'de')",
    "count_if(country = 'none' AND country IS NOT NULL) FILTER (WHERE country IS NULL)",
    "count_if(country = 'fr') FILTER (WHERE kind = 'click')",
    "count(*) FILTER (WHERE country = 'de' AND kind = 'click')",
    "sum(price) FILTER (WHERE country <> 'de')",
    "count(*) FILTER (WHERE ts >= TIMESTAMP '2026-01-02')",
    "sum(price) / count(*)",
    "round(avg(price), 2)::VARCHAR || ' euros'",
    "CASE WHEN count(*) > 10 THEN sum(price) END",
]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_aggregates(cube: Cube, raw: duckdb.DuckDBPyConnection, aggregate: str) -> None:
    assert_same(cube, raw, f"SELECT {aggregate} FROM bids")
    assert_same(
        cube, raw, f"SELECT country, {aggregate} AS x FROM bids WHERE ts < TIMESTAMP '2026-01-03 05:12' GROUP BY 1"
    )


QUERIES = [
    "SELECT count(*), count(*) FROM bids",
    "SELECT country, country, count(*) FROM bids GROUP BY ALL",
    "SELECT EXISTS (SELECT 1 FROM bids GROUP BY country HAVING count(*) > 150), 5 IN (SELECT count(*) FROM bids)",
    "SELECT list(n ORDER BY n) FROM (SELECT count(*) AS n FROM bids GROUP BY country)",
    "WITH bids AS (SELECT country, count(*) AS n FROM bids GROUP BY 1) "
    "SELECT (SELECT sum(n) FROM bids) AS s, (WITH bids AS (SELECT 5 AS n) SELECT n FROM bids) AS f",
    "SELECT count(*) AS country FROM bids GROUP BY country ORDER BY country",
    "SELECT count(*) AS country FROM bids GROUP BY country ORDER BY country DESC LIMIT 1",
    "SELECT upper(country) AS country, count(*) FROM bids GROUP BY ALL ORDER BY country",
    "SELECT country FROM bids GROUP BY country HAVING sum(price) > 100 ORDER BY count(*) DESC, max(price), country",
    "SELECT country, sum(price) AS price FROM bids GROUP BY country ORDER BY price DESC NULLS LAST",
    "SELECT COUNT(*) FROM BIDS WHERE Country IS DISTINCT FROM 'de'",
    'SELECT "Country", "COUNT" FROM (SELECT country AS "Country", count(*) AS "COUNT" FROM bids GROUP BY ALL)',
    "SELECT count(*), sum(price), min(price), avg(price), count(DISTINCT country) FROM bids WHERE country = 'xx'",
    "SELECT quantile_cont(price, [0.1, 0.5]), median(price) FROM bids WHERE country = 'xx'",
    "SELECT country, count(*) FROM bids WHERE ts > '2030-01-01' GROUP BY ROLLUP (country)",
    "SELECT country, count(*), grouping_id(country, ts::DATE) FROM bids GROUP BY CUBE (country, ts::DATE)",
    "SELECT count(*) FILTER (WHERE ts::DATE = '2026-01-02'), sum(price) FILTER (WHERE false) FROM bids",
    "WITH a AS (WITH bids AS (SELECT 1 AS one) SELECT count(*) AS n FROM bids) SELECT n, (SELECT count(*) FROM bids) "
    "FROM a",
    "WITH x AS MATERIALIZED (SELECT country, count(*) AS n FROM bids GROUP BY 1) "
    "SELECT * FROM x AS a JOIN x AS b USING (country)",
    "SELECT * FROM (SELECT country, count(*) AS n FROM bids GROUP BY ALL) PIVOT (sum(n) FOR country IN ('de', 'fr'))",
    "SELECT country, count(*) > (SELECT avg(n) FROM (SELECT count(*) AS n FROM bids GROUP BY country)) AS many "
    "FROM bids GROUP BY ALL",
    "SELECT DISTINCT ON (country) country, count(*) FROM bids GROUP BY country ORDER BY country",
    "SELECT country, sum(sum(price)) OVER w FROM bids GROUP BY country WINDOW w AS (ORDER BY country)",
    "SELECT {'c': country, 'n': count(*)} AS s FROM bids GROUP BY country",
    "SELECT count(DISTINCT (country, ts::DATE)), bool_or(country IS NULL), max(ts::DATE) FROM bids",
    "SELECT count(*) FROM bids WHERE date_trunc('day', ts) <= '2026-01-02 05:00'",
    "SELECT count(*) FROM bids WHERE date_trunc('month', ts) BETWEEN '2026-01-01' AND '2026-01-31'",
    "SELECT count(*) FROM bids WHERE ts >= current_date - 30",
    "SELECT count(*) FROM bids WHERE NOT (ts >= '2026-01-02') OR hour(ts) BETWEEN 8 AND 17",
    "SELECT ts >= '2026-01-02' AS late, count(*) FROM bids GROUP BY ALL",
    "SELECT ts::DATE AS d, count(*) FROM bids WHERE d = '2026-01-03' GROUP BY ALL",
    "SELECT make_date(year(ts), month(ts), 1) AS m, date_diff('day', ts::DATE, DATE '2026-02-01'), count(*) FROM bids "
    "GROUP BY ALL",
    "FROM bids SELECT count(*)",
    "SELECT b.country, count(*) FROM bids AS b WHERE b.country IS NOT NULL GROUP BY b.country",
    "SELECT Country AS Land, count(*) AS N FROM Bids GROUP BY ALL HAVING N > 3 ORDER BY land DESC NULLS LAST LIMIT 2",
    "SELECT DISTINCT country FROM bids",
    "SELECT country FROM bids GROUP BY country",
    "SELECT upper(country) || '!' AS c, count(*) FROM bids GROUP BY c ORDER BY 2 DESC, 1",
    "SELECT date_trunc('day', ts) AS day, day::DATE - 1 AS before, count(*) FROM bids GROUP BY ALL",
    "SELECT ts::DATE AS ts, count(*) FROM bids GROUP BY ALL",
    "SELECT time_bucket(INTERVAL '2 hours', ts) AS t, sum(price) FROM bids GROUP BY t",
    "SELECT year(ts), month(ts), dayofweek(ts), hour(ts), count(*) FROM bids GROUP BY ALL",
    "SELECT extract('dow' FROM ts), strftime(ts, '%Y-%m-%d'), count(*) FROM bids GROUP BY ALL",
    "SELECT country, count(*) FROM bids GROUP BY ROLLUP (country)",
    "SELECT country, ts::DATE AS day, grouping(country) AS g, count(*) FROM bids GROUP BY CUBE (country, day)",
    "SELECT country, ts::DATE AS d, count(*) FROM bids GROUP BY GROUPING SETS ((country), (2), ())",
    "SELECT ts::DATE AS day, sum(count(*)) OVER (ORDER BY ts::DATE) AS total FROM bids GROUP BY ts::DATE",
    "SELECT ts::DATE AS day, sum(sum(price)) OVER (ORDER BY ts::DATE) FROM bids GROUP BY ts::DATE",
    "SELECT country, count(*) AS n FROM bids GROUP BY country QUALIFY row_number() OVER (ORDER BY n DESC, country) = 1",
    "SELECT count(*) FROM bids WHERE '2026-01-02' <= ts AND ts <= '2026-01-02 17:00'",
    "SELECT count(*) FROM bids WHERE ts BETWEEN DATE '2026-01-01' AND DATE '2026-01-02'",
    "SELECT count(*) FROM bids WHERE ts::DATE IN (DATE '2026-01-01', DATE '2026-01-03')",
    "SELECT count(*) FROM bids WHERE ts > TIMESTAMP '2026-01-01 11:54:00' AND country IN ('de', 'fr')",
    "SELECT count(*) FROM bids WHERE ts >= make_date(2026, 1, 2) AND ts < make_date(2026, 1, 2) + INTERVAL 1 DAY",
    "SELECT count(*) FROM bids WHERE ts < now() AND ts >= DATE '2000-01-01' + 30",
    "SELECT sum(price) FROM bids WHERE ts > TIMESTAMP '2030-01-01'",
    "SELECT country, sum(price) FROM bids WHERE false GROUP BY country",
    "SELECT country, count(*) FROM bids WHERE country IN "
    "(SELECT country FROM bids GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2) GROUP BY ALL",
    "WITH days AS (SELECT ts::DATE AS day, count(*) AS n FROM bids GROUP BY ALL) SELECT max(n), min(day) FROM days",
    "WITH bids AS (SELECT country, count(*) AS n FROM bids GROUP BY ALL) SELECT sum(n), count(*) FROM bids",
    "SELECT a.country, a.n, b.n AS m FROM "
    "(SELECT country, count(*) AS n FROM bids GROUP BY ALL) AS a JOIN (SELECT country, "
    "sum(price) AS n FROM bids GROUP BY ALL) AS b USING (country)",
    "SELECT 'all' AS what, count(*) FROM bids UNION ALL SELECT country, count(*) FROM bids GROUP BY ALL",
    "SELECT count(*), (SELECT max(user_id) FROM bids) AS top FROM bids",
    "SELECT x, count(*) FROM (SELECT user_id AS x, count(*) FROM bids GROUP BY ALL) GROUP BY x",
    'SELECT "country" AS "the country", count(*) AS "count of it" FROM "bids" GROUP BY ALL',
]


@pytest.mark.parametrize("query", QUERIES)
def test_queries(cube: Cube, raw: duckdb.DuckDBPyConnection, query: str) -> None:
    assert_same(cube, raw, query, routed="user_id AS x" not in query)


RAW = [
    "SELECT sum(price) AS price FROM bids HAVING price > 3",
    "SELECT count(*) FROM bids WHERE ts NOT BETWEEN '2026-01-01 12:00' AND '2026-01-02 12:00:00'",
    "SELECT count(*) FROM bids WHERE ts > '-infinity'",
    "SELECT count(*) FROM bids WHERE ts > NULL",
    "SELECT count(*) FROM bids WHERE ts >= '2026-01-03' AND ts < '2026-01-02'",
    "SELECT count(*) FROM bids WHERE ts - INTERVAL 1 DAY >= '2026-01-01'",
    "SELECT count(*) FROM bids WHERE ts >= TIMESTAMP_NS '2026-01-02 00:00:00.000000001'",
    "SELECT time_bucket(INTERVAL '1 hour', ts, INTERVAL '30 minutes') AS t, count(*) FROM bids GROUP BY ALL",
    "SELECT date_trunc('day', ts + INTERVAL 1 HOUR) AS d, count(*) FROM bids GROUP BY ALL",
    "SELECT count_if(kind = 'click') FROM bids",  # a count is 0 where it is NULL
    "SELECT sum(DISTINCT price), max(price, 2) FROM bids",
    "SELECT [x + 1 FOR x IN [1, 2]] AS l, count(*) FROM bids",
    "SELECT count(*) AS n FROM bids AS b(t, c)",
]


@pytest.mark.parametrize("query", RAW)
def test_queries_that_look_as_if_a_rollup_answered_them(cube: Cube, raw: duckdb.DuckDBPyConnection, query: str) -> None:
    assert_same(cube, raw, query, routed=False)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("SELECT count(*) FROM bids WHERE country = ? AND ts >= ?", ["de", datetime(2026, 1, 2, 3)]),
        ("SELECT count(*) FROM bids WHERE country = $2 AND ts::DATE = $1", [date(2026, 1, 2), "fr"]),
        ("SELECT count(*) FROM bids WHERE country = $land", {"land": "it"}),
        ("SELECT user_id FROM bids WHERE price > $price AND country = $land", {"land": "it", "price": 50.5}),
    ],
)
def test_parameters(cube: Cube, raw: duckdb.DuckDBPyConnection, query: str, parameters: Any) -> None:
    assert sorted(cube.sql(query, parameters).fetchall()) == sorted(raw.execute(query, parameters).fetchall())


def test_a_parameter_that_is_missing_is_named(cube: Cube) -> None:
    with pytest.raises(CubeError, match="parameter land of the query has no value"):
        cube.sql("SELECT count(*) FROM bids WHERE country = $land", {"country": "it"})


def test_variances(cube: Cube, raw: duckdb.DuckDBPyConnection) -> None:
    for name in ("stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"):
        query = f"SELECT country, {name}(price) FROM bids GROUP BY ALL ORDER BY 1"
        assert cube.explain(query).routed
        found, wanted = cube.sql(query).fetchall(), raw.execute(query).fetchall()
        assert found == [(country, pytest.approx(value, rel=1e-9)) for country, value in wanted]


def test_extremes_are_read_off_a_histogram(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    statement = "SELECT date_trunc('hour', ts) AS h, approx_histogram_agg(price) AS p FROM bids GROUP BY ALL"
    bids.refreshed(statement)
    query = "SELECT min(price), max(price) FROM bids"
    assert bids.explain(query).routed
    assert bids.ask(query) == bids.raw(query)
    # Of a DOUBLE the maximum may be infinite, or NaN, which is in no bin.
    assert not bids.explain("SELECT max(price::DOUBLE) FROM bids").routed


def test_sketches_are_the_same_bytes(cube: Cube, raw: duckdb.DuckDBPyConnection) -> None:
    import duckdb_sketch

    query = "SELECT country, hll_sketch_agg(user_id) FROM bids WHERE ts >= TIMESTAMP '2026-01-01 07:07' GROUP BY ALL"
    assert cube.explain(query).routed
    assert sorted(map(repr, cube.sql(query).fetchall())) == sorted(
        map(repr, duckdb_sketch.load(raw).execute(query).fetchall())
    )


def test_errors_are_bounds_of_estimates(cube: Cube) -> None:
    query = (
        "SELECT country, count(DISTINCT user_id) AS users, quantile_cont(price, [0.1, 0.9]) AS q FROM bids GROUP BY 1"
    )
    relation = cube.sql(query, errors=True)
    assert relation.columns == ["country", "users", "q", "users_lower", "users_upper", "q_lower", "q_upper"]
    for _, users, quantiles, fewest, most, least, greatest in relation.fetchall():
        assert fewest <= users + 0.5
        assert users - 0.5 <= most
        assert all(
            a <= float(q) + 0.005 and float(q) - 0.005 <= b for a, q, b in zip(least, quantiles, greatest, strict=True)
        )


def test_what_may_be_an_estimate_has_bounds_whatever_answers_it(cube: Cube) -> None:
    query = "SELECT count(DISTINCT user_id) AS users, median(price) AS m, count(DISTINCT country) AS c FROM bids"
    columns = ["users", "m", "c", "users_lower", "users_upper", "m_lower", "m_upper", "c_lower", "c_upper"]
    routed, exact = cube.answer(query, errors=True), cube.answer(query, errors=True, exact=True)
    assert (routed.explanation.routed, exact.explanation.routed) == (True, False)
    assert routed.relation.columns == exact.relation.columns == columns
    assert routed.relation.types == exact.relation.types
    (found,), (wanted,) = routed.relation.fetchall(), exact.relation.fetchall()
    for value, lower, upper in ((0, 3, 4), (1, 5, 6), (2, 7, 8)):
        assert wanted[value] == wanted[lower] == wanted[upper]
        assert found[lower] <= wanted[value] <= found[upper]
    # DuckDB's own estimates have none that are known.
    other = cube.sql("SELECT max(user_id), approx_count_distinct(user_id) AS n FROM bids", errors=True)
    assert other.columns[1:] == ["n", "n_lower", "n_upper"]
    assert other.fetchall()[0][2:] == (None, None)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT count(*) FROM bids WHERE ts > '2026-13-02'", "the query failed: timestamp field value out of range"),
        ("SELECT count(*) FROM tables", "the tables of events are bids"),
        ("SELECT nothing FROM bids", 'Referenced column "nothing" not found'),
        ("SELECT count(*) FROM birds", "the tables of events are bids"),
        ("SELECT count(*) FROM bids; SELECT 1", "ask one query at a time"),
        ("DROP TABLE hourly", "a cube answers queries"),
        ("SELECT frobnicate(price) FROM bids", "frobnicate"),
    ],
)
def test_wrong_queries(cube: Cube, query: str, message: str) -> None:
    with pytest.raises(CubeError, match=message):
        cube.sql(query)


def test_raw_events_may_be_refused(cube: Cube) -> None:
    with pytest.raises(
        CubeError, match=r"no rollup answers the query.*hourly: no metric of it answers.*MAX\(user_id\)"
    ):
        cube.sql("SELECT max(user_id) FROM bids", raw=False)


def test_a_query_over_other_tables_is_one(cube: Cube) -> None:
    assert cube.sql("SELECT count(*) FROM range(3)").fetchall() == [(3,)]


def assert_same(cube: Cube, raw: duckdb.DuckDBPyConnection, query: str, *, routed: bool = True) -> None:
    answer = cube.answer(query)
    assert answer.explanation.routed is routed, answer.explanation
    wanted = raw.sql(query)
    assert (answer.relation.columns, answer.relation.types) == (wanted.columns, wanted.types)
    found = answer.relation.fetchall()
    rows = wanted.fetchall()
    if "ORDER BY" in query.rpartition(")")[2]:
        assert found == rows
    assert sorted(map(repr, found)) == sorted(map(repr, rows))


def test_the_order_is_kept(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    bids.refreshed()
    query = "SELECT hour(ts) AS h, count(*) FROM bids GROUP BY h ORDER BY h DESC"
    assert bids.ask(query) == bids.raw(query)
