"""Frequent items beside DuckDB's own `approx_top_k`: seconds, and how many of the most frequent values are found."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import duckdb

import duckdb_sketch
from benchmarks.heading import best_of, measured_on
from benchmarks.markdown import bytes_text, table
from benchmarks.scale import THREADS
from benchmarks.suite import Suite

FOUND = 20
# How often the value v comes falls as 1 / v^2.
_POWER_LAW = "floor(1000 / (1 - hash(i, 1) % 1_000_000 / 1e6))::BIGINT"
# SQL of a column of the row `i`.
COLUMNS = {
    "power law, BIGINT": _POWER_LAW,
    "power law, VARCHAR": f"'user' || {_POWER_LAW}",
    "1,000 values among 1,000,000": "(CASE WHEN i % 3 = 0 THEN hash(i) % 1000 ELSE hash(i) % 1_000_000 END)::BIGINT",
    "all distinct": "i * 7919",
}


class TopKBesideDuckDB(Suite):
    name = "top-k"
    summary = "frequent items beside DuckDB's approx_top_k: seconds, and what is found"
    file = "top_k"
    parts = ("top_k",)
    default_runs = 3
    sizes: ClassVar = {"full": 20_000_000, "quick": 2_000_000, "toy": 50_000}  # rows

    def measure(self, part: str) -> dict[str, Any]:
        lines = []
        for name, column in COLUMNS.items():
            with self.progress.step(name), duckdb_sketch.connect(config={"threads": THREADS}) as con:
                con.execute(f"CREATE TABLE t AS SELECT {column} AS x, i % 1000 AS g FROM range({self.size}) t(i)")
                lines.append({"column": name, **self._of_table(con)})
        return {"threads": THREADS, "rows": self.size, "runs": self.runs, "lines": lines}

    def _of_table(self, con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        state = "SELECT approx_top_k_accumulate(x) AS s FROM t"
        own = f"SELECT approx_top_k(x, {FOUND}) AS s FROM t"
        most = f"SELECT list(x) FROM (SELECT x FROM t GROUP BY x ORDER BY count(*) DESC, x LIMIT {FOUND})"
        items = f"SELECT [e.item FOR e IN approx_top_k_estimate(s, {FOUND})] FROM ({state})"
        about = _one(con, f"SELECT approx_top_k_describe(s) FROM ({state})")
        least = _one(con, f"SELECT min(n) FROM (SELECT count(*) AS n FROM t GROUP BY x ORDER BY n DESC LIMIT {FOUND})")
        return {
            "ours": self._seconds(con, f"SELECT octet_length(s) FROM ({state})"),
            "duckdb": self._seconds(con, own),
            "groups": self._seconds(con, f"SELECT sum(octet_length(s)) FROM ({state} GROUP BY g)"),
            "duckdb_groups": self._seconds(con, f"SELECT sum(len(s)) FROM ({own} GROUP BY g)"),
            "found": _common(_one(con, items), _one(con, most)),
            "duckdb_found": _common(_one(con, f"SELECT s FROM ({own})"), _one(con, most)),
            "least": least,
            "max_error": about["max_error"],
            "bytes": about["bytes"],
        }

    def _seconds(self, con: duckdb.DuckDBPyConnection, query: str) -> float:
        taken = []
        for _ in range(self.runs):
            start = time.perf_counter()
            con.execute(query).fetchall()
            taken.append(time.perf_counter() - start)
        return min(taken)

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        top_k = sections["top_k"]
        rows = [
            [
                line["column"],
                f"{line['ours']:.2f} s",
                f"{line['duckdb']:.2f} s",
                f"{line['ours'] / line['duckdb']:.2f}",
                f"{line['groups']:.2f} s",
                f"{line['duckdb_groups']:.2f} s",
                f"{line['groups'] / line['duckdb_groups']:.2f}",
                f"{line['found']}" if line["least"] > 1 else "",
                f"{line['duckdb_found']}" if line["least"] > 1 else "",
                f"{line['max_error']:,}",
                f"{line['least']:,}",
                bytes_text(line["bytes"]),
            ]
            for line in top_k["lines"]
        ]
        titles = ["column", "here", "DuckDB", "ratio", "1,000 groups, here", "DuckDB", "ratio"]
        titles += [f"of {FOUND} found, here", "DuckDB", "a count is off by at most", f"number {FOUND} came", "a state"]
        about = (
            f"{top_k['rows']:,} rows; `approx_top_k_accumulate(x)`, whose state merges and has counts with bounds, and "
            f"DuckDB's `approx_top_k(x, {FOUND})`, whose answer is a list of values. {best_of(top_k['runs'])}"
        )
        return f"# Frequent items\n\n{measured_on(top_k)}\n\n{about}\n\n{table(titles, rows)}\n"


def _one(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    ((found,),) = con.execute(query).fetchall()
    return found


def _common(found: list[Any], exact: list[Any]) -> int:
    return len(set(map(str, found)) & set(map(str, exact)))
