"""Which files `inspect`, `show` and `plot` read: one literal name, or the data files of a folder."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from duckdb_sketch import HllSketch, Rollup
from duckdb_sketch.cli.app import app
from duckdb_sketch.errors import SketchError
from duckdb_sketch.inspection import inspect
from duckdb_sketch.summary import DistinctSummary


def write(path: Path, count: int) -> Path:
    """A file with one sketch of so many values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"users": [bytes(HllSketch.from_values(range(count)))]}), path)
    return path


def estimate(path: Path) -> float:
    (summary,) = inspect(path)
    assert isinstance(summary.content, DistinctSummary)
    return summary.content.estimates[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "80"})


@pytest.mark.parametrize(
    ("name", "other"),
    [("z[1].parquet", "z1.parquet"), ("a*.parquet", "ab.parquet"), ("q?.parquet", "q1.parquet"), ("[!x].pq", "y.pq")],
)
def test_a_name_of_glob_characters_is_literal(tmp_path: Path, name: str, other: str) -> None:
    file = write(tmp_path / name, 7)
    write(tmp_path / other, 3)
    assert round(estimate(file)) == 7
    shown = run("show", file)
    assert "1 row\n" in shown.stdout
    assert "7 distinct" in shown.stdout
    picture = tmp_path / "picture.svg"
    assert "has no column of times" in str(run("plot", file, "-o", picture).exception)


def test_a_folder_of_glob_characters_is_literal(tmp_path: Path) -> None:
    file = write(tmp_path / "day[1]" / "a.parquet", 7)
    write(tmp_path / "day1" / "a.parquet", 3)
    assert round(estimate(file)) == round(estimate(file.parent)) == 7


def test_a_folder_is_its_data_files(tmp_path: Path) -> None:
    write(tmp_path / "out" / "part-0.parquet", 5)
    write(tmp_path / "out" / "country=de" / "part-1.parquet", 9)
    for name in ("_temporary/0/part-2.parquet", ".part-3.parquet", "_part.parquet"):
        write(tmp_path / "out" / name, 1000)
    (tmp_path / "out" / "_SUCCESS").touch()
    (tmp_path / "out" / "loop").symlink_to(".")
    (summary,) = inspect(tmp_path / "out")
    assert summary.rows == 2
    assert round(estimate(tmp_path / "out")) == 9
    assert summary.column.table == "out"


def test_a_column_of_the_files_is_not_taken_from_the_name_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "out" / "users=5" / "a.parquet", 9)
    assert round(estimate(tmp_path / "out")) == 9


def test_the_products_own_export_is_drawn_shown_and_inspected(tmp_path: Path) -> None:
    statement = "SELECT date_trunc('day', ts) AS day, hll_sketch_agg(uid) AS users FROM e GROUP BY ALL"
    events = pa.table({"ts": pa.array([0, 86_400 * 40], pa.timestamp("s")), "uid": [1, 2]})
    with Rollup.from_sql(statement, name="daily", database=tmp_path / "r.duckdb") as rollup:
        rollup.append(events)
        rollup.export(tmp_path / "out")
    (summary,) = inspect(tmp_path / "out")
    assert summary.rows == 2
    assert "2 rows" in run("show", f"{tmp_path}/out/").stdout
    picture = tmp_path / "picture.svg"
    assert run("plot", f"{tmp_path}/out/", "-o", picture).exit_code == 0
    assert picture.exists()


def test_a_folder_without_data_says_so(tmp_path: Path) -> None:
    (tmp_path / "_old.parquet").touch()
    with pytest.raises(SketchError, match=r"cannot read .*: the folder has no Parquet files"):
        inspect(tmp_path)
