"""What else may be going on: other connections, full disks, files that go away, clocks that jump."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from processes import PROJECT

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import LockedError, Progress, RollupError, SourceError, given_source, query
from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.pipeline import commit as commit_module
from duckdb_sketch.rollup.sources import data as data_module

STATEMENT = "SELECT date_trunc('hour', ts) AS hour, count(*) AS bids, sum(price) AS revenue FROM bids GROUP BY ALL"


def write(path: Path, rows: int, start: str = "2024-01-01", price: int = 1) -> None:
    """A row a minute."""

    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT TIMESTAMP '{start}' + to_minutes(r) AS ts, {price} AS price FROM range({rows}) AS t(r)) "
            f"TO '{path}'"
        )


def bids(rollup: Rollup) -> int:
    found = rollup.connection.execute(f"SELECT sum(bids) FROM {rollup.name}").fetchall()
    return int(found[0][0])


def test_a_disk_that_fills_while_the_database_is_made_leaves_none(tmp_path: Path) -> None:
    database = tmp_path / "rollups.duckdb"
    code = (
        "import sys; from duckdb_sketch.rollup.ledger.database import open_database; "
        "open_database(sys.argv[1], None, 0)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(database)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert "RollupError" in process.stderr
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "a.parquet", 10)
    with Rollup.from_sql(STATEMENT, sources={"bids": tmp_path / "*.parquet"}, database=database, name="r") as rollup:
        assert rollup.refresh().rows == 10


def test_a_database_that_cannot_be_opened_is_not_taken_for_one_that_is_locked(tmp_path: Path) -> None:
    database = tmp_path / "blocks.duckdb"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(RollupError, match="cannot be opened") as raised:
        Rollup.from_sql(STATEMENT, database=database, name="r", wait=0)
    assert not isinstance(raised.value, LockedError)


def test_a_full_disk_is_not_taken_for_another_connection(tmp_path: Path) -> None:
    database = tmp_path / "rollups.duckdb"
    write(tmp_path / "a.parquet", 10_000)
    statement = tmp_path / "r.sql"
    statement.write_text(STATEMENT)
    command = "import sys; from duckdb_sketch.cli import main; sys.argv[0] = 'duckdb-sketch'; main()"
    refresh = ["rollup", "refresh", str(statement), "--source", f"bids={tmp_path}/*.parquet", "-d", str(database)]
    process = subprocess.run(
        [sys.executable, "-c", command, *refresh, "--wait", "60"],  # waiting would not help
        cwd=PROJECT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12288, 12288)),
        timeout=50,
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert "could not be written" in process.stderr
    assert "rollups.duckdb.wal" in process.stderr
    with Rollup.from_sql(STATEMENT, sources={"bids": tmp_path / "*.parquet"}, database=database, name="r") as rollup:
        assert rollup.refresh().rows == 10_000


def test_two_connections_that_append_the_same_batch_count_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = duckdb.sql("SELECT TIMESTAMP '2024-01-01' AS ts, 1 AS price FROM range(10)").to_arrow_table()
    with (
        Rollup.from_sql(STATEMENT, database=tmp_path / "rollups.duckdb", name="r") as one,
        Rollup.from_sql(STATEMENT, database=tmp_path / "rollups.duckdb", name="r") as other,
    ):
        one.append(data, batch_id="sunday")

        def describe(*arguments: Any) -> dict[str, str]:  # after the look at whether the batch is known
            monkeypatch.undo()
            assert other.append(data, batch_id="monday").rows == 10
            return query.describe(*arguments)

        monkeypatch.setattr(data_module, "describe", describe)
        assert one.append(data, batch_id="monday").rows == 0
        assert bids(one) == 20


def test_a_stream_is_counted_once_whoever_was_in_the_way_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read once, and only its commit is tried again."""
    data = duckdb.sql("SELECT TIMESTAMP '2024-01-01' AS ts, 1 AS price FROM range(10)").to_arrow_table()
    with Rollup.from_sql(STATEMENT, database=tmp_path / "rollups.duckdb", name="r") as rollup:

        def advance(*arguments: Any, **keywords: Any) -> None:  # after the data were read
            monkeypatch.undo()
            raise duckdb.TransactionException("Conflict on update!")

        for batch_id, given in (("monday", data.to_reader()), ("tuesday", data)):
            monkeypatch.setattr(commit_module, "advance", advance)
            assert rollup.append(given, batch_id=batch_id).rows == 10
        assert bids(rollup) == 20


