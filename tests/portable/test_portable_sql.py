"""The functions as SQL sees them: types, NULL, nothing at all, errors, connections."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest
from queries import Ask
from sql_values import REFUSED, SQL_VALUES, column

from duckdb_sketch.portable import register

EMPTY_HLL = bytes.fromhex("0201070c030c0000")
EMPTY_HISTOGRAM = bytes.fromhex("4148010032000000000000")


@pytest.mark.parametrize(
    ("expression", "sql_type"),
    [
        ("hll_sketch_agg(i)", "BLOB"),
        ("hll_sketch_agg(i, 10)", "BLOB"),
        ("hll_union_agg(s)", "BLOB"),
        ("hll_union_agg(s, true)", "BLOB"),
        ("hll_union(any_value(s), any_value(s))", "BLOB"),
        ("hll_union(any_value(s), any_value(s), true)", "BLOB"),
        ("hll_sketch_estimate(any_value(s))", "BIGINT"),
        ("hll_sketch_bounds(any_value(s), 2)", "STRUCT(lower DOUBLE, estimate DOUBLE, upper DOUBLE)"),
        (
            "hll_sketch_describe(any_value(s))",
            "STRUCT(lg_k INTEGER, mode VARCHAR, target_type VARCHAR, compact BOOLEAN, out_of_order BOOLEAN, "
            "coupons BIGINT, estimate DOUBLE, bytes BIGINT)",
        ),
        ("approx_histogram_agg(i)", "BLOB"),
        ("approx_histogram_agg(i, 10)", "BLOB"),
        ("approx_histogram_union_agg(h)", "BLOB"),
        ("approx_histogram_union_agg(h, 10)", "BLOB"),
        ("approx_histogram_union(any_value(h), any_value(h))", "BLOB"),
        ("approx_histogram_quantile(any_value(h), 0.5)", "DOUBLE"),
        ("approx_histogram_quantile(any_value(h), NULL)", "DOUBLE"),
        ("approx_histogram_quantile(any_value(h), [0.5, 1])", "DOUBLE[]"),
        ("approx_histogram_cdf(any_value(h), 3)", "DOUBLE"),
        ("approx_histogram_cdf(any_value(h), [3])", "DOUBLE[]"),
        ("approx_histogram_count_below(any_value(h), 3::FLOAT)", "DOUBLE"),
        ("approx_histogram_count_below(any_value(h), array_value(3, 4))", "DOUBLE[]"),
        ("approx_histogram_quantile_bounds(any_value(h), 0.5)", "STRUCT(lower DOUBLE, estimate DOUBLE, upper DOUBLE)"),
        ("approx_histogram_bins(any_value(h))", "STRUCT(center DOUBLE, count UBIGINT)[]"),
        ("approx_histogram_equi_width(any_value(h), 3)", "STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)[]"),
        ("approx_histogram_equi_depth(any_value(h), 3)", "STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)[]"),
        ("approx_histogram_buckets(any_value(h), [1, 2])", "STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)[]"),
        (
            "approx_histogram_stats(any_value(h))",
            "STRUCT(count UBIGINT, min DOUBLE, max DOUBLE, mean DOUBLE, bins INTEGER, max_bins INTEGER, "
            "non_finite UBIGINT, exact BOOLEAN, rank_error DOUBLE, bytes BIGINT)",
        ),
        ("duckdb_sketch_version()", "VARCHAR"),
    ],
)
def test_types(ask: Ask, expression: str, sql_type: str) -> None:
    query = f"""
        WITH sketches AS (SELECT hll_sketch_agg(i) s, approx_histogram_agg(i) h FROM range(9) t(i))
        SELECT typeof({expression}) FROM sketches, range(9) t(i)
    """
    # DuckDB 2.0 quotes more names than the versions before it.
    assert ask(query).replace('"', "") == sql_type


def test_aggregates_of_nothing_are_empty_sketches(portable: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT hll_sketch_agg(i), hll_sketch_agg(i, 12), hll_union_agg(s), hll_union_agg(s, true),
               approx_histogram_agg(i), approx_histogram_union_agg(s), approx_histogram_union_agg(s, 50)
        FROM (SELECT i, NULL::BLOB s FROM range(9) t(i)) WHERE {}
    """
    expected = (EMPTY_HLL,) * 4 + (EMPTY_HISTOGRAM,) * 3
    assert portable.execute(query.format("false")).fetchone() == expected
    nulls = query.replace("SELECT i,", "SELECT NULL::BIGINT i,")
    assert portable.execute(nulls.format("true")).fetchone() == expected
    untyped = portable.execute("SELECT hll_sketch_agg(NULL), approx_histogram_agg(NULL)").fetchone()
    assert untyped == (EMPTY_HLL, EMPTY_HISTOGRAM)


