"""Sketches in columns of objects are neither values nor text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from duckdb_sketch import ApproxHistogram, HllSketch
from duckdb_sketch.rollup import Rollup, SourceError

DAY = datetime(2026, 1, 1)
HELD = {"HllSketch": HllSketch.from_values([1, 2]), "ApproxHistogram": ApproxHistogram.from_values([1, 2])}
FRAMES: dict[str, Any] = {
    "pandas": lambda held: pd.DataFrame({"ts": [DAY, DAY], "users": [None, held]}),
    "Polars": lambda held: pl.DataFrame({"ts": [DAY, DAY], "users": pl.Series([None, held], dtype=pl.Object)}),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("family", HELD)
@pytest.mark.parametrize("aggregate", ["hll_sketch_agg", "hll_union_agg"])
def test_objects_in_a_frame_that_is_counted_are_refused_by_name(make: Any, family: str, aggregate: str) -> None:
    statement = f"SELECT date_trunc('day', ts) AS day, {aggregate}(users) AS users FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r") as rollup:
        with pytest.raises(SourceError, match=rf"column users holds {family} objects: give {family}.to_arrow\("):
            rollup.append(make(HELD[family]), batch_id="1")
        assert not rollup.has_batch("1")


def test_what_to_give_in_their_place_is_merged() -> None:
    statement = "SELECT date_trunc('day', ts) AS day, hll_union_agg(users) AS users FROM e GROUP BY ALL"
    frame = FRAMES["pandas"](HELD["HllSketch"])
    with Rollup.from_sql(statement, name="r") as rollup:
        rollup.append(pa.table({"ts": [DAY, DAY], "users": HllSketch.to_arrow(frame.users)}))
        assert rollup.connection.execute("SELECT hll_sketch_estimate(users) FROM r").fetchall() == [(2,)]


def test_columns_of_sketches_are_not_counted_as_values() -> None:
    statement = "SELECT date_trunc('day', ts) AS day, hll_sketch_agg(users) AS users FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r") as rollup, pytest.raises(SourceError, match="hll_union_agg"):
        rollup.append(pa.table({"ts": [DAY], "users": HllSketch.to_arrow([HELD["HllSketch"]])}))


def test_a_lazy_frame_is_counted() -> None:
    with Rollup.from_sql("SELECT date_trunc('day', ts) AS day, count(*) AS n FROM e GROUP BY ALL", name="r") as rollup:
        assert rollup.append(pl.LazyFrame({"ts": [DAY]})).rows == 1
