"""Several connections on one database: of this process, of others, and of whoever gave us theirs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import HOURLY, everything, hourly, of_raw, table, write_events
from processes import PROJECT

import duckdb_sketch
from duckdb_sketch.rollup import LockedError, Rollup, RollupError, SourceError, open_level
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.pipeline.watermark import advance

SETTINGS = "SELECT name, value FROM duckdb_settings() ORDER BY ALL"
ROWS = "SELECT TIMESTAMP '2024-03-01 12:00' AS ts, 'a' AS publisher, 1::BIGINT AS user_id, 2.5::DECIMAL(10, 2) AS price"


def test_two_threads_refreshing_at_once_count_everything_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)  # a file a batch
    for part in range(8):
        write_events(tmp_path / f"{part}.parquet", part * 50, part * 50 + 70)
    database = tmp_path / "rollups.duckdb"
    start, counted, failures = threading.Barrier(3), [], []

    def refresh() -> None:
        try:
            with hourly(tmp_path, database=database, wait=60) as rollup:
                start.wait()
                counted.append(rollup.refresh().rows)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with hourly(tmp_path, database=database) as rollup:
        assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))
        assert rollup.status()[0].files == 8
    assert sum(counted) == 8 * 70


@contextmanager
def before_the_next_transaction(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> Iterator[None]:
    """Do something once, right before a transaction begins."""
    transaction = Ledger.transaction
    done: list[bool] = []

    def first(self: Ledger) -> object:
        if not done:
            done.append(True)
            action()
        return transaction(self)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "transaction", first)
        yield


def test_the_same_batch_appended_twice_at_once_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb_sketch.connect() as connection:
        one, other = (Rollup.from_sql(HOURLY, name="hourly", database=connection) for _ in range(2))
        one.append(connection.sql(ROWS), batch_id="first")
        rows = connection.sql(ROWS).to_arrow_table()
        with before_the_next_transaction(monkeypatch, lambda: other.append(rows, batch_id="again")):
            assert one.append(rows, batch_id="again").rows == 0
        assert one.connection.execute("SELECT bids FROM hourly").fetchall() == [(2,)]
        assert len(one.connection.execute("FROM rollup_manifest.batches").fetchall()) == 2


def test_a_reader_whose_batch_cannot_be_committed_leaves_its_id_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection is in the way after the reader was read, and stays there."""
    with duckdb_sketch.connect() as connection:
        one, other = (Rollup.from_sql(HOURLY, name="hourly", database=connection, wait=0.2) for _ in range(2))
        one.append(connection.sql(ROWS), batch_id="first")
        one.coarsen("day", "daily")

        def with_another_in_the_way(*arguments: Any, **named: Any) -> None:
            other._connection.execute(
                "UPDATE rollup_manifest.rollups SET last_batch = last_batch WHERE rollup = 'daily'"
            )
            advance(*arguments, **named)

        monkeypatch.setattr("duckdb_sketch.rollup.pipeline.commit.advance", with_another_in_the_way)
        before = table(one)
        with pytest.raises(LockedError):
            one.append(connection.sql(ROWS).to_arrow_table().to_reader(), batch_id="second")
        assert table(one) == before
        monkeypatch.undo()
        assert one.append(connection.sql(ROWS).to_arrow_table().to_reader(), batch_id="second").rows == 1


def test_another_process_gets_an_error_that_names_the_process(tmp_path: Path) -> None:
    database = tmp_path / "rollups.duckdb"
    code = f"""
import duckdb, sys
connection = duckdb.connect({str(database)!r})
print("open", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(LockedError, match=f"process {process.pid}.*wait"):
            Rollup.from_sql(HOURLY, name="hourly", database=database, wait=0)
        assert process.stdin is not None
        process.stdin.close()
    Rollup.from_sql(HOURLY, name="hourly", database=database, wait=5).close()


def test_a_file_that_is_no_database_is_not_taken_for_a_locked_one(tmp_path: Path) -> None:
    path = tmp_path / "clock blocks.duckdb"
    path.write_text("x" * 10_000)
    with pytest.raises(RollupError, match="not a valid DuckDB database") as caught:
        Rollup.from_sql(HOURLY, name="hourly", database=path, wait=5)
    assert not isinstance(caught.value, LockedError)


@pytest.mark.parametrize("same", ["connection", "file"])
def test_a_database_that_is_open_already_keeps_its_settings_and_results(tmp_path: Path, same: str) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    path = tmp_path / "rollups.duckdb"
    with duckdb_sketch.connect(path) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        before = connection.execute(SETTINGS).fetchall()
        result = connection.execute("FROM range(10_000)")
        assert result.fetchone() == (0,)
        database: duckdb.DuckDBPyConnection | Path = connection if same == "connection" else path
        rollup = hourly(tmp_path, database=database, memory_limit="300MB", time_zone="Europe/Berlin")
        rollup.refresh()
        rollup.coarsen("day", "daily")
        open_level("daily", database)
        assert len(result.fetchall()) == 9_999
        assert connection.execute(SETTINGS).fetchall() == before
        rollup.close()
        assert connection.execute("SELECT count(*) FROM hourly").fetchone() != (0,)
        views = "SELECT count(*) FROM duckdb_views() WHERE temporary AND NOT internal"
        assert connection.execute(views).fetchone() == (0,)


def test_a_memory_limit_holds_for_a_database_that_is_opened_for_it(tmp_path: Path) -> None:
    with Rollup.from_sql(HOURLY, name="hourly", database=tmp_path / "r.duckdb", memory_limit="512MiB") as rollup:
        assert rollup.connection.execute("SELECT current_setting('memory_limit')").fetchone() == ("256.0 MiB",)
    with pytest.raises(RollupError, match="2GB"):
        Rollup.from_sql(HOURLY, name="hourly", memory_limit="much")


def test_a_transaction_of_the_connection_that_is_given_is_its_own(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    with duckdb_sketch.connect() as connection:
        connection.execute("CREATE TABLE mine (i INTEGER)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO mine VALUES (1)")
        rollup = hourly(tmp_path, database=connection)
        rollup.refresh()
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))


def test_a_refresh_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    rollup = hourly(tmp_path)
    rollup.refresh()
    before = everything(rollup.connection)
    (tmp_path / "1.parquet").write_text("no Parquet")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"1\.parquet"):
            rollup.refresh()
        assert everything(rollup.connection) == before


def test_a_long_refresh_that_another_comes_in_the_way_of_waits_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that it has worked is none that it has waited."""
    write_events(tmp_path / "0.parquet", 0, 100)
    rollup = hourly(tmp_path, wait=1)
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    attempts = []

    def once(rollup: Rollup, *arguments: Any) -> Any:
        attempts.append(1)
        if len(attempts) < 3:
            raise LockedError("in the way")
        return counted(rollup, *arguments)

    counted = Rollup._refresh
    monkeypatch.setattr(Rollup, "_refresh", once)
    assert rollup.refresh().rows == 100
