"""`verify` reads the files by itself, and finds a table that was made wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.rollup import Rollup, Verified
from duckdb_sketch.rollup.sources.text import Text

pytestmark = pytest.mark.thorough

STATEMENT = """
    SELECT date_trunc('day', ts) AS day, count(*) AS n, sum(price) AS price, hll_sketch_agg(uid) AS users
    FROM e GROUP BY ALL
"""
KINDS = ("csv", "json", "parquet")


def write(folder: Path, kind: str, day: int, price: str = "i + 0.5") -> None:
    rows = f"SELECT TIMESTAMP '2026-01-0{day} 12:00' AS ts, ({price})::DOUBLE AS price, i AS uid FROM range(10) t(i)"
    duckdb.sql(f"COPY ({rows}) TO '{folder}/{day}.{kind}'")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rollup(tmp_path: Path, kind: str) -> Iterator[Rollup]:
    """Two files of each kind, a day each."""
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": f"{tmp_path}/*.{kind}"}) as rollup:
        for day in (1, 2):
            write(tmp_path, kind, day)
        rollup.refresh()
        assert rollup.verify().ok, str(rollup.verify())
        yield rollup


def damaged(rollup: Rollup, *statements: str) -> Verified:
    for statement in statements:
        rollup.connection.execute(statement)
    verified = rollup.verify()
    assert not verified.ok, str(verified)
    return verified


def test_a_metric(rollup: Rollup) -> None:
    assert damaged(rollup, "UPDATE r SET price = 5 WHERE day = '2026-01-02'").column("price").differ == 1


def test_a_state(rollup: Rollup) -> None:
    wrong = "SELECT hll_sketch_agg(i::VARCHAR) FROM range(10) t(i)"  # of the same ten users, as text
    assert damaged(rollup, f"UPDATE r SET users = ({wrong}) WHERE day = '2026-01-02'").column("users").differ == 1


def test_rows_that_were_counted_twice(rollup: Rollup) -> None:
    verified = damaged(rollup, "UPDATE r SET n = 2 * n, price = 2 * price")
    assert [column.differ for column in verified.columns] == [2, 2, 0]


@pytest.mark.parametrize("forgotten", [False, True], ids=["in the table", "in the ledger as well"])
def test_a_bucket_that_is_missing(rollup: Rollup, forgotten: bool) -> None:
    statements = ["DELETE FROM r WHERE day = '2026-01-02'"]
    if forgotten:
        statements.append("DELETE FROM rollup_manifest.changes WHERE bucket = '2026-01-02'")
    assert damaged(rollup, *statements).missing.count == 1


def test_a_file_that_was_counted_under_two_names(tmp_path: Path, rollup: Rollup, kind: str) -> None:
    os.link(tmp_path / f"2.{kind}", tmp_path / f"copy.{kind}")
    line = f"slice = '{tmp_path}/copy.{kind}'"
    again = f"INSERT INTO rollup_manifest.slices SELECT * REPLACE ({line.replace('slice = ', '')} AS slice) FROM "
    verified = damaged(
        rollup,
        f"{again} rollup_manifest.slices WHERE slice LIKE '%/2.{kind}'",
        "UPDATE r SET n = 2 * n, price = 2 * price WHERE day = '2026-01-02'",
    )
    (wrong,) = verified.wrong
    assert "is the same file as" in wrong
    assert wrong in str(verified)


def test_a_type_that_was_pinned_wrong(rollup: Rollup, kind: str) -> None:
    """As a refresh would that takes prices for whole numbers, and rounds them."""
    verified = damaged(
        rollup,
        "UPDATE rollup_manifest.rollups SET input_types = replace(input_types::VARCHAR, 'DOUBLE', 'BIGINT')",
        "UPDATE r SET price = 50",
    )
    assert "BIGINT" in verified.wrong[0]
    assert ("0.5" in verified.wrong[0]) == (kind != "parquet")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_what_a_refresh_reads_wrongly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whatever a refresh makes of the files, `verify` does not make the same of them."""
    read = Text.sql

    def one_price(self: Text, types: Any) -> str:
        return f"SELECT * REPLACE (7.0::DOUBLE AS price) FROM ({read(self, types)})"

    write(tmp_path, kind, 1)
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": f"{tmp_path}/*.{kind}"}) as rollup:
        with monkeypatch.context() as patched:
            patched.setattr(Text, "sql", one_price)
            rollup.refresh()
            assert rollup.connection.execute("SELECT price FROM r").fetchall() == [(70.0,)]
            verified = rollup.verify()
        assert (verified.ok, verified.column("price").differ) == (False, 1)


def uids(value: Callable[[int], str]) -> str:
    return "".join(f"2026-01-01 00:00:00,{value(i)}\n" for i in range(10))


def test_columns_that_were_bound_by_position(tmp_path: Path) -> None:
    """Ten users, counted as twenty, half of them as text."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("ts,uid\n" + uids(str))
    statement = STATEMENT.replace("sum(price) AS price", "count(uid) AS price")
    with Rollup.from_sql(statement, name="r", sources={"e": f"{tmp_path}/*.csv"}) as rollup:
        rollup.refresh()
        mixed = "SELECT hll_union_agg(u) FROM (SELECT hll_sketch_agg(i) AS u FROM range(10) t(i) UNION ALL "
        mixed += "SELECT hll_sketch_agg(i::VARCHAR) FROM range(10) t(i))"
        assert damaged(rollup, f"UPDATE r SET users = ({mixed})").column("users").differ == 1


def test_a_declared_source_is_read_as_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts;price;uid\n2026-01-01 00:00:00;1.25;a,b\n2026-01-01 00:00:00;NA;c\n")
    reader = f"read_csv('{tmp_path}/*.csv', delim = ';', nullstr = 'NA', types = {{'price': 'DECIMAL(8, 2)'}})"
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": reader}) as rollup:
        rollup.refresh()
        assert rollup.verify().ok, str(rollup.verify())
        assert damaged(rollup, "UPDATE r SET price = 1.2").column("price").differ == 1


FORMATS = [
    ("decimal_separator = ',', delim = ';'", "ts;price;uid\n2026-01-01 00:00:00;1,25;5\n"),
    ("decimal_separator = ',', thousands = '.', delim = ';'", "ts;price;uid\n2026-01-01 00:00:00;1.000,25;5\n"),
    ("timestampformat = '%d/%m/%Y %H:%M'", "ts,price,uid\n03/04/2026 10:00,1.5,5\n"),
    ("dateformat = '%d.%m.%Y', types = {'ts': 'DATE'}", "ts,price,uid\n03.04.2026,1.5,5\n"),
    ("names = ['ts', 'price', 'uid'], header = false", "2026-01-01 00:00:00,1.5,5\n"),
    ("ignore_errors = true, types = {'price': 'DOUBLE'}", "ts,price,uid\n2026-01-01,no,1\n2026-01-01,1.5,5\n"),
    ("skip = 1, comment = '#'", "made by hand\nts,price,uid\n# no row\n2026-01-01 00:00:00,1.5,5\n"),
]


@pytest.mark.parametrize(("options", "text"), FORMATS, ids=[options for options, _ in FORMATS])
def test_however_a_declared_source_is_written(tmp_path: Path, options: str, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": f"read_csv('{tmp_path}/*.csv', {options})"}) as rollup:
        rollup.refresh()
        assert rollup.connection.execute("SELECT n, hll_sketch_estimate(users) FROM r").fetchall() == [(1, 1)]
        assert rollup.verify().ok, str(rollup.verify())
        assert damaged(rollup, "UPDATE r SET price = price + 1").column("price").differ == 1


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_columns_in_the_names_of_folders(tmp_path: Path, kind: str) -> None:
    for month in ("09", "10", "__HIVE_DEFAULT_PARTITION__"):
        folder = tmp_path / f"month={month}" / "site=a%20b"
        folder.mkdir(parents=True)
        write(folder, kind, 1)
    statement = STATEMENT.replace("count(*) AS n", "month, site, count(*) AS n")
    with Rollup.from_sql(statement, name="r", sources={"e": f"{tmp_path}/**/*.{kind}"}) as rollup:
        rollup.refresh()
        assert rollup.verify().ok, str(rollup.verify())
        assert damaged(rollup, "UPDATE r SET month = 11 WHERE month = 10").missing.count == 1


