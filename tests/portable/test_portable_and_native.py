"""The two backends: the same bytes in, the same bytes and answers out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from peers import TARGET_TYPES, images
from sql_values import REFUSED, SQL_VALUES, column

import duckdb_sketch


@pytest.fixture(scope="module")
def native() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_sketch.connect() as connection:
        yield connection


def both(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """The rows, which must be alike."""
    ours = portable.execute(query).fetchall()
    theirs = native.execute(query).fetchall()
    assert ours == theirs
    return ours


@pytest.mark.parametrize("lg_k", [4, 12])
@pytest.mark.parametrize("sql_type", SQL_VALUES)
def test_each_value_of_each_type_has_the_same_coupon(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, sql_type: str, lg_k: int
) -> None:
    both(native, portable, f"SELECT hll_sketch_agg(x, {lg_k}) FROM {column(sql_type, SQL_VALUES[sql_type])}")
    for value in SQL_VALUES[sql_type]:
        both(native, portable, f"SELECT hll_sketch_agg(CAST({value} AS {sql_type}), {lg_k})")


@pytest.mark.parametrize("lg_k", [4, 7, 8, 12, 14, 21])
def test_every_mode_has_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, lg_k: int
) -> None:
    for count in [0, 7, 8, 24, 25, 384, 385, 5000, 100_000]:
        # One row more, so that the extension learns of lg_k where there are no values.
        both(native, portable, f"SELECT hll_sketch_agg(nullif(i, 0), {lg_k}) FROM range({count + 1}) t(i)")


@pytest.mark.parametrize("target_type", TARGET_TYPES)
@pytest.mark.parametrize("lg_k", [4, 8, 12])
def test_every_image_of_datasketches_is_read_alike(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, lg_k: int, target_type: str
) -> None:
    query = """
        SELECT hll_sketch_estimate($1), hll_sketch_bounds($1, 1), hll_sketch_describe($1), hll_union($1, $1)
    """
    for count in [0, 5, 20, 300, 1000, 50_000]:
        for _, blob in images(lg_k, target_type, count):
            (ours,) = portable.execute(query, [blob]).fetchall()
            (theirs,) = native.execute(query, [blob]).fetchall()
            assert ours[0] == theirs[0]
            for name in ("lower", "estimate", "upper"):
                assert ours[1][name] == pytest.approx(theirs[1][name], rel=1e-12)
            assert ours[2] == theirs[2] | {"estimate": pytest.approx(theirs[2]["estimate"], rel=1e-12)}
            assert ours[3] == theirs[3]


@pytest.mark.parametrize("sql_type", REFUSED)
def test_the_same_types_are_refused(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, sql_type: str
) -> None:
    for connection in (native, portable):
        with pytest.raises(duckdb.Error, match="cannot be counted"):
            connection.execute(f"SELECT hll_sketch_agg({REFUSED[sql_type]}::{sql_type})")


VALUES = {
    "nothing": "NULL::DOUBLE",
    "exact": "(i % 47) / 7",
    "uniform": "hash(i) % 1000003",
    "lognormal": "exp(4 * sin(i * 12.9898))",
    "with the rest": "CASE WHEN i % 7 = 0 THEN 'nan'::DOUBLE WHEN i % 11 = 0 THEN '-inf'::DOUBLE ELSE i ** 3 END",
}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("bins", [2, 5, 50, 1000])
def test_small_histograms_have_the_same_bytes_and_answers(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, values: str, bins: int
) -> None:
    """As long as the extension merges no bins on the way, it does what pooling everything does."""
    both(native, portable, f"SELECT approx_histogram_agg({VALUES[values]}, {bins}) FROM range(2000) t(i)")
    parts = f"(SELECT approx_histogram_agg({VALUES[values]}, {bins}) h FROM range(2000) t(i) GROUP BY i % 3)"
    ((merged,),) = both(native, portable, f"SELECT approx_histogram_union_agg(h) FROM {parts}")
    query = """
        SELECT approx_histogram_quantile($1, [i / 100 FOR i IN range(0, 101)]),
               approx_histogram_count_below($1, [-1, 0, 0.5, 1, 3, 1e3, 1e6, 'inf'::DOUBLE]),
               approx_histogram_cdf($1, [0, 10, 1e5]),
               [approx_histogram_quantile_bounds($1, q) FOR q IN [0, 0.01, 0.37, 0.999, 1]],
               approx_histogram_bins($1),
               approx_histogram_equi_width($1, 7),
               approx_histogram_equi_depth($1, 7),
               approx_histogram_buckets($1, [-1, 0, 1, 100, 1e9]),
               approx_histogram_stats($1)
    """
    (ours,) = portable.execute(query, [merged]).fetchall()
    (theirs,) = native.execute(query, [merged]).fetchall()
    for our, their in zip(ours, theirs, strict=True):
        assert flat(our) == pytest.approx(flat(their), rel=1e-9, abs=1e-9, nan_ok=True)


def flat(answer: object) -> list[object]:
    """The numbers of nested lists and structs, in order; NaN for NULL."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        return [number for part in answer for number in flat(part)]
    return [math.nan if answer is None else answer]


def test_portable_functions_stand_in_for_native_ones(native: duckdb.DuckDBPyConnection) -> None:
    """On the connection that asks for them, and on no other."""
    connection = native.cursor()
    duckdb_sketch.load(connection, backend="portable")
    query = "SELECT function_type FROM duckdb_functions() WHERE function_name = 'hll_sketch_agg' ORDER BY 1"
    assert {kind for (kind,) in connection.execute(query).fetchall()} == {"aggregate", "macro"}
    with pytest.raises(duckdb.InvalidInputException, match="is a Macro Function"):
        connection.execute("SELECT hll_sketch_agg(DISTINCT 1)")
    assert native.execute("SELECT hll_sketch_estimate(hll_sketch_agg(DISTINCT 1))").fetchone() == (1,)
