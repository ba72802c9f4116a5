"""`duckdb-sketch inspect`: what it finds in Parquet files and databases, and what it says of other files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from processes import run_python
from queries import value
from typer.testing import CliRunner

import duckdb_sketch
from duckdb_sketch.cli.app import app
from duckdb_sketch.errors import SketchError
from duckdb_sketch.inspection import inspect
from duckdb_sketch.summary import QUANTILES, DistinctSummary, DistributionSummary, Summary

ROLLUP = """
    SELECT i % 4 AS part, hll_sketch_agg(i // 2) AS uniques, approx_histogram_agg(i) AS amounts, 'no blob' AS note
    FROM range(10000) AS numbers (i) GROUP BY part
"""


@pytest.fixture
def parquet(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Path:
    path = tmp_path / "rollup.parquet"
    con.execute(f"COPY ({ROLLUP}) TO '{path}'")
    return path


def test_a_name_with_brackets_is_a_literal(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, values in (("z1.parquet", 5), ("z[1].parquet", 7)):
        con.execute(f"COPY (SELECT hll_sketch_agg(i) AS s FROM range({values}) t(i)) TO '{tmp_path / name}'")
    (summary,) = inspect(tmp_path / "z[1].parquet")
    assert isinstance(summary.content, DistinctSummary)
    assert round(summary.content.union[0]) == 7


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with two tables of sketches, in two schemas, and one without."""
    path = tmp_path / "rollup.duckdb"
    with duckdb_sketch.connect(path) as connection:
        connection.execute(f"CREATE TABLE parts AS {ROLLUP}")
        connection.execute('CREATE SCHEMA other; CREATE TABLE other."big one" (id INT, "a b" BLOB)')
        connection.execute("""
            INSERT INTO other."big one" VALUES
                (1, (SELECT hll_sketch_agg(i, 8) FROM range(1000) AS numbers (i))),
                (2, (SELECT hll_sketch_agg(i, 10) FROM range(5) AS numbers (i))),
                (3, (SELECT hll_sketch_agg(i, 10) FROM range(0) AS numbers (i))),
                (4, NULL), (5, 'a picture'::BLOB), (6, '\\x02\\x01\\x07\\x0c'::BLOB)
        """)
        connection.execute("CREATE TABLE pictures AS SELECT 'a picture'::BLOB AS picture")
        connection.execute("CREATE VIEW all_parts AS FROM parts")
    return path


def names(summaries: list[Summary]) -> list[str]:
    return [str(summary.column) for summary in summaries]


def test_parquet(parquet: Path) -> None:
    uniques, amounts = inspect(parquet)
    assert names([uniques, amounts]) == ["rollup.parquet.uniques", "rollup.parquet.amounts"]
    assert (uniques.kind, amounts.kind) == ("hll", "histogram")
    for summary in (uniques, amounts):
        assert (summary.rows, summary.nulls, summary.others, summary.empty, summary.sketches) == (4, 0, 0, 0, 4)


def test_distinct_values(con: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    summary = inspect(parquet, "uniques")[0]
    content = summary.content
    assert isinstance(content, DistinctSummary)
    assert content.modes == {"HLL": 4}
    assert content.lg_k == (12, 12)
    low, median, high = content.estimates
    assert 2400 < low <= median <= high < 2600
    assert content.union is not None
    lower, estimate, upper = content.union
    assert round(estimate) == value(con, f"SELECT hll_sketch_estimate(hll_union_agg(uniques)) FROM '{parquet}'")
    assert lower < 5000 < upper
    assert summary.bytes == value(con, f"SELECT sum(octet_length(uniques)) FROM '{parquet}'")


def test_distribution(con: duckdb.DuckDBPyConnection, parquet: Path) -> None:
    summary = inspect(parquet, "amounts")[0]
    content = summary.content
    assert isinstance(content, DistributionSummary)
    assert (content.exact, content.inexact) == (0, 4)
    assert content.max_bins == (50, 50)
    assert content.counts == (2500, 2500, 2500)
    assert content.total == 10_000
    assert content.extremes == (0, 9999)
    assert content.quantiles is not None
    for fraction, quantile in zip(QUANTILES, content.quantiles, strict=True):
        assert abs(quantile / 10_000 - fraction) < 2 / 50
    assert summary.bytes == value(con, f"SELECT sum(octet_length(amounts)) FROM '{parquet}'")


def test_database(database: Path) -> None:
    assert names(inspect(database)) == ["parts.uniques", "parts.amounts", "other.big one.a b"]


def test_precisions_that_differ_nulls_and_other_blobs(database: Path) -> None:
    (summary,) = inspect(database, "a b")
    assert (summary.rows, summary.nulls, summary.others, summary.empty, summary.sketches) == (6, 1, 2, 1, 3)
    content = summary.content
    assert isinstance(content, DistinctSummary)
    assert content.modes == {"LIST": 2, "HLL": 1}
    assert content.lg_k == (8, 10)
    assert content.union is None


def test_both_kinds_in_one_column(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "both.parquet"
    con.execute(f"COPY (SELECT unnest([hll_sketch_agg(1), approx_histogram_agg(1)]) AS sketch) TO '{path}'")
    summaries = inspect(path)
    assert [(summary.kind, summary.sketches, summary.others) for summary in summaries] == [
        ("hll", 1, 1),
        ("histogram", 1, 1),
    ]


def test_histograms_without_a_value(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    con.execute(f"COPY (SELECT approx_histogram_agg(NULL::DOUBLE) AS sketch) TO '{path}'")
    (summary,) = inspect(path)
    assert summary.empty == 1
    assert isinstance(summary.content, DistributionSummary)
    assert summary.content.extremes is None
    assert summary.content.quantiles is None
    assert "0 values" in run(path)


def test_the_database_is_left_as_it_is(database: Path) -> None:
    before = database.read_bytes()
    database.chmod(0o444)
    inspect(database)
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.glob("rollup*")] == [database.name]


@pytest.mark.parametrize("folder", ["it's", "a b"])
def test_folder_with_an_odd_name(tmp_path: Path, parquet: Path, database: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    for file in (parquet, database):
        assert inspect(file.rename(tmp_path / folder / file.name))


# What it says


def run(*arguments: str | Path) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["inspect", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_output(database: Path) -> None:
    output = run(database)
    lines = output.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in output
    for text in ("parts", "other.big one", "lg_k 12", "lg_k 8 to 10", "50 bins", "LIST 2, HLL 1", "inexact 4"):
        assert text in output
    assert any(line.split() == ["rows", "4", "4"] for line in lines)
    assert any(line.split() == ["other", "or", "damaged", "2"] for line in lines)


def test_output_of_one_column(parquet: Path) -> None:
    output = run(parquet, "--column", "amounts")
    assert "approximate histogram" in output
    assert "HyperLogLog" not in output


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SketchError, match="nothing: No such file"):
        inspect(tmp_path / "nothing")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SketchError, match="cannot read"):
        inspect(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", b"PAR1", b"PAR1 and no more", b"checksumDUCK", b"DUCK" * 99])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(SketchError, match=r"neither a Parquet file nor a DuckDB database|cannot read"):
        inspect(file)


def test_no_sketches(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "pictures.parquet"
    con.execute(f"COPY (SELECT 'a picture'::BLOB AS picture, 1 AS one) TO '{path}'")
    with pytest.raises(SketchError, match=r"holds no sketches \(its BLOB columns: pictures\.parquet\.picture\)"):
        inspect(path)


def test_unknown_column(database: Path) -> None:
    message = r"no sketches in a column 'users'; there are parts\.uniques, parts\.amounts, other\."
    with pytest.raises(SketchError, match=message):
        inspect(database, "users")


def test_database_in_use_by_another_process(database: Path) -> None:
    code = f"""
import duckdb
from pathlib import Path
from duckdb_sketch.inspection import inspect
print(len(inspect(Path({str(database)!r}))))
"""
    with duckdb.connect(database, read_only=True):
        assert run_python(code) == "3"
