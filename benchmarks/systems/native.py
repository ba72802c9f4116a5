"""This extension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import duckdb

import duckdb_sketch
from benchmarks import targets
from benchmarks.connection import connect
from benchmarks.scale import ESTIMATE_COPIES
from benchmarks.systems.duckdb_host import DuckDBHost
from benchmarks.systems.system import Questions
from benchmarks.workloads import ESTIMATES, HISTOGRAM_STATES, HLL_STATES

_HLL = targets.OURS_HLL
_HISTOGRAM = targets.OURS_HISTOGRAM
_MEDIAN = "approx_histogram_quantile(approx_histogram_agg(p), 0.5)"


class Native(DuckDBHost):
    """`hll_sketch_agg` (lg_k 12), `approx_histogram_agg` (50 bins) and their unions, states as BLOBs."""

    name = "ours"
    title = "duckdb_sketch"
    state_of: ClassVar[Mapping[str, str]] = {
        HLL_STATES: "hll_sketch_agg({x})",
        HISTOGRAM_STATES: "approx_histogram_agg({x})",
    }
    questions: ClassVar[Questions] = {
        "hll_bigint": {_HLL: "SELECT hll_sketch_estimate(hll_sketch_agg(u)) FROM rows"},
        "hll_varchar": {_HLL: "SELECT hll_sketch_estimate(hll_sketch_agg(us)) FROM rows"},
        "hll_groups": {
            _HLL: "SELECT sum(e) FROM (SELECT hll_sketch_estimate(hll_sketch_agg(u)) e FROM rows GROUP BY g)"
        },
        "hll_small_groups": {
            _HLL: "SELECT sum(e) FROM (SELECT hll_sketch_estimate(hll_sketch_agg(u)) e FROM rows GROUP BY g2)"
        },
        "hll_merge": {_HLL: "SELECT hll_sketch_estimate(hll_union_agg(s)) FROM states"},
        "histogram": {_HISTOGRAM: f"SELECT {_MEDIAN} FROM rows"},
        "histogram_groups": {_HISTOGRAM: f"SELECT avg(e) FROM (SELECT {_MEDIAN} e FROM rows GROUP BY g)"},
        "histogram_merge": {
            _HISTOGRAM: "SELECT approx_histogram_quantile(approx_histogram_union_agg(s), 0.5) FROM states"
        },
        "estimate": {
            targets.OURS_ESTIMATE: "SELECT sum(hll_sketch_estimate(s)) FROM states",
            targets.READING_THE_COLUMN: "SELECT sum(octet_length(s)) FROM states",
        },
        "estimate_parquet": {
            targets.OURS_ESTIMATE: "SELECT sum(hll_sketch_estimate(s)) FROM sketches",
            targets.READING_THE_COLUMN: "SELECT sum(octet_length(s)) FROM sketches",
        },
    }
    unscored = frozenset({targets.READING_THE_COLUMN})

    @classmethod
    def version(cls) -> str:
        return duckdb_sketch.__version__

    def connect(self, database: str) -> duckdb.DuckDBPyConnection:
        return connect(self.threads, database)

    def states_file(self, dataset: str) -> Path:
        return self.file(dataset, "duckdb", mark=f"-{duckdb.__version__}-{_build()}")

    def prepare(self, dataset: str) -> None:
        super().prepare(dataset)
        if dataset in (HLL_STATES, ESTIMATES) and not self._is_newer(self.data.sketches):
            super().load(dataset, ())
            self.con.execute(f"COPY states TO '{self.data.sketches}' (FORMAT parquet, COMPRESSION zstd)")

    def _is_newer(self, parquet: Path) -> bool:
        states = self.states_file(HLL_STATES)
        return parquet.exists() and parquet.stat().st_mtime >= states.stat().st_mtime

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        super().load(dataset, columns)
        if dataset != ESTIMATES:
            return
        for _ in range(ESTIMATE_COPIES - 1):
            self.con.execute(f"INSERT INTO states SELECT s FROM states LIMIT {self.data.scale.hll_states}")
        copies = [str(self.data.sketches)] * ESTIMATE_COPIES
        self.con.execute(f"CREATE VIEW sketches AS SELECT s FROM read_parquet({copies})")

    def stored(self, dataset: str) -> dict[str, dict[str, float]]:
        name = {
            HLL_STATES: _HLL,
            HISTOGRAM_STATES: _HISTOGRAM,
            ESTIMATES: targets.OURS_ESTIMATE,
        }.get(dataset)
        if name is None:
            return {}
        ((states, size),) = self.con.execute("SELECT count(*), sum(octet_length(s)) FROM states").fetchall()
        return {name: {"states": states, "bytes": float(size)}}


def _build() -> str:
    """Tell one build of the extension from another: what it stored may differ."""
    folder = Path(duckdb_sketch.__file__).parent
    return sha256((folder / "duckdb_sketch.duckdb_extension").read_bytes()).hexdigest()[:12]
