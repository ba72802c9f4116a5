"""Files as they really look: columns by name, types by evidence, declarations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import RollupError, SourceError, SpecificationError

DAY = "SELECT date_trunc('day', ts) AS d, "
END = " FROM e GROUP BY ALL"


def made(select: str, sources: Any, **options: Any) -> Rollup:
    return Rollup.from_sql(DAY + select + END, name="r", sources={"e": sources}, **options)


def rows(rollup: Rollup) -> list[tuple[Any, ...]]:
    return rollup.connection.execute("SELECT * EXCLUDE (d) FROM r ORDER BY ALL").fetchall()


def outcome(folder: Path, select: str, files: Sequence[tuple[str, str]], *, together: bool) -> object:
    """The table of some files, or the kind of error that they give, one by one or together."""
    folder.mkdir()
    with made(select, str(folder / "*.*")) as rollup:
        try:
            for number, (name, text) in enumerate(files):
                (folder / f"{number}_{name}").write_text(text)
                if not together:
                    rollup.refresh()
            rollup.refresh()
        except RollupError:
            return "refused"
        return rows(rollup)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("select", "files", "expected"),
    [
        pytest.param(
            "sum(price) AS s, count(uid) AS n",
            [
                ("a.ndjson", '{"ts":"2026-01-01 00:00:00","price":null,"uid":null}\n'),
                ("b.ndjson", '{"ts":"2026-01-01 00:00:00","price":10,"uid":1}\n'),
            ],
            [(10, 1)],
            id="null is no evidence in JSON",
        ),
        pytest.param(
            "sum(price) AS s",
            [
                ("a.csv", "ts,price\n2026-01-01 00:00:00,\n"),
                ("b.csv", "ts,price\n2026-01-01 00:00:00,1.5\n"),
            ],
            [(1.5,)],
            id="an empty field is no evidence in CSV",
        ),
        pytest.param(
            "max(p.uid) AS s, count(*) AS n",
            [
                ("a.ndjson", '{"ts":"2026-01-01 00:00:00","p":{"uid":null}}\n'),
                ("b.ndjson", '{"ts":"2026-01-01 00:00:00","p":{"uid":7,"x":"y"}}\n'),
                ("c.ndjson", '{"ts":"2026-01-01 00:00:00","p":{"uid":2,"x":null}}\n'),
            ],
            [(7, 3)],
            id="null is no evidence in nested JSON",
        ),
        pytest.param(
            "sum(uid) AS s, max(page) AS page",
            [
                ("a.csv", "ts,uid,page\n2026-01-01 00:00:00,1,x\n"),
                ("b.csv", "ts,page,uid\n2026-01-01 00:00:00,y,2\n"),
                ("c.csv", "page,uid,ts,extra\nz,3,2026-01-01 00:00:00,1\n"),
            ],
            [(6, "z")],
            id="CSV columns are bound by name",
        ),
        pytest.param(
            "count(*) AS n",
            [
                ("a.json", '{"ts":"2026-01-01 00:00:00","user":7}\n'),
                ("b.json", '{"ts":"2026-01-01 00:00:00","user":"8"}\n'),
            ],
            [(2,)],
            id="columns that are not mentioned may differ",
        ),
        pytest.param(
            "max(user) AS u",
            [
                ("a.json", '{"ts":"2026-01-01 00:00:00","user":7}\n'),
                ("b.json", '{"ts":"2026-01-01 00:00:00","user":"8"}\n'),
            ],
            "refused",
            id="a number and a text",
        ),
        pytest.param(
            "sum(x) AS x",
            [("a.csv", "ts,x\n2026-01-01 00:00:00,1\n"), ("b.csv", "ts,x\n2026-01-01 00:00:00,1.5\n")],
            "refused",
            id="whole numbers and fractions",
        ),
        pytest.param(
            "max(p.uid) AS u",
            [
                ("a.json", '{"ts":"2026-01-01 00:00:00","p":{"uid":7}}\n'),
                ("b.json", '{"ts":"2026-01-01 00:00:00","p":{"uid":7.5}}\n'),
            ],
            "refused",
            id="nested whole numbers and fractions",
        ),
        pytest.param(
            "count(*) AS n",
            [("a.csv", "ts\n03/04/2026\n"), ("b.csv", "ts\n03/25/2026\n")],
            "refused",
            id="ambiguous dates are asked for",
        ),
    ],
)
def test_files_in_any_order_and_batching_have_one_outcome(
    tmp_path: Path, select: str, files: list[tuple[str, str]], expected: object
) -> None:
    orders = itertools.product(itertools.permutations(files), (False, True))
    for number, (order, together) in enumerate(orders):
        assert outcome(tmp_path / str(number), select, order, together=together) == expected, (order, together)


@pytest.mark.parametrize("together", [True, False])
def test_nested_fields_of_parquet_have_one_type(tmp_path: Path, together: bool) -> None:
    def write(name: str, value: str) -> None:
        rows = f"SELECT TIMESTAMP '2026-01-01' AS ts, {{'uid': {value}, 'x': 1}} AS p FROM range(100) t(i)"
        duckdb.execute(f"COPY ({rows}) TO '{tmp_path / name}'")

    with made("max(p.uid) AS u, hll_sketch_agg(p.uid) AS users", str(tmp_path / "*.parquet")) as rollup:
        write("0.parquet", "i::INTEGER")
        if not together:
            rollup.refresh()
        write("1.parquet", "i::DOUBLE")
        with pytest.raises(SourceError, match=r"column p is STRUCT.*DOUBLE"):
            rollup.refresh()
        write("1.parquet", "i::BIGINT")
        rollup.refresh()
        users = rollup.connection.execute("SELECT hll_sketch_estimate(users) FROM r").fetchone()
        assert users == (100,)


def test_a_fraction_far_down_a_file_is_not_rounded(tmp_path: Path) -> None:
    row = "2026-01-01 00:00:00,"
    text = "ts,price\n" + f"{row}1\n" * 25_000 + f"{row}.6\n" * 5_000
    (tmp_path / "a.csv").write_text(text)
    with made("sum(price) AS s", str(tmp_path / "*.csv")) as rollup:
        rollup.refresh()
        assert rows(rollup) == [(pytest.approx(28_000),)]


def test_an_error_names_file_line_column_types_and_the_declaration(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts,price\n2026-01-01 00:00:00,1\n")
    with made("sum(price) AS s", str(tmp_path / "*.csv")) as rollup:
        rollup.refresh()
        (tmp_path / "b.csv").write_text("ts,price\n2026-01-01 00:00:00,2\n2026-01-01 00:00:00,2.5\n")
        message = r"b\.csv, line 3: column price is DOUBLE \(2\.5\).*BIGINT.*types = \{'price': 'DOUBLE'\}"
        with pytest.raises(SourceError, match=message):
            rollup.refresh()


@pytest.mark.parametrize("in_statement", [True, False])
def test_a_declared_source_is_read_as_declared_and_kept(tmp_path: Path, in_statement: bool) -> None:
    reader = f"read_csv('{tmp_path}/*.csv', delim = ';', types = {{'price': 'DECIMAL(8, 2)'}})"
    (tmp_path / "a.csv").write_text("price;ts\n1;2026-01-01 00:00:00\n")
    (tmp_path / "b.csv").write_text("ts;price\n2026-01-01 00:00:00;2.25\n")
    statement = DAY + "sum(price) AS s" + (f" FROM {reader} AS e GROUP BY ALL" if in_statement else END)
    sources = {} if in_statement else {"e": reader}
    database = tmp_path / "r.duckdb"
    with Rollup.from_sql(statement, name="r", sources=sources, database=database) as rollup:
        rollup.refresh()
        assert [str(value) for (value,) in rows(rollup)] == ["3.25"]
        assert "DECIMAL(8, 2)" in str(rollup.status()[0].source)
    with Rollup.from_sql(DAY + "sum(price) AS s" + END, name="r", database=database) as rollup:
        assert rollup.replay().rows == 2  # as declared then
        (tmp_path / "c.csv").write_text("ts;price\n2026-01-01 00:00:00;1.005\n")
    with (
        Rollup.from_sql(statement, name="r", sources=sources, database=database) as rollup,
        pytest.raises(SourceError, match=r"c\.csv, line 2: column price has 1\.005, which does not fit DECIMAL"),
    ):
        rollup.refresh()


def test_a_reader_without_a_name_or_with_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="AS events"):
        Rollup.from_sql(DAY + "count(*) AS n FROM read_csv('a.csv') GROUP BY ALL", name="r")
    with pytest.raises(SourceError, match="takes no option rounding"):
        made("count(*) AS n", "read_csv('a.csv', rounding = true)")


def test_numbers_beyond_64_bits_in_json_are_not_rounded(tmp_path: Path) -> None:
    big = 2**70
    (tmp_path / "a.json").write_text(f'{{"ts":"2026-01-01 00:00:00","x":{big}}}\n')
    with made("max(x) AS x", str(tmp_path / "*.json")) as rollup:
        rollup.refresh()
        assert rows(rollup) == [(big,)]


def test_nanoseconds_are_truncated_and_never_rounded(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts,x\n2026-01-01 23:59:59.999999999,1\n")
    with made("sum(x) AS x", str(tmp_path / "*.csv")) as rollup:
        rollup.refresh()
        assert rollup.connection.execute("SELECT d::DATE::VARCHAR FROM r").fetchall() == [("2026-01-01",)]
