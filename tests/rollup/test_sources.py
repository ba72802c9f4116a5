"""Files of every kind, good and bad. A bad one is named, and leaves everything as it was."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from events import EVENTS, HOURLY, content, everything, hourly, of_raw, table, write, write_events
from processes import HAS_REPOSITORIES

import duckdb_sketch
from duckdb_sketch.rollup import ManifestError, Rollup, RollupError, SourceError, open_level
from duckdb_sketch.rollup.sources.file import File

PLAIN = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n, sum(x) AS x FROM bids GROUP BY ALL"
HEADER = "ts,x\n"


def rollup(folder: Path, pattern: str, statement: str = PLAIN, **options: Any) -> Rollup:
    return Rollup.from_sql(statement, name="plain", sources={"bids": folder / pattern}, **options)


def refused(level: Rollup, message: str, error: type[Exception] = SourceError) -> None:
    """A refresh fails, and everything is as it was."""
    before = everything(level.connection)
    with pytest.raises(error, match=message):
        level.refresh()
    assert everything(level.connection) == before


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "csv.gz", "ndjson"])
def test_every_kind_of_file_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, batched: bool
) -> None:
    if batched:
        monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    for part in range(3):
        path = write_events(
            tmp_path / f"{part}.{'csv' if '.' in kind else kind.removeprefix('nd')}", part * 60, part * 60 + 90
        )
        if kind == "csv.gz":
            (tmp_path / f"{part}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        elif kind == "ndjson":
            path.rename(path.with_suffix(".ndjson"))
    statement = HOURLY.replace("(price", "(price::DECIMAL(10, 2)").replace("DECIMAL(10, 2)::DOUBLE", "DOUBLE")
    level = hourly(tmp_path, f"*.{kind}", statement=statement)
    level.refresh()
    parts = " UNION ALL ".join(EVENTS.format(first=part * 60, last=part * 60 + 90) for part in range(3))
    assert table(level) == content(level.connection, HOURLY.replace("FROM bids", f"FROM ({parts}) AS bids"))
    assert level.status()[0].rows == 270
    assert level.refresh().batches == []


def test_kinds_are_mixed_and_patterns_overlap(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "SELECT TIMESTAMP '2024-01-01 00:10' AS ts, 1::BIGINT AS x")
    (tmp_path / "b.csv").write_text(HEADER + "2024-01-01 00:20:00,2\n")
    (tmp_path / "c.json").write_text('{"ts": "2024-01-01 00:30:00", "x": 4}\n')
    (tmp_path / "link.parquet").symlink_to(tmp_path / "a.parquet")
    sources = {"bids": [tmp_path / "*.*", tmp_path / "*.csv", str(tmp_path / "a.parquet")]}
    level = Rollup.from_sql(PLAIN, name="plain", sources=sources)
    assert level.refresh().files == 3
    assert [row[1:] for row in table(level)] == [(3, 7)]


@pytest.mark.parametrize("name", ["a[b].parquet", "a*.parquet", "a?.parquet", "it's.parquet", "a b%20.parquet"])
def test_a_file_name_is_a_name_and_no_pattern(tmp_path: Path, name: str) -> None:
    write(tmp_path / "ab.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x")
    write(tmp_path / name, "SELECT TIMESTAMP '2024-01-01' AS ts, 10::BIGINT AS x")
    level = rollup(tmp_path, "*.parquet")
    level.refresh()
    assert [row[1:] for row in table(level)] == [(2, 11)]


def test_files_without_rows_are_counted_as_such(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x WHERE false")
    level = rollup(tmp_path, "*.parquet")
    assert (level.refresh().files, table(level)) == (1, [])
    write(tmp_path / "1.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x")
    level.refresh()
    write(tmp_path / "2.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x WHERE false")
    level.refresh()
    assert (len(table(level)), level.status()[0].files) == (1, 3)


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_text_file_with_a_header_alone_says_nothing_of_types(tmp_path: Path, order: str) -> None:
    (tmp_path / ("a.csv" if order == "first" else "c.csv")).write_text(HEADER)
    (tmp_path / "b.csv").write_text(HEADER + "2024-01-01 00:20:00,2\n")
    level = rollup(tmp_path, "*.csv")
    assert (level.refresh().files, [row[1:] for row in table(level)]) == (2, [(1, 2)])


def test_where_leaves_a_file_empty(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 50)
    level = rollup(
        tmp_path, "*.parquet", PLAIN.replace("sum(x)", "sum(user_id)").replace("GROUP", "WHERE price > 99 GROUP")
    )
    level.refresh()
    assert (table(level), level.status()[0].files, level.refresh().batches) == ([], 1, [])


SECONDS = pytest.param(
    "TIMESTAMP_S",
    marks=pytest.mark.skipif(
        not HAS_REPOSITORIES, reason="needs DuckDB 2.0, which writes an infinite TIMESTAMP_S to Parquet"
    ),
)


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ", "DATE", "TIMESTAMP_NS", SECONDS])
def test_absurd_times_are_kept_out_and_counted(tmp_path: Path, kind: str) -> None:
    times = ["2024-01-01", "1899-12-31", "2261-01-01", "infinity", "-infinity"]
    times += [] if kind == "TIMESTAMP_NS" else ["9999-12-31", "0001-01-01", "15000-01-01"]
    listed = ", ".join(f"('{time}'::{kind}, 1::BIGINT)" for time in times)
    write(tmp_path / "a.parquet", f"FROM (VALUES {listed}, (NULL, 1)) AS t(ts, x)")
    level = rollup(tmp_path, "*.parquet", PLAIN.replace("hour", "day"), time_zone="Asia/Tokyo")
    assert [change.rows for change in level.preview()] == [1]
    refreshed = level.refresh()
    assert (refreshed.rows, refreshed.rejected_rows) == (1, len(times))
    level.coarsen("month", "months")
    assert [row[1:] for row in table(level)] == [(1, 1)]
    assert level.status()[0].rejected_rows == len(times)
    assert len(level.changes()) == 1


def damage(path: Path, good: bytes) -> dict[str, Callable[[], object]]:
    return {
        "text": lambda: path.write_text("no Parquet at all"),
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(good[:-20]),
        "pages": lambda: path.write_bytes(good[:4] + b"\xff" * (len(good) // 2) + good[4 + len(good) // 2 :]),
    }


@pytest.mark.parametrize("how", ["text", "empty", "truncated", "pages"])
@pytest.mark.parametrize("first", [True, False])
def test_an_unreadable_file_is_named(tmp_path: Path, how: str, first: bool) -> None:
    write_events(tmp_path / "0.parquet", 0, 5000)
    level = hourly(tmp_path)
    if not first:
        level.refresh()
    write_events(tmp_path / "1.parquet", 0, 5000)
    bad = tmp_path / "2.parquet"
    damage(bad, (tmp_path / "0.parquet").read_bytes())[how]()
    write_events(tmp_path / "3.parquet", 0, 5000)
    refused(level, r"2\.parquet")
    bad.unlink()
    level.refresh()
    assert table(level) == of_raw(level, str(tmp_path / "*.parquet"))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("bad", ["0.parquet", "2.parquet"])
def test_a_file_without_a_column_is_named(tmp_path: Path, known: bool, bad: str) -> None:
    good = "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x"
    write(tmp_path / "1.parquet", good)
    level = rollup(tmp_path, "*.parquet")
    if known:
        level.refresh()
    write(tmp_path / "a.parquet", good)
    write(tmp_path / bad, "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS y")
    refused(level, rf"{bad}: there is no column x")


def test_a_single_file_without_a_column_is_named(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS y")
    refused(rollup(tmp_path, "*.parquet"), r"0\.parquet", RollupError)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("kind", ["VARCHAR", "DOUBLE", "DECIMAL(10, 2)"])
def test_a_column_whose_type_changed_is_named(tmp_path: Path, alone: bool, kind: str) -> None:
    write(tmp_path / "0.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x")
    level = rollup(tmp_path, "*.parquet")
    if alone:
        level.refresh()
    write(tmp_path / "1.parquet", f"SELECT TIMESTAMP '2024-01-01' AS ts, 1::{kind} AS x")
    refused(level, r"1\.parquet: column x is .*, and in what was counted before it is BIGINT")


@pytest.mark.parametrize("order", [("INTEGER", "BIGINT"), ("BIGINT", "INTEGER"), ("UINTEGER", "SMALLINT")])
@pytest.mark.parametrize("alone", [True, False])
def test_integers_of_any_width_are_one_type(tmp_path: Path, order: tuple[str, str], alone: bool) -> None:
    statement = "SELECT date_trunc('hour', ts) AS hour, x, max(x) AS top, hll_sketch_agg(x) AS h FROM bids GROUP BY ALL"
    level = rollup(tmp_path, "*.parquet", statement)
    for part, kind in enumerate(order):
        write(tmp_path / f"{part}.parquet", f"SELECT TIMESTAMP '2024-01-01' AS ts, 7::{kind} AS x")
        if alone:
            level.refresh()
    level.refresh()
    assert table(level) == of_raw(level, str(tmp_path / "0.parquet"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_integers_too_large_for_the_table_widen_it(tmp_path: Path, order: tuple[int, int]) -> None:
    statement = PLAIN.replace("sum(x)", "max(x)")
    files = (
        "SELECT TIMESTAMP '2024-01-01' AS ts, 7::INTEGER AS x",
        "SELECT TIMESTAMP '2024-01-01' AS ts, 7_000_000_000 AS x",
    )
    level = rollup(tmp_path, "*.parquet", statement)
    for number in order:
        write(tmp_path / f"{number}.parquet", files[number])
        level.refresh()
    assert [row[1:] for row in table(level)] == [(2, 7_000_000_000)]
    assert level.connection.execute("SELECT typeof(x) FROM plain").fetchall() == [("BIGINT",)]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("csv", "ts,x\n2024-01-01 00:00:00,1\n", "ts,x\n2024-01-01 00:00:00,1.6\n"),
        ("csv", "ts,x\n2024-01-01 00:00:00,1\n", "ts,x\n2024-01-01 00:00:00,many\n"),
        ("csv", "ts,x\n2024-01-01 00:00:00,1\n", "ts\n2024-01-01 00:00:00\n"),
        ("csv", "ts,x\n2024-01-01,1\n", "ts,x\n2024-01-01 10:00:00,1\n"),
        ("json", '{"ts": "2024-01-01 00:00:00", "x": 1}', '{"ts": "2024-01-01 00:00:00", "x": 1.6}'),
        ("json", '{"ts": "2024-01-01 00:00:00", "x": 1}', '{"ts": "2024-01-01 00:00:00", "x": '),
        ("json", '{"ts": "2024-01-01 00:00:00", "x": 1}', '{"ts": "2024-01-01 00:00:00", "x": "many"}'),
    ],
)
def test_bad_text_is_named(tmp_path: Path, alone: bool, kind: str, first: str, second: str) -> None:
    (tmp_path / f"0.{kind}").write_text(first)
    level = rollup(tmp_path, f"*.{kind}")
    if alone:
        level.refresh()
    (tmp_path / f"1.{kind}").write_text(second)
    (tmp_path / f"2.{kind}").write_text(first)
    refused(level, rf"1\.{kind}")


@pytest.mark.parametrize("text", ["", "ts\n", "nothing\n"])
def test_text_without_rows_or_columns_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "0.csv").write_text(HEADER + "2024-01-01 00:00:00,1\n")
    level = rollup(tmp_path, "*.csv")
    level.refresh()
    (tmp_path / "1.csv").write_text(text)
    (tmp_path / "2.csv").write_text(HEADER + "2024-01-01 00:00:00,1\n")
    refused(level, r"1\.csv")


def test_columns_are_the_same_in_capitals(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 1::BIGINT AS x")
    level = rollup(tmp_path, "*.parquet")
    level.refresh()
    write(tmp_path / "1.parquet", "SELECT TIMESTAMP '2024-01-01' AS TS, 2::BIGINT AS X")
    level.refresh()
    write(tmp_path / "2.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 4::BIGINT AS X")
    write(tmp_path / "3.parquet", "SELECT TIMESTAMP '2024-01-01' AS Ts, 8::BIGINT AS x")
    level.refresh()
    assert [row[1:] for row in table(level)] == [(4, 15)]


def test_whole_numbers_are_numbers_with_fractions_where_that_is_declared(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text(HEADER + "2024-01-01 00:00:00,1.5\n")
    (tmp_path / "1.csv").write_text("x,ts\n2,2024-01-01\n")  # in another order, and a date for a time
    refused(rollup(tmp_path, "*.csv"), r"types = \{'(x|ts)'")
    types = "{'x': 'DOUBLE', 'ts': 'TIMESTAMP'}"
    source = f"read_csv('{tmp_path}/*.csv', types = {types})"
    level = Rollup.from_sql(PLAIN, name="plain", sources={"bids": source})
    level.refresh()
    assert [row[1:] for row in table(level)] == [(2, 3.5)]


def test_the_file_at_which_the_statement_fails_is_named_with_lookups(tmp_path: Path) -> None:
    statement = (
        "SELECT date_trunc('hour', ts) AS hour, n.name, sum(x::INTEGER) AS x "
        "FROM bids JOIN names AS n USING (id) GROUP BY ALL"
    )
    for part, x in enumerate(["1", "2", "three", "4"]):
        write(tmp_path / f"{part}.parquet", f"SELECT TIMESTAMP '2024-01-01' AS ts, 1 AS id, '{x}' AS x")
    names = pandas.DataFrame({"id": [1], "name": ["one"]})
    level = Rollup.from_sql(statement, name="plain", sources={"bids": tmp_path / "*.parquet", "names": names})
    refused(level, r"/2\.parquet: .*three")
    (tmp_path / "2.parquet").unlink()
    level.refresh()
    assert [row[1:] for row in table(level)] == [("one", 7)]


@pytest.mark.parametrize("join", ["JOIN names USING (id)", "NATURAL JOIN names"])
def test_lookup_tables_are_files_data_or_tables(tmp_path: Path, join: str) -> None:
    write(tmp_path / "0.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, i AS id FROM range(4) t(i)")
    write(tmp_path / "names.csv", "SELECT i AS id, i % 2 = 0 AS even FROM range(3) t(i)")
    statement = f"SELECT date_trunc('hour', ts) AS hour, even, count(*) AS n FROM bids {join} GROUP BY ALL"
    frame = pandas.DataFrame({"id": [0, 1, 2], "even": [True, False, True]})
    for given in ({"names": tmp_path / "names.csv"}, {"names": frame}, {}):
        with duckdb_sketch.connect() as connection:
            if not given:
                connection.execute(f"CREATE TABLE names AS FROM '{tmp_path}/names.csv'")
            sources = {"bids": tmp_path / "*.parquet", **given}
            level = Rollup.from_sql(statement, name="plain", sources=sources, database=connection)
            level.refresh()
            assert [row[1:] for row in table(level)] == [(False, 1), (True, 2)]


def test_a_lookup_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    sources = {"bids": tmp_path / "*.parquet", "names": tmp_path / "names.csv"}
    with pytest.raises(SourceError, match=r"names\.csv"):
        Rollup.from_sql(PLAIN.replace("bids", "bids JOIN names USING (id)"), name="plain", sources=sources)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    refused(rollup(tmp_path, "*.parquet"), r"\*\.parquet: there is no such file")
    refused(Rollup.from_sql(PLAIN, name="plain"), r"sources=\{'bids'")
    (tmp_path / "a.xlsx").write_text("")
    refused(rollup(tmp_path, "*.xlsx"), r"a\.xlsx: .*\.parquet")
    frame = pandas.DataFrame({"ts": [1]})
    refused(Rollup.from_sql(PLAIN, name="plain", sources={"bids": frame}), r"append")


def test_a_file_that_vanishes_or_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_unchanged = File.check_unchanged
    level = hourly(tmp_path)
    write_events(tmp_path / "0.parquet", 0, 10)
    level.refresh()
    for action in (lambda path: path.unlink(), lambda path: write_events(path, 0, 5, age=1)):
        path = write_events(tmp_path / "1.parquet", 0, 10)

        def meanwhile(file: File, path: Path = path, action: Callable[[Path], object] = action) -> None:
            action(path)
            check_unchanged(file)

        monkeypatch.setattr(File, "check_unchanged", meanwhile)
        refused(level, r"1\.parquet")
        monkeypatch.undo()


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path)
    level.refresh()
    level.connection.execute("UPDATE rollup_manifest.version SET version = 3")
    refused(level, "version 3.*later", ManifestError)


def test_what_the_manifest_names_and_is_gone_is_said(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path)
    level.refresh()
    level.connection.execute("DROP TABLE hourly")
    assert level.status()[0].missing
    write_events(tmp_path / "1.parquet", 10, 20)
    with pytest.raises(ManifestError, match=r"its table is gone: .*rollup drop hourly"):
        level.refresh()
    with pytest.raises(ManifestError, match="there is hourly"):
        open_level("daily", level.connection)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path)
    level.connection.execute("CREATE TABLE Hourly (i INTEGER)")
    refused(level, "another name", RollupError)


@pytest.mark.parametrize("value", [{"u": 1}, 5, "x", "2026-01-01 00:00:00", True, [1]], ids=str)
@pytest.mark.parametrize("order", ["after", "before", "together"])
def test_an_object_without_fields_is_an_object(tmp_path: Path, value: object, order: str) -> None:
    """`{}` was NULL by itself, text next to times, and an error after them."""
    files = {"a": {}, "b": value}
    for name, held in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"ts": "2026-01-01 00:00:00", "c": held}) + "\n")
    batches = {"after": ["b", "a"], "before": ["a", "b"], "together": ["*"]}[order]
    statement = "SELECT date_trunc('day', ts) AS day, count(*) AS n, count(c) AS cs FROM e GROUP BY ALL"

    def count() -> list[tuple[object, ...]]:
        with duckdb_sketch.connect() as connection:
            for batch in batches:
                source = str(tmp_path / f"{batch}.json")
                with Rollup.from_sql(statement, name="r", sources={"e": source}, database=connection) as rollup:
                    rollup.refresh()
            return connection.execute("SELECT n, cs FROM r").fetchall()

    if isinstance(value, dict):
        assert count() == [(2, 2)]
    else:
        with pytest.raises(SourceError, match="column c"):
            count()
