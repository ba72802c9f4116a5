"""The table of "Memory" in docs/STORAGE.md: what a query takes, a process each.

`python -m benchmarks.memory QUERY SCALE` is such a process.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import duckdb

import duckdb_sketch
from benchmarks.heading import measured_on
from benchmarks.markdown import bytes_text, table
from benchmarks.scale import THREADS
from benchmarks.suite import Suite

PAGE = 4096
LIMITED = "`memory_limit` 500 MB"
# By name: the aggregate, how many values there are, and in how many groups, as fractions of the size of a run.
QUERIES = {
    "groups of 2 values, `hll_sketch_agg`": ("hll_sketch_agg", 0.2, 0.1),
    "the same, `approx_histogram_agg`": ("approx_histogram_agg", 0.2, 0.1),
    f"groups of 500 values, `hll_sketch_agg`, {LIMITED}": ("hll_sketch_agg", 1, 0.002),
    f"the same, `approx_histogram_agg`, {LIMITED}": ("approx_histogram_agg", 1, 0.002),
}


class Memory(Suite):
    name = "memory"
    summary = "what a query with many groups takes: the table in docs/STORAGE.md"
    file = "memory"
    parts = ("memory",)
    sizes: ClassVar = {"full": 100_000_000, "quick": 5_000_000, "toy": 100_000}  # values

    def measure(self, part: str) -> dict[str, Any]:
        lines = []
        for name, (_, _, groups) in QUERIES.items():
            with self.progress.step(name):
                command = [sys.executable, "-m", "benchmarks.memory", name, str(self.size)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            grown, counted = (int(size) for size in done.stdout.split())
            lines.append({"query": f"{groups * self.size:,.0f} {name}", "resident": grown, "counted": counted})
        return {"threads": THREADS, "lines": lines}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        memory = sections["memory"]
        lines = [[line["query"], bytes_text(line["resident"]), bytes_text(line["counted"])] for line in memory["lines"]]
        rows = table(["query", "resident memory grows by", "DuckDB counts"], lines)
        return f"# Memory\n\n{measured_on(memory)}\n\n{rows}\n"


def measure(name: str, size: int) -> None:
    aggregate, values, groups = QUERIES[name]
    events = f"range({values * size:.0f}) t(i) GROUP BY i % {groups * size:.0f}"
    config: dict[str, str | bool | int | float | list[str]] = {"threads": THREADS, "allow_unsigned_extensions": "true"}
    if LIMITED in name:
        config["memory_limit"] = "500MB"
    con = duckdb_sketch.load(duckdb.connect(config=config))
    before, most = resident(), [0, 0]
    over = threading.Event()

    def watch() -> None:
        cursor = con.cursor()
        while not over.wait(0.05):
            ((counted,),) = cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
            most[:] = max(most[0], resident() - before), max(most[1], int(counted))

    watcher = threading.Thread(target=watch)
    watcher.start()
    con.execute(f"SELECT count(x) FROM (SELECT {aggregate}(i) AS x FROM {events})").fetchall()
    over.set()
    watcher.join()
    print(*most)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
