"""Histograms of columns like real ones, directly and through merges: how far off their quantiles are."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from queries import column, value

from benchmarks.columns.catalog import COLUMNS
from benchmarks.distributions import QUANTILES, Floats, rank_errors

pytestmark = pytest.mark.newest_duckdb

SIZE = 48_000
PARTS = 96
BY_NAME = {each.name: each for each in COLUMNS}
# The largest error of rank in percent, directly or all at once, and after a chain of unions.
EXPECTED = {
    "exponential": (0.5, 0.9),
    "lognormal (2)": (0.5, 1.0),
    "log-uniform, 1e±9": (0.8, 1.5),
    "log-uniform, 1e±60": (3.0, 5.0),
    "two normals far apart": (0.6, 1.0),
    "price points in a continuum": (0.6, 1.5),
    "prices of x.99": (1.2, 1.6),
    "delays": (0.6, 1.0),
    "ages": (0.6, 1.0),
    "geometric (0.02)": (0.8, 1.0),
    "cents, lognormal (1, 1)": (0.6, 1.0),
}


def errors(con: duckdb.DuckDBPyConnection, blob: bytes, ordered: Floats) -> float:
    found = value(con, "SELECT approx_histogram_quantile($1, $2::DOUBLE[])", blob, QUANTILES.tolist())
    return 100 * float(rank_errors(ordered, QUANTILES, np.array(found)).max())


@pytest.mark.parametrize("name", EXPECTED)
def test_quantiles_of_columns_directly_and_merged(con: duckdb.DuckDBPyConnection, name: str) -> None:
    values = BY_NAME[name].values(SIZE)
    con.register("arrow", pa.table({"x": values, "part": np.arange(SIZE) // (SIZE // PARTS)}))
    con.execute("CREATE TABLE t AS FROM arrow")
    con.execute("CREATE TABLE hours AS SELECT approx_histogram_agg(x) AS h FROM t GROUP BY part ORDER BY part")
    ordered = np.sort(values)
    once, chained = EXPECTED[name]
    assert errors(con, value(con, "SELECT approx_histogram_agg(x) FROM t"), ordered) <= once
    assert errors(con, value(con, "SELECT approx_histogram_union_agg(h) FROM hours"), ordered) <= once
    first, *rest = column(con, "SELECT h FROM hours")
    for hour in rest:
        first = value(con, "SELECT approx_histogram_union($1, $2)", first, hour)
    assert errors(con, first, ordered) <= chained


@pytest.mark.parametrize(
    ("sql", "scale"),
    [("BIGINT", 0), ("DECIMAL(12, 2)", 2), ("DECIMAL(18, 9)", 9), ("FLOAT", 0)],
)
def test_answers_lie_on_the_grid_of_the_values(con: duckdb.DuckDBPyConnection, sql: str, scale: int) -> None:
    step = 10**scale
    con.execute(
        f"CREATE TABLE t AS SELECT (hash(i) % 3001 / {step})::{sql} AS x, i % 30 AS part FROM range(30_000) r(i)"
    )
    parts = "SELECT approx_histogram_agg(x) AS h FROM t GROUP BY part"
    for query in ("SELECT approx_histogram_agg(x) FROM t", f"SELECT approx_histogram_union_agg(h) FROM ({parts})"):
        h = value(con, query)
        found = np.array(value(con, "SELECT approx_histogram_quantile($1, $2::DOUBLE[])", h, QUANTILES.tolist()))
        assert (np.round(found * step) / step == found).all()
        # The inverse: at the answer the fraction is reached, one step before it is not.
        reached = np.array(value(con, "SELECT approx_histogram_cdf($1, $2::DOUBLE[])", h, found.tolist()))
        before = np.array(value(con, "SELECT approx_histogram_cdf($1, $2::DOUBLE[])", h, (found - 1 / step).tolist()))
        assert (reached >= QUANTILES - 1e-9).all()
        assert (before <= QUANTILES + 1e-9).all()
        between = np.array(
            value(con, "SELECT approx_histogram_cdf($1, $2::DOUBLE[])", h, (found + 0.4 / step).tolist())
        )
        assert (between == reached).all()


def test_values_of_which_one_is_off_the_grid_have_none(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT approx_histogram_agg(CASE WHEN i = 777 THEN 1 / 3 ELSE hash(i) % 3001 END) FROM range(30_000) r(i)"
    found = np.array(
        value(con, "SELECT approx_histogram_quantile($1, $2::DOUBLE[])", value(con, query), QUANTILES.tolist())
    )
    assert (np.round(found) != found).any()
