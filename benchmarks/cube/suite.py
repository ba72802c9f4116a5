"""What a query over events takes when rollups answer it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from benchmarks.cube import clickhouse, measuring
from benchmarks.cube.report import render
from benchmarks.scale import THREADS
from benchmarks.suite import Suite

_ROWS_A_FILE = 1_000_000
_ROLLUPS = {"full": 200, "quick": 200, "toy": 5}


class CubeSuite(Suite):
    name = "cube"
    summary = "queries over events: routed to rollups, by hand, and raw; planning"
    file = "cube"
    parts = ("questions",)
    default_runs = 5
    sizes: ClassVar = {"full": 100_000_000, "quick": 4_000_000, "toy": 40_000}

    def measure(self, part: str) -> dict[str, Any]:
        files = max(self.size // _ROWS_A_FILE, 4)
        bids, database = self.data / "bids", self.data / "cube.duckdb"
        with self.progress.step("the bids"):
            measuring.write_bids(bids, self.size, files)
        with self.progress.step("their rollups"):
            tables = measuring.build(bids, database)
        with self.progress.step("the questions"):
            questions = measuring.ask(bids, database, self.runs, raw_runs=min(self.runs, 2))
        with self.progress.step("ClickHouse"):
            in_clickhouse = self._clickhouse(bids)
        with self.progress.step("many rollups"):
            many = measuring.many_rollups(self.data / "many.duckdb", _ROLLUPS[self.options.scale], self.runs)
        common = {"runs": self.runs, "threads": THREADS, "rows": self.size, "files": files}
        return {**common, "tables": tables, "questions": questions, "many": many, "clickhouse": in_clickhouse}

    def _clickhouse(self, bids: Path) -> dict[str, float]:
        """What the questions take there; nothing if it is not installed."""
        try:
            return dict(clickhouse.measure(bids, self.runs))
        except ModuleNotFoundError as error:
            self.progress.line(f"no ClickHouse: {error}")
            return {}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections)
