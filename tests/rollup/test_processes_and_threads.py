"""One rollup in several threads, and in a fork of the process that opened it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from events import HOURLY, content

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

ROWS = """
    SELECT TIMESTAMP '2024-03-01 12:00' AS ts, 'a' AS publisher, {user}::BIGINT AS user_id, 2.5::DECIMAL(10, 2) AS price
"""


def rows(user: int = 1) -> object:
    with duckdb.connect() as connection:
        return connection.sql(ROWS.format(user=user)).to_arrow_table()


def test_object_shared_between_threads() -> None:
    failures: list[BaseException] = []
    with Rollup.from_sql(HOURLY, name="hourly") as rollup:
        day = []

        def append(thread: int) -> None:
            try:
                for number in range(5):
                    assert rollup.append(rows(thread), batch_id=f"{thread}/{number}").rows == 1
                    rollup.status()
                    day.append(rollup.coarsen("day", "daily").changes())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=append, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(day) == 15
        for name in ("hourly", "daily"):
            query = f"SELECT bids, hll_sketch_estimate(users) FROM {name}"
            assert content(rollup.connection, query) == [(15, 3)]
        assert all(rollup.has_batch(f"{thread}/{number}") for thread in range(3) for number in range(5))


def in_a_fork(action: Callable[[], object]) -> str:
    """The error that an action has in a fork of this process; nothing if it has none."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            action()
            message = ""
        except RollupError as error:
            message = str(error)
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        os.write(writing, message.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    return message


def test_forked_process(tmp_path: Path) -> None:
    database = tmp_path / "r.duckdb"
    with Rollup.from_sql(HOURLY, name="hourly", database=database) as rollup:
        rollup.append(rows())
        data = rows()
        for action in (lambda: rollup.append(data), rollup.status, lambda: rollup.connection, rollup.table):
            assert "is a fork of it, whose changes would be lost: open the rollup in that process" in in_a_fork(action)
        assert rollup.append(rows()).rows == 1
        assert in_a_fork(rollup.close) == ""
        assert content(rollup.connection, "SELECT bids FROM hourly") == [(2,)]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="open files are not listed")
def test_a_database_that_was_open_before_the_fork_is_not_opened_in_it(tmp_path: Path) -> None:
    database = tmp_path / "r.duckdb"
    with duckdb_sketch.connect(database) as connection:

        def open_path() -> None:
            Rollup.from_sql(HOURLY, name="hourly", database=database)

        def open_connection() -> None:
            Rollup.from_sql(HOURLY, name="hourly", database=connection)

        for action in (open_path, open_connection):
            assert "was open when process" in in_a_fork(action)
    assert in_a_fork(open_path) == ""
