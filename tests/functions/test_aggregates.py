"""The aggregates in every kind of query that people write: the same sketch, however DuckDB comes to it.

The truth is another plan of DuckDB's own: exact counts of few distinct values, or the sketch of the same rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from processes import HAS_REPOSITORIES, needs_a_state_a_row
from queries import column, rows, value
from samples import few_fast

import duckdb_sketch

EMPTY = bytes.fromhex("0201070c030c0000")


@pytest.fixture
def events(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Events of few users and prices in each group, so that every answer is exact."""
    con.execute("""
        CREATE TABLE events AS
        SELECT i, i % 13 AS country, ['web', 'app', NULL][1 + i % 3] AS channel,
               CASE WHEN i % 11 <> 0 THEN (i * 31) % 97 END AS user_id, (i % 40) / 4 AS price
        FROM range(20_000) t(i)
    """)
    return con


def users(expression: str = "user_id") -> str:
    return f"hll_sketch_estimate(hll_sketch_agg({expression}))"


def median(expression: str = "price") -> str:
    return f"approx_histogram_quantile(approx_histogram_agg({expression}), 0.5)"


EXACT_USERS = "count(DISTINCT user_id)"
EXACT_MEDIAN = "quantile_disc(price, 0.5)"


def assert_agrees(con: duckdb.DuckDBPyConnection, sketched: str, exact: str) -> None:
    """Both queries return the same rows; estimates of up to some hundred users are exact at lg_k 12."""
    expected = rows(con, exact)
    assert len(expected) > 1
    assert rows(con, sketched) == expected


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_group_by(events: duckdb.DuckDBPyConnection, threads: int) -> None:
    events.execute(f"SET threads = {threads}")
    query = "SELECT country, channel, {}, {} FROM events GROUP BY ALL ORDER BY ALL"
    assert_agrees(events, query.format(users(), median()), query.format(EXACT_USERS, EXACT_MEDIAN))


def test_filter(events: duckdb.DuckDBPyConnection) -> None:
    condition = "FILTER (channel = 'web' AND price < 5)"
    sketched = f"""
        SELECT country, hll_sketch_estimate(hll_sketch_agg(user_id) {condition}),
               approx_histogram_quantile(approx_histogram_agg(price) {condition}, 0.5)
        FROM events GROUP BY country ORDER BY country
    """
    exact = f"""
        SELECT country, count(DISTINCT user_id) {condition}, quantile_disc(price, 0.5) {condition}
        FROM events GROUP BY country ORDER BY country
    """
    assert_agrees(events, sketched, exact)


def test_filter_that_nothing_passes_gives_an_empty_sketch(events: duckdb.DuckDBPyConnection) -> None:
    sketches = rows(
        events,
        """
        SELECT hll_sketch_agg(user_id) FILTER (price < 0), approx_histogram_agg(price) FILTER (price < 0)
        FROM events GROUP BY country
        """,
    )
    assert sketches == [(EMPTY, b"AH\x01\x00\x32" + bytes(6))] * 13


def test_distinct(events: duckdb.DuckDBPyConnection) -> None:
    hll, hll_distinct, counts = rows(
        events,
        """
        SELECT hll_sketch_agg(user_id), hll_sketch_agg(DISTINCT user_id),
               approx_histogram_stats(approx_histogram_agg(DISTINCT user_id)).count = count(DISTINCT user_id)
        FROM events
        """,
    )[0]
    assert hll == hll_distinct
    assert counts


@needs_a_state_a_row
def test_order_by_inside(events: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT country, hll_sketch_agg(user_id {0}), approx_histogram_agg(price {0}) FROM events GROUP BY 1 ORDER BY 1"
    )
    assert_agrees(events, query.format("ORDER BY price DESC, i"), query.format(""))


FRAMES = {
    "sliding rows": "ORDER BY i ROWS BETWEEN 20 PRECEDING AND 5 FOLLOWING",
    "behind": "ORDER BY i ROWS BETWEEN 30 PRECEDING AND 10 PRECEDING",
    "ahead": "ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 15 FOLLOWING",
    "growing": "ORDER BY i",
    "shrinking": "ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "whole": "",
    "range": "ORDER BY price RANGE BETWEEN 1 PRECEDING AND 0.5 FOLLOWING",
    "range with peers": "ORDER BY price",
    "groups": "ORDER BY price GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "partitioned": "PARTITION BY country ORDER BY i ROWS BETWEEN 7 PRECEDING AND CURRENT ROW",
    "excluding": "ORDER BY i ROWS BETWEEN 9 PRECEDING AND 9 FOLLOWING EXCLUDE CURRENT ROW",
}


