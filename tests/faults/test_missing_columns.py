"""`missing="null"` is kept in the ledger: it is said once, and holds for refreshes, appends and replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import run

from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import Rollup, SourceError
from duckdb_sketch.rollup.sources.declaration import Declaration

TIME = "2026-01-01 00:00:00"
STATEMENT = "SELECT date_trunc('day', ts) AS d, count(*) AS n, sum(x) AS x FROM e GROUP BY ALL"


def rollup_of(folder: Path, source: str | None, **options: Any) -> Rollup:
    sources = {"e": source} if source else {}
    return Rollup.from_sql(STATEMENT, name="r", sources=sources, database=folder / "r.duckdb", **options)


def rows(rollup: Rollup) -> list[tuple[Any, ...]]:
    return rollup.connection.execute("SELECT n, x FROM r").fetchall()


@pytest.mark.parametrize("form", ["{}/*.csv", "read_csv('{}/*.csv')", "files(['{}/*.csv'])"])
def test_what_was_said_once_holds(tmp_path: Path, form: str) -> None:
    source = form.format(tmp_path)
    said = source.replace("])", "], missing = 'null')")
    (tmp_path / "a.csv").write_text(f"ts,x\n{TIME},1\n")
    with rollup_of(tmp_path, said, missing=None if "files" in form else "null") as rollup:
        rollup.refresh()
        assert "'null'" in str(rollup.status()[0].source) or "union_by_name = TRUE" in str(rollup.status()[0].source)
    (tmp_path / "b.csv").write_text(f"ts\n{TIME}\n")
    with rollup_of(tmp_path, said if "files" in form else source) as rollup:
        rollup.refresh()
        assert rows(rollup) == [(2, 1)]
        assert rollup.verify().ok
    with rollup_of(tmp_path, None) as rollup:
        rollup.replay()
        assert rows(rollup) == [(2, 1)]
        rollup.append(duckdb.sql(f"SELECT TIMESTAMP '{TIME}' AS ts").to_arrow_table(), batch_id="b")
        assert rows(rollup) == [(3, 1)]
    (tmp_path / "c.csv").write_text(f"ts\n{TIME}\n")
    with rollup_of(tmp_path, source.replace("files(['", "").replace("'])", ""), missing="error") as rollup:
        with pytest.raises(SourceError, match=r"c\.csv: there is no column x"):
            rollup.refresh()
        with pytest.raises(SourceError, match="there is no column x"):
            rollup.append(duckdb.sql(f"SELECT TIMESTAMP '{TIME}' AS ts").to_arrow_table(), batch_id="c")


def test_a_cube_reads_files_that_lack_a_column_as_the_ledger_says(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"ts,x\n{TIME},1\n")
    with rollup_of(tmp_path, f"{tmp_path}/*.csv", missing="null") as rollup:
        rollup.refresh()
    (tmp_path / "b.csv").write_text(f"ts\n{TIME}\n")
    with Cube(tmp_path / "r.duckdb") as cube:
        assert cube.sql("SELECT count(*) AS n, sum(x) AS x FROM e").fetchall() == [(2, 1)]


def test_append_alone_takes_missing(tmp_path: Path) -> None:
    whole = duckdb.sql(f"SELECT TIMESTAMP '{TIME}' AS ts, 1 AS x").to_arrow_table()
    with rollup_of(tmp_path, None, missing="null") as rollup:
        rollup.append(whole, batch_id="a")
        rollup.append(whole.drop_columns(["x"]), batch_id="b")
        assert rows(rollup) == [(2, 1)]
    with rollup_of(tmp_path, None) as rollup, pytest.raises(SourceError, match="there is no column x"):
        rollup.append(whole.drop_columns(["x"]), batch_id="c")


def test_the_command_line_shows_and_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"ts,x\n{TIME},1\n")
    (tmp_path / "b.csv").write_text(f"ts\n{TIME}\n")
    (tmp_path / "s.sql").write_text(STATEMENT)
    arguments = ["rollup", "refresh", tmp_path / "s.sql", "-d", tmp_path / "r.duckdb", "-s", f"e={tmp_path}/*.csv"]
    assert run(*arguments, "--missing", "null").returncode == 0
    assert "missing = 'null'" in run("rollup", "status", "-d", tmp_path / "r.duckdb", "--json").stdout
    (tmp_path / "c.csv").write_text(f"ts\n{TIME}\n")
    assert run(*arguments).returncode == 0


def test_a_file_may_be_called_files() -> None:
    assert Declaration.of("files (1).csv").patterns == ("files (1).csv",)
    with pytest.raises(SourceError, match="takes missing = 'null' or 'error'"):
        Declaration.of("files(['a.csv'], delim = ';')")
    for constant in ("delim = E'\\t'", "types = {'x': DECIMAL(8, 2)}", "types = {'x': 'UNION(a INT, b VARCHAR)'}"):
        kept = Declaration.of(f"read_csv('a.csv', {constant})")
        assert Declaration.of(kept.text).text == kept.text
    with pytest.raises(SourceError, match="is not a constant"):
        Declaration.of("read_csv('a.csv', delim = (SELECT 'x'))")
    with pytest.raises(SourceError, match="is not a type"):
        Declaration.of("read_csv('a.csv', types = {'x': 'BIGINT) FROM read_text(1'})")
