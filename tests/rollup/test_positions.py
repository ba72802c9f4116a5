"""Where sources stand: positions, lag and errors in `status`; the watermark of several is the least of theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from command_line import run
from events import HOURLY, everything, table, write_events

import duckdb_sketch
from duckdb_sketch import Cube
from duckdb_sketch.rollup import Rollup, RollupError, SourceError, SourceStatus, TableSource, several


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb_sketch.connect()


def of(con: duckdb.DuckDBPyConnection, source: object) -> Rollup:
    return Rollup.from_sql(HOURLY, sources={"bids": source}, database=con, name="hourly")


def sources(rollup: Rollup) -> tuple[SourceStatus, ...]:
    return rollup.status()[0].sources


def test_one_source(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for number in range(3):
        write_events(tmp_path / f"{number}.parquet", number * 10, number * 10 + 10)
    with of(con, tmp_path / "*.parquet") as rollup:
        rollup.refresh()
        (found,) = sources(rollup)
        assert found.source == f"{tmp_path}/*.parquet"
        assert found.position == str(tmp_path / "2.parquet")
        assert (found.highest_event, found.lag) == (datetime(2024, 2, 27, 19, 30), timedelta(0))
        assert (found.waiting, found.error, found.idle) == (0, None, False)


def test_a_table(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE events AS SELECT i AS id, TIMESTAMP '2026-01-01' AS ts, i AS price, i AS user_id, "
        "'a' AS publisher FROM range(5) t(i)"
    )
    with of(con, TableSource("events", "id")) as rollup:
        rollup.refresh()
        (found,) = sources(rollup)
        assert (found.source, found.position) == ("table('events', cursor = 'id')", "events: id up to 4")
        con.execute("DROP TABLE events")
        with pytest.raises(SourceError):
            rollup.refresh()
        assert "the table events cannot be read: restore it" in str(sources(rollup)[0].error)


def test_the_last_error_is_kept_until_all_is_well(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", 0, 10)
    with of(con, tmp_path / "*.parquet") as rollup:
        rollup.refresh()
        (tmp_path / "b.parquet").write_bytes(b"PAR1, and nothing else")
        with pytest.raises(SourceError):
            rollup.refresh()
        (found,) = sources(rollup)
        assert found.waiting == 1
        assert f"{tmp_path}/b.parquet" in str(found.error)
        assert found.failed is not None
        before = everything(con)
        (tmp_path / "b.parquet").unlink()
        rollup.refresh()
        (found,) = sources(rollup)
        assert (found.waiting, found.error, found.failed) == (0, None, None)
        assert everything(con) == before


def test_the_watermark_of_several_is_the_least(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Without that the second part of the test would find late rows."""
    eu, us = tmp_path / "eu" / "*.parquet", tmp_path / "us" / "*.parquet"
    write_events(tmp_path / "eu" / "1.parquet", 0, 60)
    (tmp_path / "us").mkdir()
    with of(con, several(eu, us)) as rollup:
        with pytest.raises(SourceError, match=r"us/\*\.parquet: there is no such file"):
            rollup.refresh()
        assert (rollup.status()[0].rows, rollup.status()[0].watermark) == (60, None)
        assert "there is no such file" in str(sources(rollup)[1].error)
        write_events(tmp_path / "us" / "1.parquet", 0, 10)
        assert rollup.refresh().watermark == datetime(2024, 2, 27, 6, 10)
        assert [each.lag for each in sources(rollup)] == [timedelta(0), timedelta(minutes=40 * 50)]
        write_events(tmp_path / "us" / "2.parquet", 10, 30)
        last = rollup.refresh()
        assert (last.late_rows, last.watermark) == (0, datetime(2024, 2, 27, 19, 30))
        assert [each.error for each in sources(rollup)] == [None, None]
        assert rollup.verify(sample=1000).ok
        before = table(rollup)
        rollup.replay()
        assert table(rollup) == before
        rollup.export(tmp_path / "out")
        with Rollup.from_export(tmp_path / "out") as imported:
            assert sources(imported) == sources(rollup)
    with Cube(con) as cube:
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(90,)]