@pytest.mark.parametrize(
    "frame", [pytest.param(name, marks=[] if frame else needs_a_state_a_row) for name, frame in FRAMES.items()]
)
@pytest.mark.parametrize("threads", few_fast([1, 4], 4))
def test_window_frames(events: duckdb.DuckDBPyConnection, frame: str, threads: int) -> None:
    """DuckDB combines one state many times, from several threads: the sources must stay as they are."""
    events.execute(f"SET threads = {threads}")
    events.execute("CREATE TABLE few AS FROM events WHERE i < 6000")
    window = FRAMES[frame]
    sketched = f"""
        SELECT i, hll_sketch_estimate(hll_sketch_agg(user_id) OVER ({window})),
               approx_histogram_quantile(approx_histogram_agg(price) OVER ({window}), 0.5)
        FROM few ORDER BY i
    """
    exact = f"""
        SELECT i, list_unique(list(user_id) OVER ({window})), quantile_disc(price, 0.5) OVER ({window})
        FROM few ORDER BY i
    """
    expected = [(i, count or 0, middle) for i, count, middle in rows(events, exact)]
    assert rows(events, sketched) == expected


def test_window_frames_of_unions_against_brute_force(events: duckdb.DuckDBPyConnection) -> None:
    """A rolling week of daily sketches: the bytes are those of the seven days merged alone."""
    events.execute("""
        CREATE TABLE days AS
        SELECT i // 200 AS day, hll_sketch_agg(i * 17) s, approx_histogram_agg(price) h FROM events GROUP BY ALL
    """)
    rolling = """
        SELECT day, hll_union_agg(s) OVER week, approx_histogram_union_agg(h) OVER week
        FROM days WINDOW week AS (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) ORDER BY day
    """
    alone = """
        SELECT a.day, hll_union_agg(b.s), approx_histogram_union_agg(b.h)
        FROM days a, days b WHERE b.day BETWEEN a.day - 6 AND a.day GROUP BY a.day ORDER BY a.day
    """
    assert_agrees(events, rolling, alone)


@pytest.mark.parametrize(
    "grouping",
    [
        "ROLLUP (country, channel)",
        "CUBE (country, channel)",
        "GROUPING SETS ((country), (channel), (country, channel), ())",
    ],
)
def test_grouping_sets(events: duckdb.DuckDBPyConnection, grouping: str) -> None:
    query = (
        "SELECT country, channel, grouping(country, channel) g, {}, {} FROM events GROUP BY "
        + grouping
        + " ORDER BY ALL"
    )
    assert_agrees(events, query.format(users(), median()), query.format(EXACT_USERS, EXACT_MEDIAN))


def test_prepared_statements(events: duckdb.DuckDBPyConnection) -> None:
    """lg_k, bins, q and the data itself may be parameters."""
    query = "SELECT hll_sketch_describe(hll_sketch_agg(user_id, $lg_k)).lg_k FROM events WHERE country = $country"
    for lg_k in (4, 12, 21):
        assert events.execute(query, {"lg_k": lg_k, "country": 3}).fetchone() == (lg_k,)
    events.execute(f"PREPARE of_country AS SELECT {users()}, {median()} FROM events WHERE country = $1")
    for country in (1, 2, 1):
        exact = rows(events, f"SELECT {EXACT_USERS}, {EXACT_MEDIAN} FROM events WHERE country = {country}")
        assert rows(events, f"EXECUTE of_country({country})") == exact
    bins = "SELECT approx_histogram_stats(approx_histogram_agg(price, $1)).max_bins FROM events"
    assert [value(events, bins, n) for n in (2, 50, 65535)] == [2, 50, 65535]


