"""The table of "Memory" in docs/STORAGE.md: what a query takes, a process each. `python -m benchmarks.memory`."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import duckdb

import duckdb_sketch
from benchmarks.markdown import bytes_text, table

PAGE = 4096
MANY = "range(20_000_000) t(i) GROUP BY i % 10_000_000"
DENSE = "range(100_000_000) t(i) GROUP BY i % 200_000"
LIMITED = "`memory_limit` 500 MB"
QUERIES = {
    "10 million groups of 2 values, `hll_sketch_agg`": f"SELECT hll_sketch_agg(i) AS x FROM {MANY}",
    "the same, `approx_histogram_agg`": f"SELECT approx_histogram_agg(i) AS x FROM {MANY}",
    f"200,000 groups of 500 values, `hll_sketch_agg`, {LIMITED}": f"SELECT hll_sketch_agg(i) AS x FROM {DENSE}",
    f"the same, `approx_histogram_agg`, {LIMITED}": f"SELECT approx_histogram_agg(i) AS x FROM {DENSE}",
}


def main() -> None:
    lines = []
    for name in QUERIES:
        done = subprocess.run([sys.executable, "-m", __spec__.name, name], check=True, capture_output=True, text=True)
        resident, counted = (bytes_text(float(size)) for size in done.stdout.split())
        lines.append([name, resident, counted])
    print(table(["query", "resident memory grows by", "DuckDB counts"], lines))


def measure(name: str) -> None:
    config: dict[str, str | bool | int | float | list[str]] = {"threads": 2, "allow_unsigned_extensions": "true"}
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
    con.execute(f"SELECT count(x) FROM ({QUERIES[name]})").fetchall()
    over.set()
    watcher.join()
    print(*most)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