def test_a_type_that_was_pinned_without_evidence(rollup: Rollup) -> None:
    """As if NULL had been counted of a column that has values: its sum is NULL for ever."""
    verified = damaged(
        rollup,
        "UPDATE rollup_manifest.rollups SET input_types = MAP {'ts': 'TIMESTAMP', 'uid': 'BIGINT'}",
        "UPDATE r SET price = NULL",
    )
    assert "column price has values, and was counted as if it had none" in str(verified)


def test_a_column_without_values_yet(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"ts": "2026-01-01 00:00:00", "uid": 1, "price": null}\n')
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": f"{tmp_path}/*.json"}) as rollup:
        rollup.refresh()
        assert rollup.verify().ok, str(rollup.verify())


def test_a_column_that_some_files_have_and_others_have_in_their_path(tmp_path: Path) -> None:
    for number, (text, month) in enumerate([("ts,uid\n2026-01-01,1\n", 7), ("ts,uid,month\n2026-01-01,1,9\n", 8)]):
        (tmp_path / f"month={month}").mkdir()
        (tmp_path / f"month={month}" / f"{number}.csv").write_text(text)
    statement = STATEMENT.replace("sum(price) AS price", "sum(month) AS price")
    with Rollup.from_sql(statement, name="r", sources={"e": f"{tmp_path}/**/*.csv"}) as rollup:
        rollup.refresh()
        assert rollup.connection.execute("SELECT price FROM r").fetchall() == [(16,)]
        assert rollup.verify().ok, str(rollup.verify())


@pytest.mark.parametrize("ignoring", ["", ", ignore_errors = true"], ids=["strictly", "ignoring errors"])
@pytest.mark.parametrize("rows", [1, 3000], ids=["in the sample", "behind the sample"])
@pytest.mark.parametrize("written", ['"x" y', "'x' y", 'x"y', "it's"])
def test_quotes_that_can_be_read_in_several_ways(tmp_path: Path, written: str, rows: int, ignoring: str) -> None:
    plain = "2026-01-01,plain,3\n" * (rows - 1)
    (tmp_path / "a.csv").write_text(f"ts,name,price\n{plain}2026-01-01,{written},1\n2026-01-01,z,2\n")
    statement = "SELECT date_trunc('day', ts) AS day, name, sum(price) AS price FROM e GROUP BY ALL"
    source = f"read_csv('{tmp_path}/*.csv', strict_mode = false{ignoring})"
    with Rollup.from_sql(statement, name="r", sources={"e": source}) as rollup:
        rollup.refresh()
        assert rollup.verify().ok, str(rollup.verify())
