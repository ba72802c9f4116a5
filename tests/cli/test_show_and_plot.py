"""`duckdb-sketch plot` and `show`: what they draw of Parquet files and databases, and what they say of mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from queries import value
from typer.testing import CliRunner, Result

import duckdb_sketch
from duckdb_sketch._blocks import bar, sparkline
from duckdb_sketch.cli.app import app
from duckdb_sketch.errors import SketchError

ROLLUP = """
    SELECT date_trunc('hour', ts) AS hour, page,
           hll_sketch_agg(i % 900) AS users, approx_histogram_agg(i % 60) AS seconds
    FROM (SELECT i, TIMESTAMP '2026-03-01' + INTERVAL (i) MINUTE AS ts, ['a', 'b', 'c'][i % 3 + 1] AS page
          FROM range(5760) AS t(i))
    GROUP BY ALL
"""


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days of hours by page."""
    path = tmp_path_factory.mktemp("rollup") / "hourly.parquet"
    with duckdb_sketch.connect() as connection:
        connection.execute(f"COPY ({ROLLUP}) TO '{path}'")
    return path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rollup") / "rollups.duckdb"
    with duckdb_sketch.connect(path) as connection:
        connection.execute(f"CREATE TABLE hourly AS {ROLLUP}; CREATE TABLE again AS FROM hourly")
        connection.execute("CREATE TABLE edges (id INT, h BLOB)")
        connection.execute("INSERT INTO edges SELECT 1, approx_histogram_agg(i) FROM range(0) t(i)")
        connection.execute("INSERT INTO edges VALUES (2, NULL)")
        connection.execute("CREATE TABLE two_times AS SELECT *, hour + INTERVAL 1 DAY AS seen FROM hourly")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "80"})


def fails(*arguments: object) -> str:
    """The message of the error, which is one of the package's own."""
    result = run(*arguments)
    assert isinstance(result.exception, SketchError), result.output
    return str(result.exception)


def labels(svg: Path) -> list[str]:
    """The texts of a picture whose letters are drawn as shapes: their comments."""
    return re.findall(r"<!-- (.*?) -->", svg.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "column", "title"),
    [
        (None, "users", "Distinct values over time: "),
        (None, "seconds", "Half of 5,760 values lie between "),
        ("cdf", "seconds", "95 % of 5,760 values are at most "),
        ("quantiles", "seconds", "Median "),
        ("uniques", None, "Distinct values over time: "),
        ("bands", None, "Median over time: "),
        ("envelope", None, "The median is highest at "),
    ],
)
def test_pictures(parquet: Path, tmp_path: Path, kind: str | None, column: str | None, title: str) -> None:
    output = tmp_path / "picture.svg"
    options = [*(["--kind", kind] if kind else []), *(["--column", column] if column else [])]
    result = run("plot", parquet, "-o", output, *options)
    assert result.exit_code == 0, result.exception
    assert any(label.startswith(title) for label in labels(output))
    assert (column or ("users" if kind == "uniques" else "seconds")) in labels(output)


def test_png(parquet: Path, tmp_path: Path) -> None:
    output = tmp_path / "picture.png"
    assert run("plot", parquet, "-k", "uniques", "-o", output, "--size", "4x3").exit_code == 0
    png = output.read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (600, 450)


def test_title_and_label(parquet: Path, tmp_path: Path) -> None:
    output = tmp_path / "picture.svg"
    run("plot", parquet, "-o", output, "-k", "histogram", "--title", "How long", "--label", "visit, seconds")
    assert {"How long", "visit, seconds"} <= set(labels(output))
    assert not any(label.startswith("Half of") for label in labels(output))


