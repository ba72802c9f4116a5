"""What a service does by itself: refreshes, levels, retention, exports; and what it does about failures."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bids import HOURLY, Bids, write_bids, write_day
from serving import configuration, served, until

from duckdb_sketch.rollup import Rollup
from duckdb_sketch.service import (
    Configuration,
    ConfigurationError,
    ExportSettings,
    LevelSettings,
    Listen,
    RollupSettings,
    Triggers,
)
from duckdb_sketch.service.service import Service
from duckdb_sketch.service.worker import Worker


class Clock:
    """Seconds that the test counts."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    return Bids(tmp_path, days=["2026-01-01"])


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    """Workers without threads, whose rollups are closed at the end."""
    found: list[Worker] = []
    yield found
    for worker in found:
        worker.rollup.close()


def worker(bids: Bids, clock: Clock, workers: list[Worker], statement: str = HOURLY, **settings: Any) -> Worker:
    rollup = Rollup.from_sql(statement, sources=bids.sources, database=bids.database, name="hourly", wait=0)
    found = Worker(RollupSettings("hourly", statement, bids.sources, **settings), rollup, lambda: None, clock)
    workers.append(found)
    return found


def test_levels_retention_and_exports_follow_a_refresh(bids: Bids, tmp_path: Path, workers: list[Worker]) -> None:
    write_day(tmp_path, "2026-01-09")
    found = worker(
        bids,
        Clock(),
        workers,
        triggers=Triggers(every=timedelta(seconds=30)),
        retention=timedelta(days=3),
        levels=(LevelSettings("daily", "day"), LevelSettings("monthly", "month", ("country",), "daily")),
        exports=(ExportSettings(tmp_path / "out", "daily", "year"),),
    )
    assert found.turn()
    status = {each.rollup: each for each in found.rollup.status()}
    assert list(status) == ["hourly", "daily", "monthly"]
    assert str(status["hourly"].expired_before) == "2026-01-06 00:00:00"
    exported = duckdb.read_parquet(str(tmp_path / "out/year=2026/rollup.parquet"))
    assert exported.aggregate("sum(bids)").fetchall() == [(400,)]


def test_a_failing_source_is_tried_again_ever_more_rarely(bids: Bids, tmp_path: Path, workers: list[Worker]) -> None:
    clock = Clock()
    found = worker(bids, clock, workers, triggers=Triggers(every=timedelta(seconds=1)))
    broken = tmp_path / "bids-broken.parquet"
    broken.write_bytes(b"no Parquet")
    pauses = []
    for _ in range(12):
        before = clock.now
        while not found.turn():
            clock.now += 0.25
        pauses.append(clock.now - before)
    assert found.status.state == "failing"
    assert "bids-broken.parquet" in str(found.status.error)
    assert pauses[1] <= 1.5 < pauses[4] < pauses[7] <= 300 >= pauses[-1]
    broken.unlink()
    found.notice()
    clock.now += 1.25
    assert found.turn(), "a change of files is a reason to try at once"
    assert (found.status.state, found.status.failures, found.status.rows) == ("waiting", 0, 200)


def test_changed_files_are_reported(bids: Bids, tmp_path: Path, workers: list[Worker]) -> None:
    clock = Clock()
    found = worker(bids, clock, workers, triggers=Triggers(every=timedelta(seconds=1)))
    found.turn()
    write_day(tmp_path, "2026-01-05", "2026-01-01")
    clock.now += 2
    found.turn()
    assert [os.path.basename(path) for path in found.status.changed] == ["bids-2026-01-01.parquet"]


def test_a_marker_tells_that_files_are_complete(bids: Bids, tmp_path: Path, workers: list[Worker]) -> None:
    clock = Clock()
    marker = tmp_path / "done"
    found = worker(bids, clock, workers, triggers=Triggers(marker=marker))
    assert found.turn()
    write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
    clock.now += 5
    assert not found.turn()
    marker.touch()
    assert found.turn()
    assert (found.status.why, found.status.rows) == (("marker",), 201)
    clock.now += 5
    assert not found.turn()


