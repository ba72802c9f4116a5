"""Questions to whole columns of states: Arrow in, Arrow out."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from duckdb_sketch import (
    ApproxHistogram,
    HllSketch,
    InvalidInputError,
    histogram_cdf,
    histogram_quantile,
    histogram_stats,
    hll_bounds,
    hll_estimate,
)

USERS = [HllSketch.from_values(range(n)) for n in (0, 5, 3000)]
PRICES = [ApproxHistogram.from_values(range(n)) for n in (0, 5, 3000)]


def test_answers_come_row_by_row() -> None:
    assert hll_estimate([*USERS, None]).to_pylist() == [*(sketch.estimate for sketch in USERS), None]
    assert hll_bounds([*USERS, None], 3).to_pylist() == [*(sketch.bounds(3)._asdict() for sketch in USERS), None]
    assert histogram_quantile([*PRICES, None], 0.5).to_pylist() == [*(h.quantile(0.5) for h in PRICES), None]
    several = histogram_quantile([*PRICES, None], np.array([0.1, 0.9]))
    assert several.to_pylist() == [*(h.quantile([0.1, 0.9]) for h in PRICES), None]
    assert histogram_cdf(PRICES, 2).to_pylist() == [h.cdf(2) for h in PRICES]
    assert histogram_stats(PRICES).to_pylist() == [h.stats._asdict() for h in PRICES]


def test_their_types_do_not_depend_on_the_rows() -> None:
    for states in ([], [None], USERS):
        assert hll_estimate(states).type == pa.int64()
    for states in ([], [None], PRICES):
        assert histogram_quantile(states, 1).type == pa.float64()
        assert histogram_quantile(states, [1]).type == pa.list_(pa.float64())
        assert histogram_quantile(states, []).type == pa.list_(pa.float64())


@pytest.mark.native
def test_a_long_column_keeps_its_order() -> None:
    """Longer than DuckDB's batches, so that several threads answer."""
    states = [bytes(HllSketch.from_values(range(n))) for n in range(4)]
    column = pa.chunked_array(
        [pa.array([states[i % 4] for i in range(chunk, chunk + 150_000)]) for chunk in (0, 150_000)]
    )
    assert np.array_equal(hll_estimate(column).to_numpy(), np.arange(300_000) % 4)


def test_answers_go_back_into_a_frame(con: duckdb.DuckDBPyConnection) -> None:
    hours = con.sql(
        "SELECT i % 3 AS hour, hll_sketch_agg(i) AS users FROM range(99) t(i) GROUP BY ALL ORDER BY ALL"
    ).pl()
    answered = hours.with_columns(pl.Series("different", hll_estimate(hours["users"])))
    assert answered.select("hour", "different").rows() == [(0, 33), (1, 33), (2, 33)]
    assert con.sql("SELECT sum(different) FROM answered").fetchall() == [(99,)]


def test_a_wrong_state_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"hll_sketch_estimate: .*this is an approximate histogram"):
        hll_estimate([*USERS, PRICES[1]])
    with pytest.raises(InvalidInputError, match="q is -1, and must be from 0 to 1"):
        histogram_quantile(PRICES, [0.5, -1])
