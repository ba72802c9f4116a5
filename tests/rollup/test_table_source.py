"""Tables and views of DuckDB as sources: each row once, in one snapshot, and what changes behind the cursor is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import run
from events import EVENTS, HOURLY, content, everything, table

import duckdb_sketch
from duckdb_sketch import Cube, cli
from duckdb_sketch.rollup import ChangedFilesError, LockedError, Refreshed, Rollup, SourceError, TableSource
from duckdb_sketch.rollup.pipeline.refresh import Refresh
from duckdb_sketch.rollup.sources.table_reader import TableReader

NUMBERED = "SELECT row_number() OVER (ORDER BY ts) + {first} AS id, * FROM (" + EVENTS + ")"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb_sketch.connect()
    con.execute(f"CREATE TABLE events AS {NUMBERED.format(first=0, last=100)}")
    return con


def rollup_of(con: duckdb.DuckDBPyConnection, cursor: str = "id", **options: object) -> Rollup:
    source = TableSource(str(options.pop("table", "events")), cursor, options.pop("lag", None))  # type: ignore[arg-type]
    return Rollup.from_sql(HOURLY, sources={"bids": source}, name="hourly", database=con)


def insert(con: duckdb.DuckDBPyConnection, first: int, last: int) -> None:
    con.execute(f"INSERT INTO events {NUMBERED.format(first=first, last=last)}")


def expected(con: duckdb.DuckDBPyConnection) -> list[Any]:
    return content(con, HOURLY.replace("FROM bids", "FROM events AS bids"))


def test_rows_count_once(con: duckdb.DuckDBPyConnection) -> None:
    with rollup_of(con) as rollup:
        assert rollup.refresh().rows == 100
        assert rollup.refresh().batches == []
        insert(con, 100, 150)
        assert rollup.refresh().rows == 50
        assert table(rollup) == expected(con)
        assert rollup.status()[0].rows == 150
        assert rollup.verify(sample=1000).ok
        before = table(rollup)
        rollup.replay()
        assert table(rollup) == before
        assert rollup.refresh().batches == []


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM events WHERE id = 5",
        "UPDATE events SET user_id = 999 WHERE id = 5",
        "INSERT INTO events SELECT 5, ts, publisher, user_id, price FROM events WHERE id = 7",
        "UPDATE events SET user_id = CASE WHEN id = 5 THEN 1000 ELSE 1001 END WHERE id IN (5, 6)",
    ],
)
def test_changes_behind_the_cursor(con: duckdb.DuckDBPyConnection, change: str) -> None:
    with rollup_of(con) as rollup:
        rollup.refresh()
        insert(con, 100, 150)
        rollup.refresh()
        counted = table(rollup)
        con.execute(change)
        with pytest.raises(ChangedFilesError, match=r"events: id up to 100\. Rebuild their buckets with on_change"):
            rollup.refresh()
        assert table(rollup) == counted
        assert rollup.refresh(on_change="rebuild").rebuilt == 1
        assert table(rollup) == expected(con)
        assert rollup.refresh().batches == []


def test_what_the_statement_does_not_read_may_change(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("ALTER TABLE events ADD COLUMN note VARCHAR")
    with rollup_of(con) as rollup:
        rollup.refresh()
        con.execute("UPDATE events SET note = 'seen'")
        assert rollup.refresh().batches == []


def test_a_lagging_time(con: duckdb.DuckDBPyConnection) -> None:
    with rollup_of(con, "ts", lag="2 hours") as rollup:
        assert rollup.refresh().rows == 97
        con.execute("INSERT INTO events SELECT 1000, ts, 'late', 1, 1 FROM events WHERE id = 99")
        insert(con, 100, 150)
        rollup.refresh()
        with rollup_of(con, "ts") as all_of_them:
            all_of_them.refresh()
        assert table(rollup) == expected(con)


def test_rows_of_a_large_table_come_in_batches(con: duckdb.DuckDBPyConnection) -> None:
    with rollup_of(con) as rollup:
        reader = TableReader(con, rollup.specification, TableSource("events", "id"), most_rows=30)
        found = reader.poll({}).new
    assert len(found) == 4
    assert sum(each.measure().rows for each in found) == 100


def test_a_view_and_an_attached_database(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    con.execute(f"ATTACH '{tmp_path / 'app.db'}' AS app; CREATE TABLE app.events AS FROM events WHERE id > 10")
    con.execute("CREATE VIEW few AS FROM app.events WHERE id <= 60")
    with rollup_of(con, table="few") as rollup:
        assert rollup.refresh().rows == 50
    with Rollup.from_sql(HOURLY, sources={"bids": TableSource("app.main.events", "id")}, name="b", database=con) as b:
        assert b.refresh().rows == 90


def test_another_connection_is_not_counted_twice(con: duckdb.DuckDBPyConnection) -> None:
    """Two refreshes that found different ranges: the second one, later, sees that a batch came in between."""
    with rollup_of(con) as one, rollup_of(con) as other:
        one.refresh()
        insert(con, 100, 120)
        refresh = Refresh(one._target, one._source.reader(), one._engine, 1000, levels=True)
        refresh._note_last()
        stale = refresh.source.poll(one._target.fingerprints("range")).new
        insert(con, 120, 150)
        other.refresh()
        with pytest.raises(LockedError, match="another connection"):
            refresh._commit(stale, Refreshed("hourly"), complete=True)
        assert table(one) == expected(con)


def test_a_failed_commit_counts_nothing(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    with rollup_of(con) as rollup:
        rollup.refresh()
        insert(con, 100, 150)
        before = everything(con)
        monkeypatch.setattr("duckdb_sketch.rollup.pipeline.commit.advance", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rollup.refresh()
        monkeypatch.undo()
        assert everything(con) == before
        rollup.refresh()
        assert table(rollup) == expected(con)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DROP TABLE events", "the table events cannot be read: restore it"),
        ("ALTER TABLE events RENAME user_id TO uid", "events: there is no column user_id"),
        ("ALTER TABLE events DROP COLUMN id", "events: there is no column id, which is its cursor"),
        ("UPDATE events SET id = NULL WHERE id = 5", "id is NULL in 1 rows"),
        ("ALTER TABLE events ALTER user_id TYPE VARCHAR", "column user_id is VARCHAR"),
    ],
)
def test_errors(con: duckdb.DuckDBPyConnection, change: str, message: str) -> None:
    with rollup_of(con) as rollup:
        rollup.refresh()
        before = table(rollup)
        con.execute(change)
        if "RENAME" in change or "VARCHAR" in change:
            con.execute(f"INSERT INTO events {NUMBERED.format(first=200, last=220)}")
        with pytest.raises(SourceError, match=message):
            rollup.refresh()
        assert table(rollup) == before


def test_another_cursor_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with rollup_of(con) as rollup:
        rollup.refresh()
    with rollup_of(con, "ts") as rollup, pytest.raises(SourceError, match="rows would be counted twice"):
        rollup.refresh()


def test_a_declaration_is_kept_and_read() -> None:
    source = TableSource("app.main.events", 'a "b"', "2 hours")
    assert TableSource.of(source.text) == source
    with pytest.raises(SourceError, match="name the column that grows"):
        TableSource.of("table('events')")


def test_a_cube_reads_what_is_above_the_cursor(con: duckdb.DuckDBPyConnection) -> None:
    """Two rollups that are refreshed at different times, and rows that neither has."""
    con.execute("ALTER TABLE events RENAME TO bids")
    sources = {"bids": TableSource("bids", "id")}
    with (
        Rollup.from_sql(HOURLY, sources=sources, name="hourly", database=con) as hourly,
        Rollup.from_sql(HOURLY.replace("hour", "day"), sources=sources, name="daily", database=con) as daily,
    ):
        for first, rollup in ((100, hourly), (150, daily), (200, hourly), (250, None)):
            con.execute(f"INSERT INTO bids {NUMBERED.format(first=first, last=first + 50)}")
            if rollup:
                rollup.refresh()
    for question in (
        "SELECT count(*), sum(price) FROM bids",
        "SELECT publisher, count(*) FROM bids WHERE ts >= '2024-02-27 10:20' AND ts < '2024-03-03 05:10' GROUP BY ALL",
        "SELECT date_trunc('day', ts) AS d, count(*) FROM bids GROUP BY ALL",
        "SELECT user_id, count(*) FROM bids GROUP BY ALL",
    ):
        with Cube(con) as cube:
            assert sorted(cube.sql(question).fetchall(), key=str) == sorted(con.sql(question).fetchall(), key=str)


def test_an_import_goes_on_where_the_export_was(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with rollup_of(con) as rollup:
        rollup.refresh()
        rollup.append(con.sql(EVENTS.format(first=50, last=60)), batch_id="1", spool=tmp_path / "spool")
        rollup.export(tmp_path / "out")
        before = table(rollup)
    other = duckdb_sketch.connect()
    other.execute(f"CREATE TABLE events AS {NUMBERED.format(first=0, last=120)}")
    sources = {"bids": TableSource("events", "id")}
    with Rollup.from_export(tmp_path / "out", database=other, sources=sources) as imported:
        assert table(imported) == before
        assert imported.refresh().rows == 20
        assert imported.status()[0].rows == 130
        after = table(imported)
        imported.replay()
        assert table(imported) == after
        assert imported.verify(sample=1000).ok


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    database, statement = tmp_path / "r.db", tmp_path / "hourly.sql"
    statement.write_text(HOURLY)
    with duckdb.connect(str(database)) as con:
        con.execute(f"CREATE TABLE events AS {NUMBERED.format(first=0, last=100)}")

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["duckdb-sketch", "rollup", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, " ".join(err.split())

    options = ["-d", str(database), "--source", "bids=table:events", "--cursor", "id"]
    assert "1 range, 100 rows" in run("refresh", str(statement), *options)[1]
    assert run("verify", str(statement), *options)[0] == 0
    code, _, error = run("refresh", str(statement), *options[:4])
    assert (code, "--cursor id" in error) == (1, True)


def test_a_table_of_another_database(tmp_path: Path) -> None:
    """Others may write to it again once it was read."""
    app = tmp_path / "app.duckdb"

    def write(statement: str) -> None:
        with duckdb.connect(app) as other:
            other.execute(statement)

    write(f"CREATE TABLE events AS {NUMBERED.format(first=0, last=50)}")
    source = TableSource("events", "id", database=app)
    with Rollup.from_sql(HOURLY, sources={"bids": source}, database=tmp_path / "r.duckdb", name="hourly") as rollup:
        assert rollup.refresh().rows == 50
        write(f"INSERT INTO events {NUMBERED.format(first=50, last=60)}")
        assert rollup.refresh().rows == 10
        write("DELETE FROM events WHERE id = 3")
        with pytest.raises(ChangedFilesError):
            rollup.refresh()
        rollup.refresh(on_change="rebuild")
        rollup.replay()
        assert rollup.verify(sample=1000).ok
        before = table(rollup)
        nowhere = TableSource("events", "id", database=tmp_path / "none.duckdb")
        with pytest.raises(SourceError, match=r"there is no database .*none\.duckdb: correct its name"):
            TableReader(rollup.connection, rollup.specification, nowhere).poll({})
    (tmp_path / "hourly.sql").write_text(HOURLY)
    options = ["--source", "bids=table:events", "--cursor", "id", "--attach", str(app), "--database"]
    made = run("rollup", "refresh", str(tmp_path / "hourly.sql"), *options, str(tmp_path / "cli.duckdb"))
    assert made.returncode == 0, made.stderr
    with Rollup.from_sql(HOURLY, database=tmp_path / "cli.duckdb", name="hourly") as other:
        assert table(other) == before
    with Cube(tmp_path / "r.duckdb") as cube:
        assert cube.sql("SELECT count(*) FROM bids WHERE ts < '2024-02-27 20:30'").fetchall() == [(30,)]
    write("DROP TABLE events")


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ("DELETE FROM events WHERE id = 5", "100 rows then, 99 now"),
        ("INSERT INTO events SELECT 5, TIMESTAMP '2030-01-01', 'a', 1, 1", "100 rows then, 101 now"),
    ],
)
def test_a_cube_finds_rows_that_came_or_went_behind_the_cursor(
    con: duckdb.DuckDBPyConnection, change: str, rows: str
) -> None:
    question = "SELECT count(*) FROM {} WHERE ts >= '2024-02-27'"
    with rollup_of(con) as rollup, Cube(con) as cube:
        rollup.refresh()
        assert cube.explain(question.format("bids")).routed
        con.execute(change)
        insert(con, 100, 110)
        explanation = cube.explain(question.format("bids"))
        assert f"id up to 100: {rows}" in str(explanation)
        assert "show after a refresh" in str(explanation)  # what a cube does not look for
        for when in ("ts >= '2024-02-27'", "ts >= '2029-01-01'"):
            asked = f"SELECT count(*) FROM {{}} WHERE {when}"
            assert cube.sql(asked.format("bids")).fetchall() == con.sql(asked.format("events")).fetchall()
        rollup.refresh(on_change="rebuild")
        assert cube.explain(question.format("bids")).routed


def test_a_cube_takes_no_rows_without_a_cursor(con: duckdb.DuckDBPyConnection) -> None:
    with rollup_of(con) as rollup, Cube(con) as cube:
        rollup.refresh()
        con.execute("INSERT INTO events (ts) VALUES ('2024-02-27')")
        with pytest.raises(SourceError, match="id is NULL in 1 rows"):
            cube.sql("SELECT count(*) FROM bids")
