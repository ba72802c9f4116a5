"""What a cube answers is of one moment, each event once, also those that are late, appended, dropped or gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bids import HOURLY, Bids, write_bids, write_day

import duckdb_sketch
from duckdb_sketch.cube import Cube, CubeError
from duckdb_sketch.rollup import LockedError, Rollup, drop_rollup
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.pipeline.drop import drop

COUNT = "SELECT count(*) FROM bids"


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    return Bids(tmp_path)


def test_a_file_that_arrives_is_read_at_once_and_after_a_refresh_still_once(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed(levels=["day"])
    with bids.cube() as cube:
        assert cube.sql(COUNT).fetchall() == [(600,)]
        write_day(tmp_path, "2026-01-02", "late")
        assert cube.sql(COUNT).fetchall() == [(800,)]
        assert [part.why for part in cube.explain(COUNT).parts] == ["", "files not counted yet"]
    bids.refreshed()
    with bids.cube() as cube:
        assert cube.sql(COUNT).fetchall() == [(800,)]
        assert [part.name for part in cube.explain(COUNT).parts] == ["hourly_day"]


@pytest.mark.parametrize("many", [1, 1_000_000])
def test_one_cube_sees_the_refreshes_of_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """Of many records, their digest tells."""
    monkeypatch.setattr("duckdb_sketch.cube.catalog._MANY", many)
    bids = Bids(tmp_path).refreshed(levels=["day"])
    with duckdb_sketch.connect(bids.database) as connection, Cube(connection, sources=bids.sources) as cube:
        for day in ("2026-01-04", "2026-01-05", "2026-01-06"):
            before = cube.sql(COUNT).fetchall()[0][0]
            write_day(tmp_path, day)
            with Rollup.from_sql(HOURLY, name="hourly", sources=bids.sources, database=connection) as hourly:
                hourly.refresh()
            assert cube.sql(COUNT).fetchall() == [(before + 200,)]
            assert not any(part.why for part in cube.explain(COUNT).parts)


def test_refreshes_during_queries_change_no_answer(tmp_path: Path) -> None:
    """Files are there before they are counted, so every answer is of all files that were there before it."""
    bids = Bids(tmp_path).refreshed(levels=["day"])
    with duckdb_sketch.connect(bids.database) as connection, Cube(connection, sources=bids.sources) as cube:
        done = threading.Event()

        def write() -> None:
            try:
                with Rollup.from_sql(HOURLY, name="hourly", sources=bids.sources, database=connection) as hourly:
                    for number in range(3):
                        write_day(tmp_path, "2026-01-02", f"more-{number}")
                        hourly.refresh()
            finally:
                done.set()

        writer = threading.Thread(target=write)
        writer.start()
        counts = []
        while not done.is_set():
            written = len(list(tmp_path.glob("bids-*.parquet")))
            (count,) = cube.sql("SELECT count(*) FROM bids").fetchall()[0]
            assert count % 200 == 0
            assert count >= 200 * (written - 1)  # the last one may not be whole
            counts.append(count)
        writer.join()
        assert counts == sorted(counts)
        assert cube.sql(COUNT).fetchall() == [(1200,)]


def test_a_rollup_that_was_dropped_and_built_again_is_another_one(tmp_path: Path) -> None:
    """It has the same name, and as many batches."""
    bids = Bids(tmp_path).refreshed()
    with duckdb_sketch.connect(bids.database) as connection, Cube(connection, sources=bids.sources) as cube:
        assert cube.sql(COUNT).fetchall() == [(600,)]
        drop(Ledger(connection), "hourly")
        write_day(tmp_path, "2026-01-04")
        with Rollup.from_sql(HOURLY, name="hourly", sources=bids.sources, database=connection) as hourly:
            hourly.refresh()
        assert cube.sql(COUNT).fetchall() == [(800,)]
        assert [part.name for part in cube.explain(COUNT).parts] == ["hourly"]


def test_a_rollup_that_is_made_again_under_the_same_record_is_read_again(tmp_path: Path) -> None:
    """After a checkpoint the new record has the number of the old one's row, and the same last batch and last event."""
    file, select = (
        tmp_path / "bids.parquet",
        "SELECT TIMESTAMP '2026-01-02' - to_hours(i) AS ts, {} AS v FROM range(9) t(i)",
    )
    statement = "SELECT date_trunc('hour', ts) AS hour, sum(v) AS v FROM bids GROUP BY ALL"
    with (
        duckdb_sketch.connect(tmp_path / "rollups.duckdb") as connection,
        Cube(connection, {"bids": str(file)}) as cube,
    ):
        for value in (1, 2):
            connection.execute(f"COPY ({select.format(value)}) TO '{file}'")
            with Rollup.from_sql(statement, name="hourly", sources={"bids": str(file)}, database=connection) as rollup:
                rollup.refresh()
            asked = "SELECT sum(v) FROM bids"
            assert cube.sql(asked).fetchall() == [(9 * value,)]
            assert [part.name for part in cube.explain(asked).parts] == ["hourly"]
            drop_rollup("hourly", connection)
            connection.execute("CHECKPOINT")


