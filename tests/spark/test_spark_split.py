"""Files in portions: every row is in exactly one."""

from __future__ import annotations

from itertools import accumulate, chain
from pathlib import Path

import duckdb
import pytest

from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import count_rows
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.spark.files import plan_of
from duckdb_sketch.spark.split import Split, split

GROUP = 2048  # rows: the fewest that DuckDB writes into a row group


def write(folder: Path, first: int, rows: int, name: str = "") -> File:
    path = folder / (name or f"{first:06}.parquet")
    options = f"(ROW_GROUP_SIZE {GROUP})" if path.suffix == ".parquet" else ""
    duckdb.execute(f"COPY (SELECT i FROM range({first}, {first + rows}) t(i)) TO '{path}' {options}")
    return File.at(str(path))


def ids(one: Split) -> list[int]:
    plan = plan_of(Specification.parse("SELECT date_trunc('day', ts) AS d, max(i) AS i FROM e GROUP BY ALL"), one.files)
    return [i for (i,) in duckdb.execute(f"SELECT i FROM ({one.sql(plan)})").fetchall()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[File]:
    folder = tmp_path_factory.mktemp("[a] files")
    sizes = [10, 3 * GROUP, 0, 700, 5 * GROUP + 3, 1, 1]
    starts = accumulate(sizes, initial=0)
    return [
        write(folder, start, size, f"{n}.parquet") for n, (start, size) in enumerate(zip(starts, sizes, strict=False))
    ]


@pytest.mark.parametrize(
    "most", [699, GROUP - 1, GROUP, GROUP + 1, 2 * GROUP, 3 * GROUP + 9, 5 * GROUP + 2, 99 * GROUP]
)
def test_every_row_is_read_once(files: list[File], most: int) -> None:
    with duckdb.connect() as connection:
        splits = split(connection, files, count_rows(connection, files), most)
    found = [ids(one) for one in splits]
    assert list(chain(*found)) == list(range(8 * GROUP + 715))
    assert max(map(len, found)) <= most


def test_parts_end_where_row_groups_do(files: list[File]) -> None:
    with duckdb.connect() as connection:
        found = split(connection, files[4:5], count_rows(connection, files), 2 * GROUP + 500)
    assert [one.rows for one in found] == [(0, 2 * GROUP), (2 * GROUP, 4 * GROUP), (4 * GROUP, 5 * GROUP + 3)]


def test_small_files_go_together_and_text_stays_whole(tmp_path: Path) -> None:
    files = [write(tmp_path, 1000 * n, 1000) for n in range(9)] + [write(tmp_path, 9000, 5000, "z.csv")]
    with duckdb.connect() as connection:
        found = split(connection, files, count_rows(connection, files), 2500)
    assert [len(one.files) for one in found] == [2, 2, 2, 2, 1, 1]
    assert all(one.rows is None for one in found)
    assert list(chain(*map(ids, found))) == list(range(14_000))