def test_groups(portable: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT g, hll_sketch_estimate(hll_sketch_agg(x, 14)),
               approx_histogram_stats(approx_histogram_agg(x)).count
        FROM (SELECT i % 3 g, CASE WHEN i % 3 = 1 THEN NULL WHEN i % 2 = 0 THEN i END x FROM range(3000) t(i))
        GROUP BY g ORDER BY g
    """
    assert portable.execute(query).fetchall() == [(0, 500, 500), (1, 0, 0), (2, 500, 500)]


def test_empty_sketches_answer(portable: duckdb.DuckDBPyConnection) -> None:
    portable.execute(
        """
        SELECT hll_sketch_estimate($s), hll_sketch_bounds($s, 3), hll_sketch_describe($s).coupons,
               approx_histogram_quantile($h, 0.5), approx_histogram_quantile($h, [0.5, NULL]),
               approx_histogram_cdf($h, 1), approx_histogram_count_below($h, 1),
               approx_histogram_quantile_bounds($h, 1),
               approx_histogram_bins($h), approx_histogram_equi_width($h, 2), approx_histogram_equi_depth($h, 2),
               approx_histogram_buckets($h, [0, 1])
        """,
        {"s": EMPTY_HLL, "h": EMPTY_HISTOGRAM},
    )
    bounds = {"lower": 0, "estimate": 0, "upper": 0}
    bucket = [{"lower": 0, "upper": 1, "count": 0}]
    assert portable.fetchone() == (0, bounds, 0, None, [None, None], None, 0, None, [], [], [], bucket)
    stats = portable.execute("SELECT unnest(approx_histogram_stats($1))", [EMPTY_HISTOGRAM]).fetchone()
    assert stats == (0, None, None, None, 0, 50, 0, True, 0, 11)


@pytest.mark.parametrize(
    "call",
    [
        "hll_union(s, NULL)",
        "hll_union(s, s, NULL)",
        "hll_sketch_estimate(NULL)",
        "hll_sketch_bounds(s, NULL)",
        "hll_sketch_describe(NULL)",
        "approx_histogram_union(NULL, h)",
        "approx_histogram_quantile(NULL, 0.5)",
        "approx_histogram_quantile(NULL, [0.5])",
        "approx_histogram_quantile(h, NULL::DOUBLE[])",
        "approx_histogram_cdf(h, NULL)",
        "approx_histogram_count_below(h, NULL)",
        "approx_histogram_quantile_bounds(h, NULL)",
        "approx_histogram_bins(NULL)",
        "approx_histogram_equi_width(h, NULL)",
        "approx_histogram_equi_depth(NULL, 3)",
        "approx_histogram_buckets(h, NULL)",
        "approx_histogram_stats(NULL)",
    ],
)
def test_a_scalar_of_a_null_is_null(ask: Ask, call: str) -> None:
    assert ask(f"SELECT {call} FROM (SELECT hll_sketch_agg(1) s, approx_histogram_agg(1) h)") is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("hll_sketch_agg(1, 3)", "hll_sketch_agg: lg_k is 3, and must be from 4 to 21"),
        ("hll_sketch_agg(1, 22)", "hll_sketch_agg: lg_k is 22"),
        ("hll_sketch_agg(1, NULL)", "hll_sketch_agg: lg_k is NULL"),
        ("hll_sketch_estimate('abc')", "hll_sketch_estimate: not an HLL sketch: it starts with 61 62 63"),
        ("hll_sketch_estimate(h)", "hll_sketch_estimate: not an HLL sketch: .* this is an approximate histogram"),
        ("hll_union_agg('abc'::BLOB)", "hll_union_agg: not an HLL sketch"),
        ("hll_union_agg(s || '0'::BLOB)", "hll_union_agg: damaged HLL sketch: 1 bytes follow its end"),
        ("hll_union_agg(s, NULL)", "hll_union_agg: allow_different_lg_k is NULL"),
        ("hll_union(s, hll_sketch_agg(1, 10))", "hll_union: sketches of lg_k 10 and 12"),
        ("hll_sketch_bounds(s, 0)", "hll_sketch_bounds: num_std_dev is 0, and must be 1, 2 or 3"),
        ("hll_sketch_bounds(s, 4)", "hll_sketch_bounds: num_std_dev is 4"),
        ("hll_sketch_describe(s[:5])", "hll_sketch_describe: not an HLL sketch"),
        ("approx_histogram_agg(1, 1)", "approx_histogram_agg: bins is 1, and must be from 2 to 65535"),
        ("approx_histogram_agg(1, 65536)", "approx_histogram_agg: bins is 65536"),
        ("approx_histogram_union_agg(h, NULL)", "approx_histogram_union_agg: bins is NULL"),
        ("approx_histogram_union_agg(s)", "approx_histogram_union_agg: .* this is an HLL sketch"),
        ("approx_histogram_union(h, s)", "approx_histogram_union: not an approximate histogram"),
        ("approx_histogram_quantile(h, 1.01)", "approx_histogram_quantile: q is 1.01, and must be from 0 to 1"),
        ("approx_histogram_quantile(h, ['nan'::DOUBLE])", "approx_histogram_quantile: q is NaN, and must be"),
        ("approx_histogram_cdf(h, 'nan'::DOUBLE)", "approx_histogram_cdf: x is NaN"),
        ("approx_histogram_count_below(h, 'nan'::DOUBLE)", "approx_histogram_count_below: x is NaN"),
        ("approx_histogram_equi_width(h, 0)", "approx_histogram_equi_width: the number of buckets is 0"),
        (
            "approx_histogram_equi_depth(h, 2000000000)",
            "approx_histogram_equi_depth: the number of buckets is 2000000000",
        ),
        (
            "approx_histogram_buckets(h, [2, 1])",
            "approx_histogram_buckets: the edges are out of order: 2 does not come before 1;",
        ),
        ("approx_histogram_buckets(h, [1])", "approx_histogram_buckets: 1 edges were given"),
        ("approx_histogram_buckets(h, [1, NULL, 2])", "approx_histogram_buckets: an edge is NULL"),
        (
            "approx_histogram_stats(''::BLOB)",
            "approx_histogram_stats: not an approximate histogram: it starts with nothing",
        ),
    ],
)
def test_errors_name_the_function_and_the_fault(ask: Ask, call: str, message: str) -> None:
    source = "(SELECT hll_sketch_agg(1) s, approx_histogram_agg(1) h)"
    if "_agg(" in call and not call.startswith("hll_union("):
        call, source = f"hex({call})", f"{source} GROUP BY ALL"
    call = call.replace("hll_sketch_agg(1, 10)", "(SELECT hll_sketch_agg(1, 10))")
    with pytest.raises(duckdb.InvalidInputException, match=message):
        ask(f"SELECT {call} FROM {source.removesuffix(' GROUP BY ALL')}")


@pytest.mark.parametrize("sql_type", REFUSED)
def test_types_that_cannot_be_counted_are_refused(ask: Ask, sql_type: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=r"hll_sketch_agg: values of type .* cannot be counted"):
        ask(f"SELECT hll_sketch_agg({REFUSED[sql_type]}::{sql_type})")


def test_equal_values_are_one_value_in_every_width(ask: Ask) -> None:
    integers = [name for name in SQL_VALUES if name.endswith(("INT", "INTEGER"))]
    assert len(integers) == 10
    widths = [*integers, "DECIMAL(4,1)", "DECIMAL(38,3)", "DECIMAL(38,0)"]
    assert len({ask(f"SELECT hll_sketch_agg(117::{width})") for width in widths}) == 1
    assert ask("SELECT hll_sketch_agg(1.5::FLOAT) = hll_sketch_agg(1.5::DOUBLE)")
    assert ask("SELECT hll_sketch_agg('a') = hll_sketch_agg('a'::ENUM('b', 'a'))")
    assert ask("SELECT hll_sketch_agg(true) = hll_sketch_agg(1)")
    instants = ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"]
    for instant in ("2026-01-01 00:00:00+00", "infinity", "-infinity"):
        assert len({ask(f"SELECT hll_sketch_agg('{instant}'::{name})") for name in instants}) == 1
    uuid = "eeccb8c5-9943-b2bb-bb5e-222f4e14b687"
    assert ask(f"SELECT hll_sketch_agg('{uuid}') = hll_sketch_agg('{uuid}'::UUID)")
    assert ask("SELECT hll_sketch_estimate(hll_sketch_agg(x)) FROM (VALUES (''), (NULL)) t(x)") == 0


@pytest.mark.parametrize(
    "setting", ["arrow_lossless_conversion", "arrow_large_buffer_size", "produce_arrow_string_view"]
)
def test_settings_of_arrow_change_nothing(ask: Ask, setting: str) -> None:
    with duckdb.connect() as connection:
        register(connection)
        connection.execute(f"SET {setting} = true")
        for sql_type, values in SQL_VALUES.items():
            query = f"SELECT hll_sketch_agg(x) FROM {column(sql_type, values)}"
            assert connection.execute(query).fetchone() == (ask(query),), sql_type
        with pytest.raises(duckdb.InvalidInputException, match="cannot be counted"):
            connection.execute("SELECT hll_sketch_agg('101'::BIT)")


def test_what_macros_cannot_do_is_refused(ask: Ask) -> None:
    for call in (
        "hll_sketch_agg(DISTINCT i)",
        "approx_histogram_agg(i) FILTER (i > 3)",
        "hll_sketch_agg(i ORDER BY i)",
    ):
        with pytest.raises(duckdb.InvalidInputException, match="is a Macro Function"):
            ask(f"SELECT {call} FROM range(9) t(i)")


def test_window_frames(portable: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT hll_sketch_estimate(hll_sketch_agg(i) OVER w), approx_histogram_stats(approx_histogram_agg(i) OVER w).max
        FROM range(5) t(i) WINDOW w AS (ORDER BY i ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
    """
    if duckdb.__version__ < "2":
        with pytest.raises(duckdb.CatalogException, match="is not an aggregate function"):
            portable.execute(query)
    else:
        assert portable.execute(query).fetchall() == [(1, 0), (2, 1), (3, 2), (3, 3), (3, 4)]


def test_prepared_points_may_be_numbers_or_lists(ask: Ask) -> None:
    query = "SELECT approx_histogram_quantile(approx_histogram_agg(i), ?) FROM range(11) t(i)"
    assert ask(query, 0.5) == 5
    assert ask(query, [0, 0.5, None, 1]) == [0, 5, None, 10]
    assert ask("SELECT approx_histogram_cdf(approx_histogram_agg(i), ?) FROM range(10) t(i)", math.inf) == 1


def test_blobs_are_whole_behind_coalesce(portable: duckdb.DuckDBPyConnection) -> None:
    """DuckDB before 2.0 frees the memory of a UDF's blobs before the last operator has copied them."""
    for _ in range(20):
        portable.execute("""
            CREATE OR REPLACE TABLE states AS
            SELECT i // 60 AS g, coalesce(hll_sketch_agg(i % 50), ''::BLOB) AS users,
                   coalesce(approx_histogram_agg(i % 50), ''::BLOB) AS prices
            FROM range(3000) t(i) GROUP BY ALL
        """)
        starts = portable.execute("SELECT DISTINCT hex(users[:4]), hex(prices[:4]) FROM states").fetchall()
        assert starts == [("0301070C", "41480100")]


def test_each_connection_registers_for_itself(tmp_path: Path) -> None:
    path = str(tmp_path / "some.duckdb")
    query = "SELECT hll_sketch_estimate(hll_sketch_agg(i)) FROM range(5) t(i)"
    first = duckdb.connect(path)
    register(first)
    register(first)
    second = duckdb.connect(path)
    with pytest.raises(duckdb.CatalogException):
        second.execute(query)
    register(second)
    first.close()
    assert second.execute(query).fetchone() == (5,)
    second.close()
    with duckdb.connect(path, read_only=True) as reader:
        assert reader.execute(
            "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE '%hll%'"
        ).fetchone() == (0,)
        register(reader)
        assert reader.execute(query).fetchone() == (5,)


@pytest.mark.thorough
def test_many_rows_and_groups(portable: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT hll_sketch_agg(i), hll_union_agg(part), approx_histogram_stats(approx_histogram_union_agg(h)).count
        FROM range(200000) t(i) FULL JOIN (
            SELECT hll_sketch_agg(i) part, approx_histogram_agg(i) h FROM range(200000) t(i) GROUP BY i % 300
        ) ON false
    """
    whole, merged, count = portable.execute(query).fetchall()[0]
    assert whole == merged
    assert count == 200_000