def test_a_query_that_is_asked_again_is_of_now(tmp_path: Path) -> None:
    """What it was answered from may have expired, or have been dropped, since."""
    bids = Bids(tmp_path).refreshed(levels=["day"])
    query = "SELECT hour(ts) AS h, count(*) FROM bids GROUP BY ALL ORDER BY ALL"
    with duckdb_sketch.connect(bids.database) as connection, Cube(connection, sources=bids.sources) as cube:
        wanted = cube.sql(query).fetchall()
        assert [part.name for part in cube.explain(query).parts] == ["hourly"]
        with Rollup.from_sql(HOURLY, name="hourly", sources=bids.sources, database=connection) as hourly:
            hourly.expire(before=datetime(2026, 1, 2))
        assert [part.name for part in cube.explain(query).parts] == [None, "hourly"]
        assert cube.sql(query).fetchall() == wanted
        (tmp_path / "bids-2026-01-01.parquet").unlink()
        with pytest.raises(CubeError, match=r"bids-2026-01-01.parquet, which was counted, is gone"):
            cube.sql(query)


def test_planning_asks_the_ledger_as_often_whatever_the_rollups(bids: Bids, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: Any = None) -> Any:
        asked.append(query)
        return connection.execute(query, parameters).fetchall()

    with duckdb_sketch.connect(bids.database) as connection:
        for number in range(3):
            with Rollup.from_sql(HOURLY, name=f"r{number}", sources=bids.sources, database=connection) as rollup:
                rollup.refresh()
        with Cube(connection, sources=bids.sources) as cube:
            cube.explain(COUNT)
            monkeypatch.setattr("duckdb_sketch.rollup.ledger.ledger.fetch", fetch)
            monkeypatch.setattr("duckdb_sketch.rollup.ledger.migration.fetch", fetch)
            assert cube.explain(f"{COUNT} -- which is another query").routed
    assert len(asked) == 1


def test_the_database_that_a_connection_uses(tmp_path: Path) -> None:
    bids = Bids(tmp_path).refreshed()
    with duckdb_sketch.connect() as connection:
        connection.execute(f"ATTACH '{bids.database}' AS rollups")
        connection.execute("USE rollups")
        with Cube(connection) as cube:
            assert cube.explain(COUNT).routed
            assert cube.sql(COUNT).fetchall() == [(600,)]


def one_bid() -> duckdb.DuckDBPyRelation:
    return duckdb.sql(
        "SELECT TIMESTAMP '2026-01-02 12:30' AS ts, 'de' AS country, 'view' AS kind, 1 AS user_id, "
        "1.5::DECIMAL(8, 2) AS price"
    )


def test_appended_events_are_answered_by_whole_buckets(bids: Bids) -> None:
    with bids.rollup() as hourly:
        hourly.refresh()
        hourly.append(one_bid(), batch_id="one")
    assert bids.ask(COUNT) == [(601,)]
    assert bids.ask("SELECT count(*) FROM bids WHERE ts >= TIMESTAMP '2026-01-02 12:00'") == [(298,)]
    for query in ("SELECT max(user_id) FROM bids", f"{COUNT} WHERE ts < TIMESTAMP '2026-01-02 12:20'"):
        with pytest.raises(CubeError, match="were appended, and are in no file"):
            bids.ask(query)
    # Before the appended event nothing is missing.
    assert bids.ask("SELECT max(user_id) FROM bids WHERE ts < TIMESTAMP '2026-01-02 12:00'")


def test_a_rollup_without_what_was_appended_to_another_does_not_answer_there(bids: Bids) -> None:
    bids.refreshed(HOURLY, "first").refreshed(HOURLY, "second")
    with bids.rollup(name="first") as first:
        first.append(one_bid(), batch_id="one")
    assert bids.ask(COUNT) == [(601,)]
    with bids.rollup(name="second") as second:
        second.append(one_bid(), batch_id="one")
    assert bids.ask(COUNT) == [(601,)]


