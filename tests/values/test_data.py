"""What sketches are made from: frames, series, arrays and lists of every library."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from processes import needs_nan_parameters
from queries import value

from duckdb_sketch import ApproxHistogram, HllSketch, InvalidInputError, histogram_quantile, hll_estimate

VALUES = [3, 1, 4, 5, 9, 2, 6]


_ELSEWHERE = duckdb.connect()


def _relation(values: list[int]) -> duckdb.DuckDBPyRelation:
    return _ELSEWHERE.sql("SELECT unnest($values) AS x", params={"values": values})


MAKE: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "set": set,
    "keys of a dict": lambda values: dict.fromkeys(values).keys(),
    "Arrow array": pa.array,
    "Arrow chunks": lambda values: pa.chunked_array([values[:4], values[4:]]),
    "Arrow table": lambda values: pa.table({"x": values}),
    "Arrow batch": lambda values: pa.record_batch({"x": values}),
    "Arrow stream": lambda values: pa.table({"x": values}).to_reader(),
    "Polars series": pl.Series,
    "Polars frame": lambda values: pl.DataFrame({"x": values}),
    "Polars lazy frame": lambda values: pl.LazyFrame({"x": values}),
    "pandas series": lambda values: pd.Series(values, name="x y"),
    "pandas series with an index": lambda values: pd.Series(values, index=[f"row {i}" for i in values]),
    "pandas frame with an index": lambda values: pd.DataFrame({"x": values}, index=[f"row {i}" for i in values]),
    "NumPy": np.array,
    "DuckDB relation": _relation,
}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_everything_that_has_a_column_gives_the_same_sketch(make: Callable[[list[Any]], Any]) -> None:
    assert HllSketch.from_values(make(VALUES)) == HllSketch.from_values(VALUES)
    assert ApproxHistogram.from_values(make(VALUES)) == ApproxHistogram.from_values(VALUES)


STATES = ["list", "iterator", "Arrow array", "Arrow chunks", "Arrow table", "Polars series", "pandas series"]


@pytest.mark.parametrize("make", [MAKE[name] for name in STATES], ids=STATES)
def test_states_come_in_columns_of_every_library(make: Callable[[list[Any]], Any]) -> None:
    parts = [HllSketch.from_values(part) for part in (VALUES[:4], VALUES[3:])]
    states = make([bytes(part) for part in parts])
    assert HllSketch.from_states(states) == HllSketch.from_values(VALUES)
    assert hll_estimate(make([bytes(part) for part in parts])).to_pylist() == [4, 4]
    histograms = [bytes(ApproxHistogram.from_values(part)) for part in (VALUES[:4], VALUES[3:])]
    assert ApproxHistogram.from_states(make(histograms)) == ApproxHistogram.from_values([*VALUES, 5])
    assert histogram_quantile(make(histograms), 1).to_pylist() == [5, 9]


@pytest.mark.parametrize(
    ("values", "sql"),
    [
        (["a", "é", ""], "VARCHAR"),
        ([b"a", b"\0"], "BLOB"),
        ([1.5, -0.0, 2.0], "DOUBLE"),
        ([2**63, 2**64 - 1], "UBIGINT"),
        ([True, False], "BOOLEAN"),
        ([dt.date(2026, 1, 1)], "DATE"),
        ([dt.datetime(2026, 1, 1, 12, 30, 0, 5)], "TIMESTAMP"),
        ([decimal.Decimal("1.50")], "DECIMAL(3, 2)"),
        ([uuid.UUID(int=5)], "UUID"),
    ],
    ids=lambda parameter: parameter if isinstance(parameter, str) else "",
)
def test_values_of_python_count_as_those_of_sql(con: duckdb.DuckDBPyConnection, values: list[Any], sql: str) -> None:
    state = value(con, f"SELECT hll_sketch_agg(x) FROM (SELECT unnest(?::{sql}[]) AS x)", values)
    assert bytes(HllSketch.from_values(values)) == state


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", "float32", "float64", "bool", "U1", "M8[us]"])
def test_numpy_types_count_as_arrow_s(dtype: str) -> None:
    array = np.array([0, 1, 1, 3]).astype(dtype)
    assert HllSketch.from_values(array) == HllSketch.from_values(pa.array(array))


@needs_nan_parameters
def test_missing_is_skipped_and_nan_is_a_number() -> None:
    """pandas says NaN where it has nothing; NumPy, Polars and Arrow mean it."""
    for nothing in (pd.Series([np.nan, 1.0]), pd.DataFrame({"x": [np.nan, 1.0]}), pl.Series([None, 1.0]), [None, 1.0]):
        assert HllSketch.from_values(nothing).estimate == 1
        assert ApproxHistogram.from_values(nothing).stats.non_finite == 0
    for nan in (np.array([np.nan, 1.0]), pl.Series([np.nan, 1.0]), pa.array([np.nan, 1.0]), [np.nan, 1.0]):
        assert HllSketch.from_values(nan).estimate == 2
        assert ApproxHistogram.from_values(nan).stats.non_finite == 1


def test_categories_count_as_their_strings() -> None:
    strings = ["a", "b", "a"]
    for categories in (pd.Series(strings, dtype="category"), pl.Series(strings, dtype=pl.Categorical)):
        assert HllSketch.from_values(categories) == HllSketch.from_values(strings)


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame, pl.LazyFrame])
def test_a_column_of_a_frame_is_chosen_by_name(make: Callable[[Any], Any]) -> None:
    columns = {"user id": ["a", "b"], 'say "x"': [1, 1]}
    assert HllSketch.from_values(make(columns), column="user id").estimate == 2
    assert HllSketch.from_values(make(columns), column='say "x"').estimate == 1
    with pytest.raises(InvalidInputError, match='several columns: name one of user id, say "x"'):
        HllSketch.from_values(make(columns))
    with pytest.raises(InvalidInputError, match="no column 'User', but user id"):
        HllSketch.from_values(make(columns), column="User")


def test_nothing_of_a_frame_stays_behind() -> None:
    for count in (3, 5):
        assert HllSketch.from_values(pl.Series(range(count))).estimate == count
    with pytest.raises(InvalidInputError):
        ApproxHistogram.from_values(pl.Series(["a"]))
    assert HllSketch.from_values([1]).estimate == 1


@pytest.mark.parametrize("data", ["abc", b"abc", 5, None, {"a": 1}, HllSketch.from_values([1])], ids=repr)
def test_what_is_no_column_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"a {type(data).__name__} is not a column of values: give a list"):
        HllSketch.from_values(data)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2)), np.array(5), np.array([object()]), np.zeros(2, dtype=[("a", "i4"), ("b", "i4")])]
)
def test_arrays_that_are_no_column_are_refused(array: Any) -> None:
    with pytest.raises(InvalidInputError):
        HllSketch.from_values(array)
