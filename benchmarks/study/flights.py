"""Real flights: those that left New York City in 2013."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from benchmarks.study.subject import Question, Subject
from duckdb_sketch.demo.flights import SOURCE, write_flights


class Flights(Subject):
    """336,776 flights: the time, two dimensions, the aircraft and its delay."""

    name = "flights"
    title = "336,776 flights of 2013"
    source = SOURCE
    time = "time_hour"
    dimensions = ("origin", "carrier")
    counted = "tailnum"
    measured = "dep_delay"

    def recipe(self) -> str:
        return ", ".join((self.time, *self.dimensions, self.counted, self.measured))

    def write_raw(self, parquet: Path) -> None:
        with tempfile.TemporaryDirectory(dir=parquet.parent) as folder, duckdb.connect() as con:
            everything = Path(folder) / "flights.parquet"
            write_flights(everything)
            rows = f"SELECT {self.recipe()} FROM read_parquet('{everything}') ORDER BY {self.time}"
            con.execute(f"COPY ({rows}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")

    def questions(self) -> list[Question]:
        where = "origin = 'JFK' AND time_hour >= DATE '2013-06-01' AND time_hour < DATE '2013-09-01'"
        levels = "[0.5, 0.9, 0.99]"
        return [
            Question(
                "full count, and the delays",
                "SELECT count(*)::DOUBLE FROM raw UNION ALL SELECT sum(dep_delay) FROM raw",
                "SELECT count(*)::DOUBLE FROM raw UNION ALL SELECT sum(dep_delay) FROM raw",
                "SELECT sum(n)::DOUBLE FROM rollup UNION ALL SELECT sum(total) FROM rollup",
            ),
            Question(
                "ten carriers with the most aircraft",
                "SELECT carrier, count(DISTINCT tailnum) aircraft FROM raw"
                " GROUP BY carrier ORDER BY aircraft DESC, carrier LIMIT 10",
                "SELECT carrier, hll_sketch_estimate(hll_sketch_agg(tailnum)) aircraft FROM raw"
                " GROUP BY carrier ORDER BY aircraft DESC, carrier LIMIT 10",
                "SELECT carrier, hll_sketch_estimate(hll_union_agg(counted)) aircraft FROM rollup"
                " GROUP BY carrier ORDER BY aircraft DESC, carrier LIMIT 10",
                answer=1,
            ),
            Question(
                "delays from JFK in summer",
                f"SELECT unnest(quantile_cont(dep_delay, {levels})) FROM raw WHERE {where}",
                f"SELECT unnest(approx_histogram_quantile(approx_histogram_agg(dep_delay), {levels}))"
                f" FROM raw WHERE {where}",
                f"SELECT unnest(approx_histogram_quantile(approx_histogram_union_agg(distribution), {levels}))"
                f" FROM rollup WHERE {where}",
            ),
        ]