def test_an_idle_source_is_timed_out(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    eu, us = tmp_path / "eu" / "*.parquet", tmp_path / "us" / "*.parquet"
    write_events(tmp_path / "eu" / "1.parquet", 0, 60)
    write_events(tmp_path / "us" / "1.parquet", 0, 10)
    with of(con, several(eu, us, idle=timedelta(hours=1))) as rollup:
        assert rollup.refresh().watermark == datetime(2024, 2, 27, 6, 10)
        con.execute("UPDATE rollup_manifest.sources SET moved = now() - INTERVAL 2 HOUR WHERE source LIKE '%us%'")
        write_events(tmp_path / "eu" / "2.parquet", 60, 70)
        assert rollup.refresh().watermark == datetime(2024, 2, 28, 22, 10)
        assert [each.idle for each in sources(rollup)] == [False, True]
        write_events(tmp_path / "us" / "2.parquet", 10, 20)
        late = rollup.refresh()
        assert (late.late_rows, late.watermark) == (10, datetime(2024, 2, 28, 22, 10))
        assert [each.idle for each in sources(rollup)] == [False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("several('a.parquet')", "is not several sources"),
        ("several(1, 2)", "is not text"),
        ("several('a', 'b', idle = 'soon')", "soon"),
        ("several('a', 'several(''b'', ''c'')')", "name all of them at once"),
        ("several('a.csv', 'read_csv(''b.csv'', delim = '';'')')", "need the same reader"),
    ],
)
def test_what_is_not_several_sources(con: duckdb.DuckDBPyConnection, text: str, message: str) -> None:
    with pytest.raises(RollupError, match=message):
        of(con, text)


def test_the_command_line_says_where_sources_stand(tmp_path: Path) -> None:
    for place in ("eu", "us"):
        write_events(tmp_path / place / "1.parquet", 0, 10)
    (tmp_path / "hourly.sql").write_text(HOURLY)
    source = f"bids=several('{tmp_path}/eu/*.parquet', '{tmp_path}/us/*.parquet', idle = '1 hour')"
    database = ("--database", str(tmp_path / "a.duckdb"))
    assert run("rollup", "refresh", str(tmp_path / "hourly.sql"), "--source", source, *database).returncode == 0
    (tmp_path / "us" / "1.parquet").unlink()
    failed = run("rollup", "refresh", str(tmp_path / "hourly.sql"), "--source", source, *database)
    assert "us/*.parquet: there is no such file" in failed.stderr
    printed = run("rollup", "status", *database).stdout
    for text in ("last slice", "eu/1.parquet", "last error", "us/*.parquet: there is no such file"):
        assert text in printed


def test_what_is_said_of_missing_columns_moves_no_source(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    eu, us = tmp_path / "eu" / "*.parquet", tmp_path / "us" / "*.parquet"
    write_events(tmp_path / "eu" / "1.parquet", 0, 60)
    write_events(tmp_path / "us" / "1.parquet", 0, 10)
    for missing, number in ((None, 2), ("null", 3), (None, 4)):
        with Rollup.from_sql(
            HOURLY, sources={"bids": several(eu, us)}, database=con, name="hourly", missing=missing
        ) as rollup:
            rollup.refresh()
            write_events(tmp_path / "us" / f"{number}.parquet", number * 10, number * 10 + 10)
            assert rollup.refresh().watermark == rollup.status()[0].sources[1].highest_event
            assert [each.position and each.position[-12:] for each in sources(rollup)] == [
                "eu/1.parquet",
                f"us/{number}.parquet",
            ]


def test_a_replay_with_another_statement_knows_where_its_files_are(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write_events(tmp_path / "1.parquet", 0, 50)
    with of(con, tmp_path / "*.parquet") as rollup:
        rollup.refresh()
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM bids GROUP BY ALL"
    with Rollup.from_sql(statement, database=con, name="hourly") as rollup:
        assert rollup.replay().rows == 50
        assert rollup.table().columns == ["hour", "n"]
