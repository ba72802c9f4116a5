"""Values of Python, NumPy, pandas, Polars and Arrow count as those of the same type in SQL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from queries import value

from duckdb_sketch import ApproxHistogram, HllSketch, InvalidInputError, hll_estimate

A, B = HllSketch.from_values([1]), HllSketch.from_values([2])
NANOSECOND = "2026-01-01 00:00:00.000000001"


def same(data: Any, values: Any) -> bool:
    return HllSketch.from_values(data) == HllSketch.from_values(values)


# Lists that mix types


def test_one_next_to_two_and_a_half_counts_as_the_integer_that_it_is() -> None:
    mixed = HllSketch.from_values([1, 2, 2.5])
    assert (mixed | HllSketch.from_values([1, 2])).estimate == 3
    assert (mixed | HllSketch.from_values([2.5])).estimate == 3


MIXED: list[Any] = [1, 2.5, "1", b"b", Decimal("1.5"), dt.date(2026, 1, 1), dt.datetime(2026, 1, 1), None, True]


@pytest.mark.parametrize(
    "make",
    [
        list,
        iter,
        set,
        lambda values: values[::-1],
        lambda values: np.array(values, dtype=object),
        lambda values: pd.Series(values, dtype=object),
        lambda values: pd.DataFrame({"x": pd.Series(values, dtype=object)}),
        lambda values: pl.Series(values, dtype=pl.Object),
        lambda values: pl.DataFrame({"x": pl.Series(values, dtype=pl.Object)}),
    ],
)
def test_each_value_of_a_mixed_column_counts_as_in_a_column_of_its_type(
    con: duckdb.DuckDBPyConnection, make: Any
) -> None:
    columns = [
        "VALUES (1::BIGINT), (NULL)", "VALUES (2.5::DOUBLE)", "VALUES ('1')", "VALUES ('b'::BLOB)",
        "VALUES (1.5::DECIMAL(2, 1))", "VALUES (DATE '2026-01-01')", "VALUES (TIMESTAMP '2026-01-01')",
    ]  # fmt: skip
    states = [value(con, f"SELECT hll_sketch_agg(x) FROM ({column}) AS t(x)") for column in columns]
    assert HllSketch.from_values(make(MIXED)) == HllSketch.from_states(states)


def test_a_mixed_list_of_numbers_is_one_distribution() -> None:
    mixed = ApproxHistogram.from_values([3, Decimal("1.5"), 2.5, np.int8(1)])
    assert mixed == ApproxHistogram.from_values([3.0, 1.5, 2.5, 1.0])


def test_large_integers_next_to_a_fraction_are_not_rounded() -> None:
    assert HllSketch.from_values([2**62, 2**62 + 1, 0.5]).estimate == 3


def test_times_with_and_without_a_zone_do_not_depend_on_that_of_the_machine() -> None:
    naive, aware = dt.datetime(2026, 1, 1, 5), dt.datetime(2026, 1, 1, 5, tzinfo=dt.timezone.utc)
    assert HllSketch.from_values([naive, aware]) == HllSketch.from_values([naive])


# NumPy


@pytest.mark.parametrize("make", [list, set, tuple, iter, lambda array: pd.Series(list(array), dtype=object)])
def test_numpy_scalars_count_as_their_array(make: Any) -> None:
    for array in (np.arange(3), np.arange(3, dtype="u1"), np.arange(3) / 2, np.array(["a", "b"]), np.array([True])):
        assert same(make(array), array)


SCALARS: list[tuple[Any, Any]] = [
    (np.int8(-1), -1),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.bool_(True), 1),
    (np.float16(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.longdouble(1.5), 1.5),
    (np.str_("a"), "a"),
    (np.bytes_(b"a"), b"a"),
    (np.datetime64("2026-01-01"), dt.date(2026, 1, 1)),
    (np.datetime64("2026-01"), dt.date(2026, 1, 1)),
    (np.datetime64("2026-01-01T05", "h"), dt.datetime(2026, 1, 1, 5)),
    (np.datetime64("2026-01-01T05:00:00", "ns"), dt.datetime(2026, 1, 1, 5)),
    (pd.Timestamp("2026-01-01 05:00"), dt.datetime(2026, 1, 1, 5)),
]


@pytest.mark.parametrize(("scalar", "plain"), SCALARS, ids=lambda scalar: repr(scalar))
def test_a_scalar_counts_as_its_python_value(scalar: Any, plain: Any) -> None:
    assert same([scalar], [plain])
    assert same([scalar, None], [plain])


@pytest.mark.parametrize("nothing", [None, pd.NA, pd.NaT, np.datetime64("NaT"), np.datetime64("NaT", "ns")])
def test_what_is_missing_is_skipped(nothing: Any) -> None:
    assert HllSketch.from_values([nothing]).estimate == 0
    assert HllSketch.from_values([nothing, "a"]).estimate == 1


@pytest.mark.newest_duckdb
def test_nanoseconds_are_kept(con: duckdb.DuckDBPyConnection) -> None:
    state = value(con, f"SELECT hll_sketch_agg(TIMESTAMP_NS '{NANOSECOND}')")
    series = pd.Series(pd.to_datetime([NANOSECOND]).as_unit("ns"))
    for data in (
        [np.datetime64(NANOSECOND)],
        [pd.Timestamp(NANOSECOND)],
        [pd.Timestamp(NANOSECOND, tz="UTC")],
        series,
        series.dt.tz_localize("UTC"),
        series.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        pa.array(series),
        pa.array(series.dt.tz_localize("UTC")),
        pl.Series([series[0].value], dtype=pl.Datetime("ns", "UTC")),
    ):
        assert bytes(HllSketch.from_values(data)) == state


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"])
def test_every_unit_of_datetime64_counts_as_its_scalars(unit: str) -> None:
    array = np.array(["2026-01-01", "2026-03-05", "NaT"], dtype=f"M8[{unit}]")
    assert same(array, list(array))


@pytest.mark.parametrize("dtype", [">i8", ">f8", "f2"])
def test_arrays_of_other_layouts_count_as_their_values(dtype: str) -> None:
    assert same(np.array([1, 2]).astype(dtype), np.array([1, 2]).astype("f8" if "f" in dtype else "i8"))


@pytest.mark.parametrize("scalar", [1j, np.complex128(1j), np.datetime64(1, "ps"), np.void(b"a")])
def test_what_sql_has_no_type_for_is_named(scalar: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"complex|finer than nanoseconds|not a value"):
        HllSketch.from_values([scalar])


# Frames


NOTHING: dict[str, Any] = {
    "list": [],
    "Polars": pl.Series([]),
    "Polars, all null": pl.Series([None, None]),
    "Polars frame, all null": pl.DataFrame({"x": [None, None]}),
    "Polars objects": pl.Series([], dtype=pl.Object),
    "pandas": pd.Series([], dtype=object),
    "pandas, all null": pd.Series([None, None]),
    "pandas, NA": pd.Series([pd.NA]),
    "categories": pd.Series([], dtype="category"),
    "Arrow": pa.nulls(2),
    "NumPy": np.array([]),
    "NumPy objects": np.array([None], dtype=object),
}


@pytest.mark.parametrize("data", NOTHING.values(), ids=NOTHING)
def test_nothing_is_an_empty_sketch(data: Any) -> None:
    assert HllSketch.from_values(data).estimate == 0
    assert HllSketch.from_states(data).estimate == 0


TEXTS = ["a", "b", "a"]


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (pl.Series(TEXTS, dtype=pl.Enum(["b", "a"])), TEXTS),
        (pd.Series(TEXTS, dtype=pd.CategoricalDtype(["z", "b", "a"])), TEXTS),
        (pd.Categorical(TEXTS), TEXTS),
        (pa.array(TEXTS).dictionary_encode(), TEXTS),
        (pa.array(TEXTS, pa.large_string()), TEXTS),
        (pa.array(TEXTS, pa.string_view()), TEXTS),
        (pa.array([1, 2]).dictionary_encode(), [1, 2]),
        (pl.Series([2**70], dtype=pl.Int128), [2**70]),
        (pl.Series([Decimal("1.50")]), [Decimal("1.5")]),
        (pd.Series([Decimal("1.50"), Decimal("2")]), [Decimal("1.5"), 2]),
        (pl.Series([dt.time(1, 2, 3)]), [dt.time(1, 2, 3)]),
        (pa.array([3_723_000_000_000], pa.time64("ns")), [dt.time(1, 2, 3)]),
        (pd.array([1, None], dtype="Int64"), [1]),
        (pd.Series([1, "a", None], dtype=object), [1, "a"]),
        (pd.Series([np.int64(5)], dtype=object), [5]),
    ],
)
def test_columns_of_every_type_count_as_their_values(data: Any, values: list[Any]) -> None:
    assert same(data, values)


@pytest.mark.newest_duckdb
def test_times_of_day_keep_their_nanoseconds() -> None:
    assert HllSketch.from_values(pa.array([1, 2, 1000], pa.time64("ns"))).estimate == 3


# Columns of sketches


SKETCHES: dict[str, Any] = {
    "list": [A, None, B],
    "pandas": pd.Series([A, None, B]),
    "pandas frame": pd.DataFrame({"users": [A, None, B]}),
    "pandas, some as bytes": pd.Series([A, None, bytes(B)]),
    "Polars": pl.Series([A, None, B], dtype=pl.Object),
    "Polars frame": pl.DataFrame({"users": pl.Series([A, None, B], dtype=pl.Object)}),
    "NumPy": np.array([A, None, B], dtype=object),
}


@pytest.mark.parametrize("data", SKETCHES.values(), ids=SKETCHES)
def test_sketch_objects_in_a_column_are_states(data: Any) -> None:
    assert HllSketch.from_states(data) == A | B
    assert hll_estimate(data).to_pylist() == [1, None, 1]


@pytest.mark.parametrize("data", SKETCHES.values(), ids=SKETCHES)
def test_sketch_objects_are_not_counted_as_values(data: Any) -> None:
    with pytest.raises(InvalidInputError, match="merge them with from_states"):
        HllSketch.from_values(data)


@pytest.mark.parametrize("data", [SKETCHES["list"], SKETCHES["pandas"], SKETCHES["Polars"]])
def test_sketch_objects_of_another_family_are_named(data: Any) -> None:
    with pytest.raises(InvalidInputError, match="histogram"):
        ApproxHistogram.from_states(data)