def test_a_rebuild_keeps_the_rows_that_another_connection_counts_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, database = {"bids": tmp_path / "*.parquet"}, tmp_path / "rollups.duckdb"
    write(tmp_path / "a.parquet", 10)
    with (
        Rollup.from_sql(STATEMENT, sources=files, database=database, name="r") as one,
        Rollup.from_sql(STATEMENT, sources={"bids": tmp_path / "b.parquet"}, database=database, name="r") as other,
    ):
        one.refresh()
        write(tmp_path / "a.parquet", 20)

        def extents(*arguments: Any) -> Any:  # before the transaction begins
            monkeypatch.undo()
            write(tmp_path / "b.parquet", 5)
            assert other.refresh().rows == 5
            return DuckDBEngine.extents(*arguments)

        monkeypatch.setattr(DuckDBEngine, "extents", extents)
        assert one.refresh(on_change="rebuild").rebuilt == 1
        assert bids(one) == 25


def test_replays_leave_the_tables_of_others_alone(tmp_path: Path) -> None:
    database = tmp_path / "rollups.duckdb"
    write(tmp_path / "a.parquet", 10)
    files = {"bids": tmp_path / "*.parquet"}
    with (
        Rollup.from_sql(STATEMENT, sources=files, database=database, name="r") as rollup,
        Rollup.from_sql(STATEMENT, sources=files, database=database, name="r__replay") as other,
    ):
        other.refresh()
        rollup.refresh()
        rollup.connection.execute(
            "CREATE TABLE r__replay_left_by_a_crash AS SELECT *, bids AS duckdb_sketch_rows FROM r"
        )
        assert rollup.replay().rows == 10
        assert bids(other) == bids(rollup) == 10
        tables = rollup.connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
        assert sorted(tables.fetchall()) == [("r",), ("r__replay",)]


def test_two_replays_at_the_same_time_count_everything_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_source, "rows_that_fit", lambda *_: 1)
    files, database = {"bids": tmp_path / "*.parquet"}, tmp_path / "rollups.duckdb"
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", 10)
    with (
        Rollup.from_sql(STATEMENT, sources=files, database=database, name="r", wait=0) as one,
        Rollup.from_sql(STATEMENT, sources=files, database=database, name="r", wait=0) as other,
    ):
        one.refresh()
        halfway, over = threading.Event(), threading.Event()

        def pause(progress: Progress) -> None:
            if progress.files == 1:
                halfway.set()
                assert over.wait(20)

        refused = []

        def replay() -> None:
            # It has merged one of two files when the other replay ends.
            try:
                other.replay(progress=pause)
            except Exception as error:
                refused.append(type(error))

        thread = threading.Thread(target=replay)
        thread.start()
        try:
            assert halfway.wait(20)
            assert one.replay().rows == 20
        finally:
            over.set()
            thread.join()
        assert refused == [LockedError]
        assert bids(one) == 20
        assert other.replay().rows == 20
        assert bids(one) == 20


def test_a_file_that_goes_away_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", 10)
    with Rollup.from_sql(STATEMENT, sources={"bids": tmp_path / "*.parquet"}, name="r") as rollup:

        def aggregate(*arguments: Any) -> None:
            aggregated(*arguments)
            (tmp_path / "b.parquet").rename(tmp_path / "b")

        aggregated = DuckDBEngine._aggregate
        monkeypatch.setattr(DuckDBEngine, "_aggregate", aggregate)
        with pytest.raises(SourceError, match=r"b\.parquet"):
            rollup.refresh()
        monkeypatch.undo()
        assert rollup.refresh().rows == 10
        (tmp_path / "b").rename(tmp_path / "b.parquet")
        assert rollup.refresh().rows == 10
        assert bids(rollup) == 20


def test_an_interrupt_as_a_transaction_begins_leaves_none_open(tmp_path: Path) -> None:
    class Interrupted:
        def execute(self, *arguments: Any) -> None:
            rollup._connection.execute(*arguments)
            if arguments == ("BEGIN TRANSACTION",):
                raise KeyboardInterrupt

        def __getattr__(self, name: str) -> Any:
            return getattr(rollup._connection, name)

    write(tmp_path / "a.parquet", 10)
    with Rollup.from_sql(STATEMENT, sources={"bids": tmp_path / "*.parquet"}, name="r") as rollup:
        interrupted: Any = Interrupted()
        with pytest.raises(KeyboardInterrupt):
            Ledger(interrupted).transaction().__enter__()
        assert rollup.refresh().rows == 10