def test_files_that_are_gone_are_answered_by_whole_buckets(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed(levels=["day"])
    (tmp_path / "bids-2026-01-01.parquet").unlink()
    assert bids.ask(COUNT) == [(600,)]
    query = f"{COUNT} WHERE ts >= TIMESTAMP '2026-01-01 10:30'"
    with pytest.raises(CubeError, match=r"bids-2026-01-01.parquet, which was counted, is gone"):
        bids.ask(query)
    assert bids.ask(query.replace("10:30", "10:00")) == [(514,)]
    assert bids.ask(query, edges="buckets") == [(514,)]
    assert "widened to whole buckets: 2026-01-01 10:00:00 to …" in str(bids.explain(query, edges="buckets"))
    between = query + " AND ts < TIMESTAMP '2026-01-01 12:15'"
    assert bids.ask(between, edges="buckets") == [(26,)]


def test_expired_hours_are_answered_by_days(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    with bids.rollup() as hourly:
        hourly.expire(before=datetime(2026, 1, 3))
    query = "SELECT hour(ts) AS h, count(*) FROM bids WHERE ts >= TIMESTAMP '2026-01-02 22:00' GROUP BY ALL ORDER BY 1"
    assert bids.ask(query) == bids.raw(query)  # what has expired comes from the files
    assert bids.ask(COUNT) == [(600,)]


def test_events_without_a_sane_time_are_counted_where_no_range_is_asked_for(bids: Bids, tmp_path: Path) -> None:
    times = ("NULL", "'1800-01-01'", "'2500-01-01'")
    write_bids(tmp_path, *(f"({time}, 'de', 'view', 1, 2)" for time in times))
    bids.refreshed(levels=["day"])
    for condition in ("true", "ts IS NULL", "ts < '2026-01-02'", "ts > '2026-01-02 12:00'", "ts < '1850-01-01'"):
        query = f"{COUNT} WHERE {condition}"
        assert bids.ask(query) == bids.raw(query), query
    assert bids.explain(COUNT).routed


def test_events_that_were_dropped_as_late_are_read_from_their_files(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed(levels=["day"], late="drop")
    late = write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)")
    with bids.rollup(late="drop") as hourly:
        assert hourly.refresh().dropped_rows == 1
    assert bids.ask(COUNT) == [(601,)]
    late.unlink()  # what is in no file, and in no rollup, is not an event
    assert bids.ask(COUNT) == [(600,)]


def test_the_ledger_remembers_the_source(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed()
    write_day(tmp_path, "2026-01-04")
    with Cube(bids.database) as cube:
        assert cube.sql(COUNT).fetchall() == [(800,)]


def test_without_a_source_the_events_are_those_that_were_counted(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed()
    write_day(tmp_path, "2026-01-04")
    with duckdb.connect(str(bids.database)) as connection:
        connection.execute("UPDATE rollup_manifest.rollups SET source = NULL")  # as in a ledger of an older version
    with Cube(bids.database) as cube:
        assert cube.sql(COUNT).fetchall() == [(600,)]
        assert "give its files" in str(cube.explain(COUNT))


def test_rollups_by_two_event_times_do_not_mix_them(tmp_path: Path) -> None:
    """A file's first and last event are those of one event time, and say nothing of the other."""
    bids = Bids(tmp_path, days=[])
    duckdb.sql(
        "SELECT TIMESTAMP '2026-01-01' + to_minutes(i * 10) AS ts, "
        "TIMESTAMP '2030-06-01' - to_minutes(i * 7) AS due, i FROM range(300) t(i)"
    ).write_parquet(str(tmp_path / "bids-1.parquet"))
    for event in ("ts", "due"):
        bids.refreshed(f"SELECT date_trunc('hour', {event}) AS h, count(*) AS n FROM bids GROUP BY ALL", event)
    for condition in (
        "ts >= TIMESTAMP '2026-01-01 10:05'",
        "due < TIMESTAMP '2030-05-31 10:05'",
        "due >= TIMESTAMP '2030-05-31 10:05' AND ts >= TIMESTAMP '2026-01-01 10:05'",
        "due >= TIMESTAMP '2030-05-31 10:05' AND i > 3",
        "ts >= TIMESTAMP '2026-01-01 10:05' AND i > 3",
    ):
        query = f"{COUNT} WHERE {condition}"
        assert bids.ask(query) == bids.raw(query), query


def test_files_that_a_rollup_of_some_events_has_counted_may_hold_others(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    write_bids(
        tmp_path, "(NULL, 'fr', 'view', 1, 2)", "('1800-01-01', 'fr', 'view', 1, 2)", "('2026-01-05', 'de', 'x', 1, 2)"
    )
    bids.refreshed(HOURLY.replace("GROUP BY", "WHERE country = 'de' GROUP BY"), "german")
    for condition in ("true", "ts < TIMESTAMP '2026-01-02'", "country = 'fr' AND ts < TIMESTAMP '1900-01-01'"):
        query = f"{COUNT} WHERE {condition}"
        assert bids.ask(query) == bids.raw(query), query


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CubeError, match="there is no database"):
        Cube(tmp_path / "none.duckdb")
    assert not (tmp_path / "none.duckdb").exists()


def test_a_level_whose_table_was_dropped_answers_nothing(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    with duckdb.connect(str(bids.database)) as connection:
        connection.execute("DROP TABLE hourly_day")
    with bids.cube() as cube:
        assert cube.sql(COUNT).fetchall() == [(600,)]


def test_a_locked_database_is_waited_for(bids: Bids) -> None:
    bids.refreshed()
    hold = f"import duckdb, sys; c = duckdb.connect({str(bids.database)!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(LockedError, match=rf"rollups.duckdb is open in process {process.pid}.*or wait for it"):
            bids.cube(wait=0)
        process.communicate()
    assert bids.ask(COUNT) == [(600,)]