def test_where_and_every(parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def uniques(times: object, sketches: object, ax: object, *, every: str | None, label: str) -> None:
        assert every is None  # the rows are truncated as they are read
        drawn.append((times, sketches, label))

    from duckdb_sketch import plot

    monkeypatch.setattr(plot, "uniques", uniques)
    command = ("plot", parquet, "-k", "uniques", "-o", tmp_path / "x.svg", "--where", "page = 'a'", "--every", "day")
    assert run(*command).exit_code == 0
    ((times, sketches, label),) = drawn
    assert len(times) == len(sketches) == 96  # type: ignore[arg-type]  # of 288 rows
    days = {f"{time:%d %H:%M}" for time in pd.to_datetime(times.to_pylist())}  # type: ignore[attr-defined]
    assert days == {"01 00:00", "02 00:00", "03 00:00", "04 00:00"}
    assert label == "users"


def test_mistakes_are_named(parquet: Path, database: Path, tmp_path: Path) -> None:
    svg = tmp_path / "x.svg"
    assert "hourly.parquet.users, hourly.parquet.seconds: choose" in fails("plot", parquet, "-o", svg)
    assert ".png, .svg, .pdf" in fails("plot", parquet, "-o", tmp_path / "x.gif")
    assert "such as 8x4.5" in fails("plot", parquet, "-o", svg, "--size", "big")
    assert "no sketches in prices, but in" in fails("plot", parquet, "-o", svg, "--column", "prices")
    assert "needs approximate histograms" in fails("plot", parquet, "-o", svg, "--column", "users", "-k", "cdf")
    assert '"pag" not found' in fails("plot", parquet, "-o", svg, "-k", "uniques", "--where", "pag = 'a'")
    assert "there are no rows" in fails("plot", parquet, "-o", svg, "-k", "uniques", "--where", "page = 'z'")
    assert "is empty" in fails("plot", parquet, "-o", svg, "-k", "cdf", "--where", "page = 'z'")
    assert "is not a width of time" in fails("plot", parquet, "-o", svg, "-k", "bands", "--every", "moon")
    assert "its times are in: hour" in fails("plot", parquet, "-o", svg, "-k", "bands", "--time", "page")
    assert "edges has no column of times" in fails("plot", database, "-o", svg, "--table", "edges", "-k", "bands")
    two = ("plot", database, "-o", svg, "--table", "two_times", "-k", "bands")
    assert "hour, seen: choose one with --time" in fails(*two)
    assert run(*two, "--time", "SEEN").exit_code == 0
    assert "cannot write" in fails("plot", parquet, "-o", tmp_path / "none" / "x.svg", "-k", "uniques")
    assert "cannot read" in fails("plot", tmp_path / "none.parquet", "-o", svg)


@pytest.mark.native  # the portable backend is announced in a line of its own
def test_an_error_is_one_line(parquet: Path, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("duckdb-sketch")
    arguments = [command, "plot", parquet, "-o", tmp_path / "x.svg", "--where", "no such", "-k", "uniques"]
    process = subprocess.run(arguments, capture_output=True, text=True)
    assert process.returncode == 1
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("duckdb-sketch: where no such: no condition for hourly.parquet")


def test_show_a_distribution(con: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    result = run("show", parquet, "--column", "seconds")
    lines = result.stdout.splitlines()
    assert lines[0] == "hourly.parquet.seconds  288 rows"
    assert lines[1] == "5,760 values, 0 to 59, mean 29.5"
    bars = [re.fullmatch(r" *(\d+) to (\d+) ([█▏▎▍▌▋▊▉]+) +([\d,]+) +([\d.]+) %", line) for line in lines[2:14]]
    found = [(int(match[1]), int(match[2]), int(match[4].replace(",", ""))) for match in bars if match]
    assert [low for low, *_ in found] == list(range(0, 60, 5))
    query = "SELECT approx_histogram_buckets(approx_histogram_union_agg(seconds), range(0, 61, 5)) FROM '{}'"
    assert [count for *_, count in found] == [round(each["count"]) for each in value(con, query.format(parquet))]
    widest = max((match for match in bars if match), key=lambda match: len(match[3]))
    assert int(widest[4].replace(",", "")) == max(count for *_, count in found)
    assert lines[14].startswith("median by ")
    assert max(map(len, lines)) <= 80


def test_show_uniques_over_time(parquet: Path) -> None:
    lines = run("show", parquet, "--column", "users", "--every", "day").stdout.splitlines()
    assert re.fullmatch(r"9\d\d distinct, 95 % sure of 8\d\d to 9\d\d|8\d\d distinct, 95 % sure of .*", lines[1])
    assert lines[2].startswith("distinct values by day, ")
    assert len(lines[3]) == 4


def test_show_leaves_gaps(parquet: Path) -> None:
    where = "day(hour) <> 3"
    lines = run("show", parquet, "--column", "seconds", "--every", "day", "--where", where).stdout.splitlines()
    assert re.fullmatch(r"[▁-█]{2} [▁-█]", lines[-1])


def test_show_groups(con: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    lines = run("show", parquet, "--group-by", "page", "--top", "2").stdout.splitlines()
    users, seconds = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert users[1] == seconds[1] == "3 groups"
    assert users[-1] == seconds[-1] == "(and 1 more)"
    assert users[2].split()[:2] == ["page", "distinct"]
    assert seconds[2].split()[:5] == ["page", "values", "5", "%", "median"]
    assert seconds[3].split()[:2] == ["a", "1,920"]
    a = value(con, f"SELECT hll_sketch_estimate(hll_union_agg(users)) FROM '{parquet}' WHERE page = 'a'")
    (line,) = (line for line in users if line.startswith("a "))
    assert line.split()[2] == f"{a:,}"
    assert max(map(len, lines)) <= 80


def test_show_groups_with_most_first(parquet: Path) -> None:
    where = (
        "page = 'c' OR (page = 'b' AND day(hour) = 1 AND hour(hour) < 9) OR (page = 'a' AND hour < '2026-03-01 03:00')"
    )
    lines = run("show", parquet, "--group-by", "page", "--where", where).stdout.splitlines()
    assert "".join(line[0] for line in lines if line[:2] in ("a ", "b ", "c ")) == "cba" * 2


def test_show_mistakes(parquet: Path, database: Path) -> None:
    assert "no column 'country'; there is hour, page" in fails("show", parquet, "--group-by", "country")
    assert "minute, hour, day" in fails("show", parquet, "--every", "fortnight")
    assert "more than there is room for" in fails("show", parquet, "--every", "minute")
    assert "no column of times" in fails("show", database, "--table", "edges", "--every", "day")
    assert "(over time: choose --time hour or seen)" in run("show", database, "--table", "two_times").stdout


def test_show_empty_and_null(database: Path) -> None:
    for options in ((), ("--group-by", "id")):
        result = run("show", database, "--table", "edges", *options)
        assert result.exit_code == 0, result.exception
        assert result.stdout.startswith("edges.h  2 rows\n")
    assert "no values" in run("show", database, "--table", "edges").stdout


def test_show_is_plain_text_where_nobody_looks(parquet: Path) -> None:
    command = Path(sys.executable).with_name("duckdb-sketch")
    process = subprocess.run([command, "show", parquet], capture_output=True, text=True)
    assert process.returncode == 0
    assert "\x1b" not in process.stdout


def test_blocks() -> None:
    assert [bar(share, 4) for share in (0, 0.001, 0.5, 0.53, 1)] == ["", "▏", "██", "██▏", "████"]
    assert sparkline([0, None, 7, 3.5]) == "▁ █▅"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([5, 10], low=0) == "▅█"
    assert sparkline([None, None]) == "  "
