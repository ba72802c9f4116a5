"""Apache DataFusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from benchmarks import targets
from benchmarks.data import Data
from benchmarks.systems.system import Questions, System
from benchmarks.workloads import ROWS

_DISTINCT = "DataFusion approx_distinct"
_QUANTILE = targets.DATAFUSION_QUANTILE
_MEDIAN = "approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY p)"
# Bytes that a query may take before it fails: an aggregate of many groups keeps 16,384 registers for each.
_MEMORY = 8_000_000_000


class DataFusion(System):
    """`approx_distinct` and `approx_percentile_cont`. It has no states that SQL could store."""

    name = "datafusion"
    title = "DataFusion"
    distribution = "datafusion"
    kept = "DataFusion table in memory (CREATE TABLE AS)"
    questions: ClassVar[Questions] = {
        "hll_bigint": {_DISTINCT: "SELECT approx_distinct(u) FROM rows"},
        "hll_varchar": {_DISTINCT: "SELECT approx_distinct(us) FROM rows"},
        "hll_groups": {_DISTINCT: "SELECT sum(e) FROM (SELECT approx_distinct(u) e FROM rows GROUP BY g)"},
        "hll_small_groups": {_DISTINCT: "SELECT sum(e) FROM (SELECT approx_distinct(u) e FROM rows GROUP BY g2)"},
        "histogram": {_QUANTILE: f"SELECT {_MEDIAN} FROM rows"},
        "histogram_groups": {_QUANTILE: f"SELECT avg(e) FROM (SELECT {_MEDIAN} e FROM rows GROUP BY g)"},
    }

    def __init__(self, data: Data, threads: int) -> None:
        super().__init__(data, threads)
        from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

        runtime = RuntimeEnvBuilder().with_disk_manager_disabled().with_greedy_memory_pool(_MEMORY)
        self.context = SessionContext(SessionConfig().with_target_partitions(threads), runtime)

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        if dataset != ROWS:
            return
        self.context.register_parquet("file", str(self.data.rows))
        self.context.sql(f"CREATE TABLE rows AS SELECT {', '.join(columns)} FROM file").collect()

    def answer(self, question: str) -> float | None:
        (batch,) = self.context.sql(question).collect()
        return float(batch.column(0)[0].as_py())
