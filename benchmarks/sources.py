"""What sources other than files cost: a table beside the bare GROUP BY, an object store beside local files.

The object store is a server on the loopback interface.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import duckdb

import duckdb_sketch
from benchmarks.heading import measured_on
from benchmarks.markdown import table
from benchmarks.object_store import ObjectStore, object_store
from benchmarks.rollups.events import write_bids
from benchmarks.scale import THREADS
from benchmarks.suite import Suite, Unavailable
from duckdb_sketch.rollup import Rollup, TableSource, drop_rollup

STATEMENT = """
SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, sum(price) AS revenue,
    hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL
"""
FILES = 20
REPEATS = 3
SMALL = b"ts,publisher,user_id,price\n2024-01-01 00:00:00,1,1,1.5\n"
MOST_KEYS = 10_000


class Sources(Suite):
    name = "sources"
    summary = "refreshes from a table and from an object store, beside local files"
    file = "sources"
    parts = ("table", "store")
    sizes: ClassVar = {"full": 20_000_000, "quick": 2_000_000, "toy": 100_000}  # rows

    def measure(self, part: str) -> dict[str, Any]:
        write_bids(self.data / "bids", self.size, FILES, publishers=100, days=30)
        server, lines = ("", self._table()) if part == "table" else self._store()
        return {"threads": THREADS, "rows": self.size, "server": server, "lines": lines}

    def _table(self) -> list[dict[str, Any]]:
        with TemporaryDirectory(dir=self.data) as folder:
            con = _connection(Path(folder, "table.db"))
            files = self.data / "bids"
            con.execute(
                f"CREATE TABLE events AS SELECT row_number() OVER () AS id, * FROM read_parquet('{files}/*.parquet')"
            )
            bare = STATEMENT.replace("FROM bids", "FROM events AS bids")
            lines = [self._bare(con, f"CREATE OR REPLACE TABLE bare AS {bare}")]
            lines.append(self._first(con, "a refresh from local files", files))
            lines.append(self._first(con, "a refresh from the table", TableSource("events", "id")))
            with _rollup(con, TableSource("events", "id")) as rollup:
                rollup.refresh()
                lines.append(self._line(con, "a refresh with nothing new", rollup.refresh))
                con.execute("INSERT INTO events SELECT id + 1e9, * EXCLUDE (id) FROM events WHERE id <= 1000")
                lines.append(self._line(con, "a refresh with 1,000 new rows", rollup.refresh))
            con.close()
        return lines

    def _store(self) -> tuple[str, list[dict[str, Any]]]:
        if not find_spec("obstore"):
            raise Unavailable("obstore is not installed")
        files = sorted((self.data / "bids").glob("*.parquet"))
        keys = min(MOST_KEYS, self.size // 100)
        with TemporaryDirectory(dir=self.data) as folder, object_store(self.data, Path(folder, "log")) as store:
            con = _connection(Path(folder, "store.db"))
            lines = [self._first(con, "a refresh from local files", self.data / "bids")]
            for file in files:
                store.put(f"bids/{file.name}", file.read_bytes())
            lines.append(self._first(con, "a refresh from the store", "s3://bench/bids", store))
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: store.put(f"small/{number:06}.csv", SMALL), range(keys)))
            with _rollup(con, "s3://bench/small/*.csv", "small") as rollup:
                lines.append(self._line(con, f"a refresh of {keys:,} small objects", rollup.refresh, store))
                lines.append(self._line(con, "a refresh with nothing new", rollup.refresh, store))
                store.put("small/new.csv", SMALL)
                lines.append(self._line(con, "a refresh with one new object", rollup.refresh, store))
            with _rollup(con, "s3://bench/small/*.csv", "small", look_back=1) as rollup:
                lines.append(self._line(con, "a refresh that lists new names only", rollup.refresh, store))
            con.close()
        return store.name, lines

    def _bare(self, con: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
        lines = [self._line(con, "the bare GROUP BY", lambda: con.execute(query)) for _ in range(REPEATS)]
        return min(lines, key=lambda line: float(line["seconds"]))

    def _first(
        self, con: duckdb.DuckDBPyConnection, name: str, source: Any, store: ObjectStore | None = None
    ) -> dict[str, Any]:
        """Time the first refresh of a rollup: the fastest of a few that are made and dropped."""
        lines = []
        for _ in range(REPEATS):
            with _rollup(con, source, "first") as rollup:
                lines.append(self._line(con, name, rollup.refresh, store))
            drop_rollup("first", con)
        return min(lines, key=lambda line: float(line["seconds"]))

    def _line(
        self, con: duckdb.DuckDBPyConnection, name: str, run: Callable[[], object], store: ObjectStore | None = None
    ) -> dict[str, Any]:
        con.execute("CHECKPOINT")  # or this line's commit would do it, of what the lines before have written
        before = store.requests() if store else 0
        with self.progress.step(name):
            started = time.perf_counter()
            run()
            seconds = time.perf_counter() - started
        return {"what": name, "seconds": seconds, "requests": store.requests() - before if store else None}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        parts = ["# Sources"]
        for section in sections.values():
            base = section["lines"][0]["seconds"]
            lines = [
                [line["what"], f"{line['seconds']:.2f} s", f"{line['seconds'] / base:.2f}", str(line["requests"] or "")]
                for line in section["lines"]
            ]
            server = f", from {section['server']}" if section["server"] else ""
            parts += [measured_on(section), f"{section['rows']:,} rows{server}."]
            parts.append(table(["measured", "time", "beside the first line", "requests"], lines))
        return "\n\n".join(parts) + "\n"


def _connection(path: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb_sketch.connect(path)
    con.execute(f"SET threads = {THREADS}; SET enable_progress_bar = false")
    return con


def _rollup(con: duckdb.DuckDBPyConnection, source: Any, name: str = "hourly", look_back: int | None = None) -> Rollup:
    return Rollup.from_sql(STATEMENT, sources={"bids": source}, database=con, name=name, look_back=look_back)
