"""Apache Spark on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import ClassVar

from benchmarks.data import Data
from benchmarks.systems.system import Questions, System
from benchmarks.workloads import HLL_STATES, ROWS

_HLL = "Spark hll_sketch_agg"
_KLL = "Spark kll_sketch_agg_double"
_PERCENTILE = "Spark approx_percentile"
_MEDIANS = {
    _KLL: "kll_sketch_get_quantile_double(kll_sketch_agg_double(p), 0.5D)",
    _PERCENTILE: "approx_percentile(p, 0.5D)",
}
_ESTIMATE = "hll_sketch_estimate(hll_sketch_agg({x}))"


class Spark(System):
    """`hll_sketch_agg`, whose images are those of this extension's, `kll_sketch_agg_double` and `approx_percentile`.

    The stored states that it merges are those of this extension: the format is the same.
    """

    name = "spark"
    title = "Spark"
    distribution = "pyspark"
    kept = "cached Spark DataFrame"
    questions: ClassVar[Questions] = {
        "hll_bigint": {_HLL: f"SELECT {_ESTIMATE.format(x='u')} FROM rows"},
        "hll_varchar": {_HLL: f"SELECT {_ESTIMATE.format(x='us')} FROM rows"},
        "hll_groups": {_HLL: f"SELECT sum(e) FROM (SELECT {_ESTIMATE.format(x='u')} e FROM rows GROUP BY g)"},
        "hll_small_groups": {_HLL: f"SELECT sum(e) FROM (SELECT {_ESTIMATE.format(x='u')} e FROM rows GROUP BY g2)"},
        "hll_merge": {_HLL: "SELECT hll_sketch_estimate(hll_union_agg(s)) FROM states"},
        "histogram": {name: f"SELECT {call} FROM rows" for name, call in _MEDIANS.items()},
        "histogram_groups": {
            name: f"SELECT avg(e) FROM (SELECT {call} e FROM rows GROUP BY g)" for name, call in _MEDIANS.items()
        },
    }

    def __init__(self, data: Data, threads: int) -> None:
        super().__init__(data, threads)
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(f"local[{threads}]").appName("benchmarks")
        options = {
            "spark.driver.memory": "6g",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": str(threads),
            "spark.local.dir": str(data.folder / "spill"),
        }
        for key, value in options.items():
            builder = builder.config(key, value)
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("ERROR")

    @classmethod
    def missing(cls) -> str | None:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            return "Java is not installed"
        return super().missing()

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        if dataset == ROWS:
            frame, view = self.spark.read.parquet(str(self.data.rows)).select(*columns), "rows"
        elif dataset == HLL_STATES:
            frame, view = self.spark.read.parquet(str(self.data.sketches)), "states"
        else:
            return
        frame = frame.cache()
        frame.count()
        frame.createOrReplaceTempView(view)

    def answer(self, question: str) -> float | None:
        return float(self.spark.sql(question).collect()[0][0])

    def processes(self) -> list[int]:
        gateway = self.spark.sparkContext._gateway
        assert gateway is not None
        return [os.getpid(), gateway.proc.pid]
