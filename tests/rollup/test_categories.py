"""Categories of pandas and dictionaries of Arrow: values count as their strings, whichever others there are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from duckdb_sketch import Rollup

STATEMENT = """
    SELECT date_trunc('day', ts) AS day, page, count(*) AS visits, hll_sketch_agg(page) AS pages FROM e GROUP BY ALL
"""
DAY = pd.Timestamp("2026-01-01")


def frame(pages: list[str | None], dtype: Any) -> pd.DataFrame:
    return pd.DataFrame({"ts": [DAY] * len(pages), "page": pd.Series(pages, dtype=dtype)})


BATCHES = [["a", "b", "a"], ["c", None], ["a"]]
MAKE: dict[str, Any] = {
    "categories": lambda pages: frame(pages, "category"),
    "categories that are not there": lambda pages: frame(pages, pd.CategoricalDtype(["z", *"cba"])),
    "strings": lambda pages: frame(pages, "str"),
    "Arrow dictionary": lambda pages: pa.table(
        {"ts": [DAY.to_pydatetime()] * len(pages), "page": pa.array(pages).dictionary_encode()}
    ),
    "Polars categories": lambda pages: pl.DataFrame(
        {"ts": [DAY.to_pydatetime()] * len(pages), "page": pl.Series(pages, dtype=pl.Categorical)}
    ),
}


@pytest.mark.parametrize("first", MAKE.values(), ids=MAKE)
def test_batches_with_other_categories_are_one_dimension(first: Any) -> None:
    with Rollup.from_sql(STATEMENT, name="r") as rollup:
        for pages, make in zip(BATCHES, [first, MAKE["categories"], MAKE["strings"]], strict=True):
            rollup.append(make(pages))
        rows = rollup.connection.sql(
            "SELECT page, visits, hll_sketch_estimate(pages) FROM r ORDER BY page NULLS LAST"
        ).fetchall()
    assert rows == [("a", 3, 1), ("b", 1, 1), ("c", 1, 1), (None, 1, 0)]
