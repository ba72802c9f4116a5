"""Early, on-time and late panes of docs/SERVICE.md, with the scores of the book: 5 becomes 14; 7, 14, 22."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb

from duckdb_sketch.rollup import Rollup
from duckdb_sketch.service import RollupSettings, Triggers
from duckdb_sketch.service.worker import Worker

STATEMENT = "SELECT time_bucket(INTERVAL '2 minutes', ts) AS start, sum(score) AS score FROM scores GROUP BY ALL"


class Game:
    """A rollup of scores by two minutes, early every minute of a clock that the test turns, and late every ten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        sources = {"scores": str(folder / "*.parquet")}
        triggers = Triggers(early=timedelta(minutes=1), watermark=True, late=timedelta(minutes=10))
        self.rollup = Rollup.from_sql(STATEMENT, sources=sources, database=folder / "r.duckdb", name="scores")
        settings = RollupSettings("scores", STATEMENT, sources, triggers=triggers)
        self.worker = Worker(settings, self.rollup, lambda: None, lambda: self.now)
        self._batch = 0

    def arrive(self, **scores: int) -> None:
        """A file arrives. The names are the event times, such as `at_12_00_26`."""
        rows = ", ".join(
            f"(TIMESTAMP '2015-01-01 {time.removeprefix('at_').replace('_', ':')}', {score})"
            for time, score in scores.items()
        )
        path = self.folder / f"{len(list(self.folder.glob('*.parquet')))}.parquet"
        duckdb.sql(f"FROM (VALUES {rows}) AS scores(ts, score)").write_parquet(str(path))

    def panes(self, seconds: float) -> list[tuple[str, str, int]]:
        """Let time pass, and say what is told then: the bucket, the pane, and its score."""
        self.now += seconds
        self.worker.turn()
        assert self.worker.status.error is None
        scores = dict(self.rollup.table().fetchall())
        changes = self.rollup.changes(self._batch)
        self._batch = max((change.batch for change in changes), default=self._batch)
        return [(f"{change.bucket:%H:%M}", change.pane, int(scores[change.bucket])) for change in changes]


def test_the_panes_of_the_book(tmp_path: Path) -> None:
    game = Game(tmp_path)
    game.arrive(at_12_00_26=5)
    assert game.panes(0) == [("12:00", "early", 5)]
    game.arrive(at_12_02_26=7)
    assert game.panes(5) == [("12:00", "on time", 5), ("12:02", "early", 7)], "at once: the watermark passes 12:02"
    game.arrive(at_12_03_39=3, at_12_03_06=4)
    assert game.panes(30) == [], "nothing becomes final, and the minute is not over"
    assert game.panes(30) == [("12:02", "early", 14)]
    game.arrive(at_12_01_26=9)
    assert game.panes(60) == [], "late, and so not counted with the early ones"
    game.arrive(at_12_03_50=8, at_12_04_19=3)
    assert game.panes(5) == [("12:02", "on time", 22), ("12:04", "early", 3)]
    assert game.panes(600) == [("12:00", "late", 14)]
    game.rollup.close()