def test_a_table_without_rows_gives_empty_sketches(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE no_rows (x INTEGER, s BLOB)")
    hll, hll_union, histogram, histogram_union = rows(
        con,
        """
        SELECT hll_sketch_agg(x), hll_union_agg(s), approx_histogram_agg(x), approx_histogram_union_agg(s)
        FROM no_rows
        """,
    )[0]
    assert hll == hll_union == EMPTY
    assert histogram == histogram_union
    assert value(con, "SELECT hll_sketch_estimate($1)", hll) == 0
    assert value(con, "SELECT approx_histogram_quantile($1, 0.5)", histogram) is None
    assert rows(con, "SELECT x, hll_sketch_agg(x), approx_histogram_agg(x) FROM no_rows GROUP BY x") == []


def test_groups_of_nulls_give_empty_sketches(con: duckdb.DuckDBPyConnection) -> None:
    """As in Spark: an estimate of 0 and quantiles that are NULL, but no NULL sketch that an outer join would mean."""
    query = """
        SELECT g, hll_sketch_agg(x) s, approx_histogram_agg(x) h, hll_union_agg(b) us, approx_histogram_union_agg(b) uh
        FROM (SELECT i % 3 AS g, CASE WHEN i % 3 = 1 THEN i END AS x, NULL::BLOB AS b FROM range(3000) t(i))
        GROUP BY g
    """
    answers = rows(
        con,
        f"""
        SELECT g, hll_sketch_estimate(s) > 0, approx_histogram_quantile(h, 0.0), hll_sketch_estimate(us),
               approx_histogram_stats(uh).count, approx_histogram_bins(uh)
        FROM ({query}) ORDER BY g
        """,
    )
    assert answers == [(0, False, None, 0, 0, []), (1, True, 1.0, 0, 0, []), (2, False, None, 0, 0, [])]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_hundred_thousand_groups(con: duckdb.DuckDBPyConnection, threads: int) -> None:
    con.execute(f"SET threads = {threads}")
    wrong = value(
        con,
        """
        SELECT count(*) FROM (
            SELECT g, hll_sketch_estimate(hll_sketch_agg(x)) AS users, count(DISTINCT x) AS exact,
                   approx_histogram_stats(approx_histogram_agg(x)) AS stats, min(x) AS least, count(*) AS n
            FROM (SELECT hash(i) % 100_000 AS g, i % 1000 AS x FROM range(1_000_000) t(i)) GROUP BY g)
        WHERE users <> exact OR stats.count <> n OR stats.min <> least
        """,
    )
    assert wrong == 0


@pytest.mark.parametrize("condition", ["g % 2 = 0", "n > 50"])
def test_subqueries_views_and_ctes(events: duckdb.DuckDBPyConnection, condition: str) -> None:
    events.execute("""
        CREATE VIEW by_group AS
        SELECT country AS g, hll_sketch_agg(user_id) s, approx_histogram_agg(price) h, count(*) n
        FROM events GROUP BY country
    """)
    from_view = f"SELECT hll_union_agg(s), approx_histogram_union_agg(h) FROM by_group WHERE {condition}"
    from_rows = f"""
        WITH kept AS (SELECT g FROM by_group WHERE {condition})
        SELECT hll_sketch_agg(user_id), approx_histogram_agg(price) FROM events WHERE country IN (SELECT g FROM kept)
    """
    assert rows(events, from_view) == rows(events, from_rows)
    correlated = """
        SELECT g, (SELECT hll_sketch_agg(user_id) FROM events WHERE country = g), s FROM by_group ORDER BY g
    """
    assert all(alone == grouped for _, alone, grouped in rows(events, correlated))


def test_having_and_order_by_an_estimate(events: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT country, {0} AS n FROM events WHERE i < 300 GROUP BY country HAVING {0} > 18 ORDER BY {0} DESC, country"
    )
    assert_agrees(events, query.format(users()), query.format(EXACT_USERS))


def test_create_table_as_and_insert(events: duckdb.DuckDBPyConnection) -> None:
    select = "SELECT channel, hll_sketch_agg(user_id) s, approx_histogram_agg(price) h FROM events GROUP BY channel"
    events.execute(f"CREATE TABLE rollup AS {select}")
    assert rows(events, "SELECT DISTINCT typeof(s), typeof(h) FROM rollup") == [("BLOB", "BLOB")]
    events.execute(f"INSERT INTO rollup {select}")
    twice = "SELECT channel, hll_union_agg(s) FROM rollup GROUP BY channel ORDER BY channel"
    assert rows(events, twice) == rows(events, f"SELECT channel, s FROM ({select}) ORDER BY channel")


def test_both_aggregates_beside_others(events: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT country, sum(price), {}, max(i), {}, list(i ORDER BY i)[3] FROM events GROUP BY 1 ORDER BY 1"
    assert_agrees(events, query.format(users(), median()), query.format(EXACT_USERS, EXACT_MEDIAN))


def test_parquet_and_database_files(events: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """What is written today is read tomorrow: byte by byte, from a table of a reopened file and from Parquet."""
    select = "SELECT country, hll_sketch_agg(i) s, approx_histogram_agg(i * 0.37) h FROM events GROUP BY 1 ORDER BY 1"
    written = rows(events, select)
    parquet = tmp_path / "rollup.parquet"
    events.execute(f"COPY ({select}) TO '{parquet}'")
    assert rows(events, f"FROM '{parquet}'") == written
    whole = rows(events, "SELECT hll_sketch_agg(i) FROM events")
    assert rows(events, f"SELECT hll_union_agg(s) FROM '{parquet}'") == whole

    database = tmp_path / "rollup.duckdb"
    with duckdb_sketch.connect(database, config={"allow_unsigned_extensions": "true"}) as first:
        first.execute(f"CREATE TABLE rollup AS FROM '{parquet}'")
        first.execute("CREATE VIEW totals AS SELECT hll_union_agg(s) s, approx_histogram_union_agg(h) h FROM rollup")
        totals = rows(first, "FROM totals")
    with duckdb_sketch.connect(database, config={"allow_unsigned_extensions": "true"}) as second:
        assert rows(second, "FROM rollup") == written
        assert rows(second, "FROM totals") == totals


@pytest.fixture
def small_memory(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that must spill to disk; DuckDB before 2.0 cannot do that with so little."""
    limit = "96MB" if HAS_REPOSITORIES else "192MB"
    config = {"allow_unsigned_extensions": "true", "memory_limit": limit, "temp_directory": str(tmp_path / "spill")}
    with duckdb.connect(tmp_path / "data.duckdb", config={**config, "threads": 2}) as connection:
        yield duckdb_sketch.load(connection)


def test_group_by_under_a_memory_limit(small_memory: duckdb.DuckDBPyConnection) -> None:
    """DuckDB moves the states of a spilling GROUP BY as plain bytes."""
    small_memory.execute("CREATE TABLE t AS SELECT hash(i) % 400_000 AS g, i AS x FROM range(1_200_000) r(i)")
    groups, exact = rows(
        small_memory,
        """
        SELECT count(*), count(*) FILTER (users = n) FROM (
            SELECT g, hll_sketch_estimate(hll_sketch_agg(x)) AS users, count(*) AS n FROM t GROUP BY g)
        """,
    )[0]
    assert groups == exact == value(small_memory, "SELECT count(DISTINCT g) FROM t")
    counted, values = rows(
        small_memory,
        """
        SELECT sum(approx_histogram_stats(h).count), count(*) FILTER (approx_histogram_stats(h).min <> least) FROM (
            SELECT g, approx_histogram_agg(x, 8) AS h, min(x) AS least FROM t GROUP BY g)
        """,
    )[0]
    assert (counted, values) == (1_200_000, 0)


def test_pandas_and_pyarrow(con: duckdb.DuckDBPyConnection) -> None:
    """DataFrames and Arrow tables by the names of their variables; results as either, and back."""
    integers = np.arange(5000) % 700
    names = [f"user {i}" for i in integers]
    frame = pd.DataFrame({"user": integers, "name": names, "price": integers / 4})
    arrow = pa.table({"user": integers, "name": pa.array(names).dictionary_encode(), "price": integers / 4})
    query = "SELECT hll_sketch_agg(user), hll_sketch_agg(name), approx_histogram_agg(price, 1000) FROM "
    native = "(SELECT i % 700 AS user, 'user ' || user AS name, user / 4 AS price FROM range(5000) t(i))"
    expected = rows(con, query + native)
    assert len(frame) == arrow.num_rows == 5000
    assert con.execute(query + "frame").fetchall() == expected
    assert con.execute(query + "arrow").fetchall() == expected

    halves = "SELECT user % 2 g, hll_sketch_agg(user) s FROM frame GROUP BY ALL"
    as_frame, as_arrow = con.sql(halves).df(), con.sql(halves).to_arrow_table()
    assert len(as_frame) == as_arrow.num_rows == 2
    for result in ("as_frame", "as_arrow"):
        assert con.execute(f"SELECT hll_union_agg(s) FROM {result}").fetchall() == [expected[0][:1]]


def test_arrow_chunks_and_slices(con: duckdb.DuckDBPyConnection) -> None:
    chunks = [pa.array([1, None, 2]), pa.array([3, 4, None, 5]).slice(1, 3), pa.array([], pa.int64())]
    arrow = pa.table({"x": pa.chunked_array(chunks)})
    assert arrow.num_rows == 6
    sketch = con.execute("SELECT hll_sketch_agg(x) FROM arrow").fetchall()
    assert sketch == rows(con, "SELECT hll_sketch_agg(x) FROM (VALUES (1), (2), (4), (5)) t(x)")


@pytest.mark.parametrize("call", ["hll_union_agg(b)", "approx_histogram_union_agg(b)", "hll_sketch_agg(i, i)"])
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT {} FROM t",
        "SELECT i % 1000, {} FROM t GROUP BY 1",
        pytest.param("SELECT {} OVER () FROM t", marks=needs_a_state_a_row),
    ],
)
def test_an_error_inside_leaves_the_connection_usable(
    con: duckdb.DuckDBPyConnection, query: str, call: str, threads: int
) -> None:
    con.execute(f"SET threads = {threads}")
    con.execute("""
        CREATE TABLE t AS SELECT i, CASE WHEN i > 150_000 THEN 'no sketch'::BLOB END AS b FROM range(300_000) r(i)
    """)
    with pytest.raises(duckdb.InvalidInputException, match=call.split("(", maxsplit=1)[0]):
        con.execute(query.format(call)).fetchall()
    assert value(con, "SELECT hll_sketch_estimate(hll_sketch_agg(i % 10)) FROM t") == 10


def test_an_error_inside_a_transaction_can_be_rolled_back(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE t AS SELECT 1 AS x")
    con.execute("BEGIN")
    con.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(duckdb.Error, match="lg_k is 99"):
        con.execute("SELECT hll_sketch_agg(x, 99) FROM t")
    con.execute("ROLLBACK")
    assert column(con, "SELECT x FROM t") == [1]


@pytest.mark.parametrize("call", ["hll_sketch_agg(i)", "approx_histogram_agg(i)"])
def test_export_state_is_refused_with_an_error(con: duckdb.DuckDBPyConnection, call: str) -> None:
    """A state in flight has no stable bytes: the BLOB is what is stored."""
    with pytest.raises(duckdb.Error, match=r"(?i)export"):
        con.execute(f"SELECT {call} EXPORT_STATE FROM range(3) t(i)")
    assert value(con, f"SELECT octet_length({call}) FROM range(3) t(i)") > 8


def test_many_connections_share_the_functions(con: duckdb.DuckDBPyConnection) -> None:
    cursors = [con.cursor() for _ in range(4)]
    assert {value(c, "SELECT hll_sketch_estimate(hll_sketch_agg(i)) FROM range(9) t(i)") for c in cursors} == {9}


LISTS = ["l", "list_sort(l)", "list_reverse(l)", "l[2:3]", "list_filter(l, lambda x: x < 0.7)", "list_concat(l, [0.5])"]


@pytest.mark.parametrize("expression", LISTS)
def test_lists_of_any_making_are_read_as_they_are(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    """DuckDB hands some lists over as slices or selections of others."""
    con.execute("CREATE TABLE h AS SELECT approx_histogram_agg(i::DOUBLE) h FROM range(40) t(i)")
    con.execute(
        """
        CREATE TABLE l AS
        SELECT CASE WHEN i % 9 <> 0 THEN [(i % 10) / 10, NULL, 0.25, 0.75] END l FROM range(5000) t(i)
        """
    )
    at_once, one_by_one = (
        column(con, f"SELECT {call} FROM l, h ORDER BY l.rowid")
        for call in (
            f"approx_histogram_quantile(h, {expression})",
            f"list_transform({expression}, lambda x: approx_histogram_quantile(h, x))",
        )
    )
    assert None in at_once or expression.startswith("list_concat")
    assert at_once == one_by_one


STRUCTS = {
    "hll_sketch_bounds(s, 2)": ["lower", "estimate", "upper"],
    "hll_sketch_describe(s)": ["lg_k", "mode", "target_type", "compact", "coupons", "estimate", "bytes"],
    "approx_histogram_stats(h)": ["count", "min", "mean", "bins", "non_finite", "exact", "rank_error", "bytes"],
    "approx_histogram_quantile_bounds(h, 0.5)": ["lower", "estimate", "upper"],
}


@pytest.mark.parametrize("call", STRUCTS)
def test_every_field_of_null_is_null(con: duckdb.DuckDBPyConnection, call: str) -> None:
    """DuckDB reads a field without a look at the STRUCT that it is in."""
    con.execute("""
        CREATE TABLE t AS
        SELECT i, CASE WHEN i % 3 > 0 THEN hll_sketch_agg(i) END AS s,
               CASE WHEN i % 3 > 0 THEN approx_histogram_agg(i) END AS h
        FROM range(5000) r(i) GROUP BY i
    """)
    for field in STRUCTS[call]:
        asked = f'SELECT i % 3 > 0 AS is_there, count(*), count(({call})."{field}") FROM t GROUP BY ALL ORDER BY ALL'
        assert rows(con, asked) == [(False, 1667, 0), (True, 3333, 3333)], field
        assert column(con, f'SELECT ({call})."{field}" FROM t WHERE i % 3 = 0 LIMIT 5') == [None] * 5
