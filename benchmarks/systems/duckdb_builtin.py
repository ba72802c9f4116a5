"""DuckDB's own aggregates, and their exported states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import duckdb

from benchmarks import targets
from benchmarks.duckdb_states import SIZE_OF_DISTINCT_STATE, SIZE_OF_QUANTILE_STATE
from benchmarks.systems.duckdb_host import DuckDBHost
from benchmarks.systems.system import Questions
from benchmarks.workloads import HISTOGRAM_STATES, HLL_STATES

_DISTINCT = targets.DUCKDB_DISTINCT
_QUANTILE = targets.DUCKDB_QUANTILE

_SIZE = {HLL_STATES: SIZE_OF_DISTINCT_STATE, HISTOGRAM_STATES: SIZE_OF_QUANTILE_STATE}


class DuckDBBuiltin(DuckDBHost):
    """`approx_count_distinct`, `approx_quantile`, `EXPORT_STATE` and `combine_aggr`."""

    name = "duckdb"
    title = "DuckDB"
    state_of: ClassVar[Mapping[str, str]] = {
        HLL_STATES: "approx_count_distinct({x}) EXPORT_STATE",
        HISTOGRAM_STATES: "approx_quantile({x}, 0.5) EXPORT_STATE",
    }
    questions: ClassVar[Questions] = {
        "hll_bigint": {
            _DISTINCT: "SELECT approx_count_distinct(u) FROM rows",
            targets.FLOOR: "SELECT sum(u) FROM rows",
        },
        "hll_varchar": {
            _DISTINCT: "SELECT approx_count_distinct(us) FROM rows",
            targets.FLOOR: "SELECT max(strlen(us)) FROM rows",
        },
        "hll_groups": {
            _DISTINCT: "SELECT sum(e) FROM (SELECT approx_count_distinct(u) e FROM rows GROUP BY g)",
            targets.FLOOR: "SELECT sum(e) FROM (SELECT sum(u) e FROM rows GROUP BY g)",
        },
        "hll_small_groups": {
            _DISTINCT: "SELECT sum(e) FROM (SELECT approx_count_distinct(u) e FROM rows GROUP BY g2)",
            targets.FLOOR: "SELECT sum(e) FROM (SELECT sum(u) e FROM rows GROUP BY g2)",
        },
        "hll_merge": {_DISTINCT: "SELECT finalize(combine_aggr(s)) FROM states"},
        "histogram": {
            _QUANTILE: "SELECT approx_quantile(p, 0.5) FROM rows",
            targets.FLOOR: "SELECT sum(p) FROM rows",
        },
        "histogram_groups": {
            _QUANTILE: "SELECT avg(e) FROM (SELECT approx_quantile(p, 0.5) e FROM rows GROUP BY g)",
            targets.FLOOR: "SELECT avg(e) FROM (SELECT sum(p) e FROM rows GROUP BY g)",
        },
        "histogram_merge": {_QUANTILE: "SELECT finalize(combine_aggr(s)) FROM states"},
    }

    unscored = frozenset({targets.FLOOR})

    def connect(self, database: str) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(database, config={"threads": self.threads})

    def stored(self, dataset: str) -> dict[str, dict[str, float]]:
        if dataset not in self.state_of:
            return {}
        ((states, size),) = self.con.execute(f"SELECT count(*), sum({_SIZE[dataset]}) FROM states").fetchall()
        name = _DISTINCT if dataset == HLL_STATES else _QUANTILE
        return {name: {"states": states, "bytes": float(size)}}
