"""The Arrow types of sketches: columns of them go to Parquet, to pandas and to Polars, and come back."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duckdb_sketch import ApproxHistogram, HllSketch, HyperUniqueSketch, InvalidInputError, hll_estimate
from duckdb_sketch.inspection import inspect

SKETCHES: list[Any] = [HllSketch, ApproxHistogram, HyperUniqueSketch]


def made(sketch: Any) -> list[Any]:
    values: list[Any] = [["a", "b"], ["b"]] if sketch is HyperUniqueSketch else [[1, 2], [2]]
    return [sketch.from_values(values[0]), None, sketch.from_values(values[1])]


@pytest.mark.parametrize("sketch", SKETCHES)
def test_a_column_of_sketches_goes_to_parquet_and_comes_back(sketch: Any, tmp_path: Path) -> None:
    column = sketch.to_arrow(made(sketch))
    assert column.type.extension_name == f"duckdb_sketch.{sketch.family.name}"
    assert column.type.storage_type == pa.binary()
    pq.write_table(pa.table({"users": column}), tmp_path / "a.parquet")
    back = pq.read_table(tmp_path / "a.parquet").column("users")
    assert back.type == sketch.arrow_type()
    assert back.to_pylist() == made(sketch)
    assert sketch.from_states(back) == sketch.from_states(made(sketch))
    (summary,) = inspect(tmp_path / "a.parquet")
    assert summary.kind == sketch.family.name
    assert (summary.rows, summary.nulls) == (3, 1)


@pytest.mark.parametrize("sketch", SKETCHES)
def test_sketch_objects_of_pandas_go_to_parquet_and_come_back(sketch: Any) -> None:
    frame = pd.DataFrame({"page": [1, 2, 3], "users": made(sketch)})
    file = io.BytesIO()
    frame.assign(users=pd.arrays.ArrowExtensionArray(sketch.to_arrow(frame.users))).to_parquet(file)
    back = pd.read_parquet(file, dtype_backend="pyarrow")
    assert back.users[0] == made(sketch)[0]
    assert back.users.isna().tolist() == [False, True, False]
    assert sketch.from_states(back.users) == sketch.from_states(made(sketch))


def test_sketch_objects_of_polars_go_to_arrow() -> None:
    series = pl.Series("users", made(HllSketch), dtype=pl.Object)
    assert HllSketch.to_arrow(series).to_pylist() == made(HllSketch)


def test_every_reader_of_arrow_has_the_bytes() -> None:
    column = HllSketch.to_arrow(made(HllSketch))
    assert column.storage.to_pylist() == [None if each is None else bytes(each) for each in made(HllSketch)]
    assert hll_estimate(column).to_pylist() == [2, None, 1]


def test_nothing_is_a_column_of_nothing() -> None:
    for nothing in ([], [None]):
        assert HllSketch.to_arrow(nothing).to_pylist() == nothing


def test_the_type_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(HllSketch.arrow_type())) == HllSketch.arrow_type()


def test_states_of_another_family_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="histogram"):
        HllSketch.to_arrow(made(ApproxHistogram))


def test_a_column_of_sketches_is_not_counted_as_values() -> None:
    column = HllSketch.to_arrow(made(HllSketch))
    for data in (column, pd.Series(pd.arrays.ArrowExtensionArray(column))):
        with pytest.raises(InvalidInputError, match="merge them with from_states"):
            HllSketch.from_values(data)