def test_rows_that_wait(bids: Bids, tmp_path: Path, workers: list[Worker]) -> None:
    clock = Clock()
    found = worker(bids, clock, workers, triggers=Triggers(rows=3))
    found.turn()
    row = "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)"
    write_bids(tmp_path, row, row, name="a")
    clock.now += 5
    assert not found.turn()
    write_bids(tmp_path, row, name="b")
    clock.now += 5
    assert found.turn()
    assert found.status.rows == 203


def test_one_rollup_that_fails_does_not_stop_the_others(bids: Bids, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "bids-1.parquet").write_bytes(b"no Parquet")
    every = Triggers(every=timedelta(seconds=1))
    statement = HOURLY.replace("FROM bids", "FROM others")
    configured = Configuration(
        bids.database,
        (
            RollupSettings("failing", statement, {"others": str(broken / "*.parquet")}, triggers=every),
            RollupSettings("hourly", HOURLY, bids.sources, triggers=every),
        ),
        Listen(port=0),
        log="warning",
    )
    with served(configured) as service:
        until(lambda: service.worker("hourly")["refreshes"] >= 2)
        failing = until(lambda: w if (w := service.worker("failing"))["failures"] >= 2 else None)
        assert failing["state"] == "failing"
        assert "bids-1.parquet" in failing["error"]
        assert failing["next_attempt"] is not None
        assert service.rows("SELECT count(*) FROM bids") == [[200]]
        assert "failed" in service.get("/").content.decode()


def test_only_local_files_can_be_watched(bids: Bids) -> None:
    remote = configuration(bids, sources={"bids": "https://127.0.0.1:9/*.parquet"})
    with pytest.raises((ConfigurationError, duckdb.Error), match=r"only local files are watched|httpfs"):
        Service(remote)


def test_a_service_holds_the_database_alone(bids: Bids, tmp_path: Path) -> None:
    """And lets go of it when it ends."""
    with served(configuration(bids)) as service:
        service.refreshed()
    with duckdb.connect(str(bids.database)) as connection:
        assert connection.execute("SELECT sum(bids) FROM hourly").fetchall() == [(200,)]


def test_a_refresh_on_demand(bids: Bids, tmp_path: Path) -> None:
    with served(configuration(bids, triggers=Triggers(every=timedelta(hours=1)))) as service:
        service.refreshed()
        write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
        reply = service.send("POST", "/refresh/hourly", b"{}", {"Content-Type": "application/json"})
        assert (reply.status, reply.json["rows"], reply.json["files"]) == (200, 1, 1)
        assert service.rows("SELECT sum(bids) FROM hourly") == [[201]]


def test_queries_see_one_snapshot_while_batches_are_committed(bids: Bids, tmp_path: Path) -> None:
    """A level and what it is made from agree in every answer, and answers do not wait for the refresh to end."""
    with served(configuration(bids, levels=(LevelSettings("daily", "day"),))) as service:
        service.refreshed()
        seen = set()
        for number in range(8):
            write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)", name=f"more-{number}")
            for _ in range(4):
                reply = service.query("SELECT (SELECT sum(bids) FROM hourly), (SELECT sum(bids) FROM daily), random()")
                ((hourly, daily, _),) = reply.json["rows"]
                assert hourly == daily
                seen.add(hourly)
        until(lambda: service.rows("SELECT sum(bids) FROM daily") == [[208]])
        seen.add(service.rows("SELECT sum(bids) FROM hourly")[0][0])
        assert len(seen) > 1


def test_queries_are_answered_during_a_refresh(bids: Bids, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(configuration(bids)) as service:
        service.refreshed()
        worker = service.serving.host.service.workers["hourly"]
        began, end = threading.Event(), threading.Event()
        refresh = worker.rollup.refresh

        def slow(**options: Any) -> Any:
            with worker.rollup._ledger.transaction():
                worker.rollup._connection.execute("UPDATE hourly SET bids = 0")
                began.set()
                end.wait(30)
                worker.rollup._connection.execute("UPDATE hourly SET bids = 1")
            return refresh(**options)

        monkeypatch.setattr(worker.rollup, "refresh", slow)
        worker.notice()
        assert began.wait(10)
        assert service.worker()["state"] == "refreshing"
        assert service.rows("SELECT sum(bids) FROM hourly") == [[200]]
        end.set()
        until(lambda: service.rows("SELECT sum(bids) FROM hourly") == [[94]])
