"""What a histogram does not measure, and Druid does not count: both backends say what to write, also in rollups."""

from __future__ import annotations

import duckdb
import pytest

from duckdb_sketch.rollup import Rollup, SpecificationError

SECONDS = "write approx_histogram_agg(epoch(x)), which measures seconds"
NUMBERS = "write approx_histogram_agg(x::DOUBLE) if it holds numbers, or else count(*) and GROUP BY x"
TEXT = "write hyper_unique_agg(x::VARCHAR), as Druid counts text"
REFUSED = {
    "TIMESTAMP '2026-01-01'": SECONDS,
    "TIMESTAMPTZ '2026-01-01'": SECONDS,
    "DATE '2026-01-01'": SECONDS,
    "TIME '10:00'": SECONDS,
    "INTERVAL 1 DAY": SECONDS,
    "true": "write approx_histogram_agg(x::INTEGER), or count_if(x)",
    "'1.5'::VARCHAR": NUMBERS,
    "uuid()": NUMBERS,
    "'a'::BLOB": "write approx_histogram_union_agg(x) to unite histograms",
}


@pytest.fixture(scope="module", params=["native", "portable"])
def con(request: pytest.FixtureRequest) -> duckdb.DuckDBPyConnection:
    connection: duckdb.DuckDBPyConnection = request.getfixturevalue(request.param)
    return connection


@pytest.mark.parametrize("value", REFUSED)
def test_the_error_says_what_to_write(con: duckdb.DuckDBPyConnection, value: str) -> None:
    for call in ("approx_histogram_agg(x)", "approx_histogram_agg(x, 20)"):
        for rows in (f"SELECT {value} AS x", f"SELECT if(i > 5, {value}, NULL) AS x FROM range(9) t(i)"):
            with pytest.raises(duckdb.Error) as refused:
                con.execute(f"SELECT {call} FROM ({rows})")
            kind = con.execute(f"SELECT typeof({value})").fetchall()[0][0]
            assert f"approx_histogram_agg cannot measure {kind}: {REFUSED[value]}" in str(refused.value)


def test_the_extension_refuses_without_rows(native: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="cannot measure DATE"):
        native.execute("SELECT approx_histogram_agg(x) FROM (SELECT DATE '2026-01-01' AS x) WHERE false")


@pytest.mark.parametrize(
    "value", ["NULL", "1", "1.5", "1::UTINYINT", "7::HUGEINT", "1.5::DECIMAL(38, 3)", "2::FLOAT", "1::UBIGINT"]
)
def test_numbers_of_every_type_are_measured(con: duckdb.DuckDBPyConnection, value: str) -> None:
    query = "SELECT (approx_histogram_stats(approx_histogram_agg(x))).count, (approx_histogram_stats({})).min"
    (found,) = con.execute(f"{query.format('approx_histogram_agg(x, 20)')} FROM (SELECT {value} AS x)").fetchall()
    assert found == ((0, None) if value == "NULL" else (1, duckdb.sql(f"SELECT ({value})::DOUBLE").fetchall()[0][0]))


@pytest.mark.parametrize(
    "value",
    [
        *(value for value in REFUSED if "VARCHAR" not in value and "BLOB" not in value),
        *(f"1::{kind}" for kind in ("UTINYINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")),
    ],
)
def test_druid_counts_text(con: duckdb.DuckDBPyConnection, value: str) -> None:
    kind = con.execute(f"SELECT typeof({value})").fetchall()[0][0]
    with pytest.raises(duckdb.Error) as refused:
        con.execute(f"SELECT hyper_unique_agg(x) FROM (SELECT {value} AS x)")
    assert f"hyper_unique_agg cannot count {kind}: {TEXT}" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [("1.5::DECIMAL(38, 3)", TEXT), ("'a'::BLOB", "write hyper_unique_union_agg(x) to unite sketches")],
)
def test_druid_counts_no_decimals_and_no_sketches(con: duckdb.DuckDBPyConnection, value: str, why: str) -> None:
    with pytest.raises(duckdb.Error, match="hyper_unique_agg cannot count") as refused:
        con.execute(f"SELECT hyper_unique_agg(x) FROM (SELECT {value} AS x)")
    assert why in str(refused.value)


@pytest.mark.parametrize("value", ["NULL", "'a'", "'a'::ENUM('a', 'b')", "'1'::JSON"])
def test_text_of_every_type_is_counted(con: duckdb.DuckDBPyConnection, value: str) -> None:
    query = f"SELECT round(hyper_unique_estimate(hyper_unique_agg(x))) FROM (SELECT {value} AS x)"
    assert con.execute(query).fetchall() == [(0 if value == "NULL" else 1,)]


@pytest.mark.native  # which says so when it is bound; a macro does when it runs
def test_a_rollup_refuses_before_it_counts() -> None:
    statement = "SELECT date_trunc('day', ts) AS d, {} AS h FROM e GROUP BY ALL"
    events = duckdb.sql("SELECT TIMESTAMP '2026-01-01' AS ts, true AS seen").to_arrow_table()
    for call, advice in (
        ("approx_histogram_agg(ts, 20)", SECONDS),
        ("approx_histogram_agg(seen)", "count_if"),
        ("hyper_unique_agg(seen)", TEXT),
    ):
        with Rollup.from_sql(statement.format(call), name="r") as rollup:
            with pytest.raises(SpecificationError, match=r"cannot (measure|count)") as refused:
                rollup.append(events)
            assert advice in str(refused.value)
            assert rollup.connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        ("approx_histogram_agg([1])", r"take one out of x, as x\[1\]"),
        ("hyper_unique_agg(['a'])", r"take one out of x, as x\[1\]"),
    ],
)
@pytest.mark.native
@pytest.mark.newest_duckdb  # older ones cast to VARCHAR by themselves
def test_a_rollup_says_what_to_write_where_duckdb_finds_no_function(call: str, advice: str) -> None:
    statement = f"SELECT date_trunc('day', ts) AS d, {call} AS h FROM e GROUP BY ALL"
    events = duckdb.sql("SELECT TIMESTAMP '2026-01-01' AS ts").to_arrow_table()
    with Rollup.from_sql(statement, name="r") as rollup, pytest.raises(SpecificationError, match=advice):
        rollup.append(events)
