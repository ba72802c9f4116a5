"""Numbers in the names of folders: the same in any order, and never two texts as one value unless that is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.rollup import Rollup, SourceError


def write(folder: Path, key: str) -> None:
    (folder / key).mkdir(exist_ok=True)
    rows = "SELECT TIMESTAMP '2026-01-01' AS ts, 1 AS x"
    duckdb.execute(f"COPY ({rows}) TO '{folder / key / 'a.parquet'}'")


def rollup_of(folder: Path, types: str = "", database: Any = ":memory:") -> Rollup:
    source = f"read_parquet('{folder}/*/*.parquet'{f', hive_types = {{{types}}}' if types else ''})"
    statement = "SELECT date_trunc('day', ts) AS d, k, sum(x) AS x FROM e GROUP BY ALL"
    return Rollup.from_sql(statement, name="r", sources={"e": source}, database=database)


def rows(rollup: Rollup) -> list[tuple[Any, ...]]:
    return rollup.connection.execute("SELECT k, x FROM r ORDER BY ALL").fetchall()


@pytest.mark.parametrize("order", [("09", "10"), ("10", "09")])
@pytest.mark.parametrize("at_once", [True, False])
def test_zeros_at_the_beginning_do_not_change_a_number(tmp_path: Path, order: tuple[str, str], at_once: bool) -> None:
    with rollup_of(tmp_path) as rollup:
        for month in order:
            write(tmp_path, f"k={month}")
            if not at_once:
                rollup.refresh()
        rollup.refresh()
        assert rows(rollup) == [(9, 1), (10, 1)]


@pytest.mark.parametrize("order", [("09", "9"), ("9", "09")])
@pytest.mark.parametrize("at_once", [True, False])
def test_two_texts_of_one_number_are_asked_about(tmp_path: Path, order: tuple[str, str], at_once: bool) -> None:
    database = tmp_path / "r.duckdb"
    with rollup_of(tmp_path, database=database) as rollup:
        for month in order:
            write(tmp_path, f"k={month}")
            if not at_once and month == order[0]:
                rollup.refresh()
        with pytest.raises(
            SourceError, match=r"k is 0?9, and another one that it is 0?9.*hive_types = \{'k': BIGINT\}"
        ):
            rollup.refresh()
    with rollup_of(tmp_path, "'k': BIGINT", database) as rollup:  # as the ledger has it
        rollup.refresh()
        assert rows(rollup) == [(9, 2)]
    with rollup_of(tmp_path, "'k': VARCHAR") as rollup:
        rollup.refresh()
        assert rows(rollup) == [("09", 1), ("9", 1)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("DECIMAL(4, 1)", "1.25"), ("DATE", "2026-01-01 10:00:00"), ("FLOAT", "16777217"), ("INT8", "x")],
)
def test_a_folder_is_not_rounded_to_its_declared_type(tmp_path: Path, kind: str, value: str) -> None:
    write(tmp_path, f"k={value}")
    with (
        rollup_of(tmp_path, f"'k': '{kind}'") as rollup,
        pytest.raises(SourceError, match=f"the folder says that k is {value}, which does not fit "),
    ):
        rollup.refresh()
