"""ClickHouse, inside Python by chdb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks import targets
from benchmarks.chdb_local import LocalClickHouse
from benchmarks.data import FACTOR, Data
from benchmarks.scale import HISTOGRAM_PASSES
from benchmarks.systems.system import Questions, System
from benchmarks.workloads import HISTOGRAM_STATES, HLL_STATES, ROWS

_HLL12 = "ClickHouse uniqHLL12"
_COMBINED12 = "ClickHouse uniqCombined(12)"
_COMBINED = "ClickHouse uniqCombined"
_TDIGEST = "ClickHouse quantileTDigest"
_HISTOGRAM = targets.CLICKHOUSE_HISTOGRAM

_DISTINCT = {_HLL12: "uniqHLL12({x})", _COMBINED12: "uniqCombined(12)({x})", _COMBINED: "uniqCombined({x})"}
_QUANTILE = {_TDIGEST: "quantileTDigest(0.5)({x})", _HISTOGRAM: "arraySum(b -> b.3, histogram(50)({x}))"}


def _each(calls: Mapping[str, str], column: str, by: str = "", outer: str = "sum") -> dict[str, str]:
    if not by:
        return {name: f"SELECT {call.format(x=column)} FROM b.rows" for name, call in calls.items()}
    return {
        name: f"SELECT {outer}(e) FROM (SELECT {call.format(x=column)} e FROM b.rows GROUP BY {by})"
        for name, call in calls.items()
    }


# Of each contender's stored states: dataset, table and file, what makes one, what merges them.
_STATES = {
    _HLL12: (HLL_STATES, "hll12", "uniqHLL12State({x})", "uniqHLL12Merge(s)"),
    _COMBINED12: (HLL_STATES, "combined12", "uniqCombinedState(12)({x})", "uniqCombinedMerge(12)(s)"),
    _TDIGEST: (HISTOGRAM_STATES, "tdigest", "quantileTDigestState(0.5)({x})", "quantileTDigestMerge(0.5)(s)"),
    _HISTOGRAM: (
        HISTOGRAM_STATES,
        "histogram",
        "histogramState(50)({x})",
        "arraySum(b -> b.3, histogramMerge(50)(s))",
    ),
}


def _merges(dataset: str) -> dict[str, str]:
    return {name: f"SELECT {merge} FROM b.{table}" for name, (of, table, _, merge) in _STATES.items() if of == dataset}


class ClickHouse(System):
    """`uniqHLL12`, `uniqCombined`, `quantileTDigest`, `histogram(50)`, and their -State and -Merge forms."""

    name = "clickhouse"
    title = "ClickHouse (chdb)"
    distribution = "chdb"
    kept = "ClickHouse table of engine Memory"
    questions: ClassVar[Questions] = {
        "hll_bigint": _each(_DISTINCT, "u"),
        "hll_varchar": _each(_DISTINCT, "us"),
        "hll_groups": _each(_DISTINCT, "u", "g"),
        "hll_small_groups": _each(_DISTINCT, "u", "g2"),
        "hll_merge": {**_merges(HLL_STATES), _COMBINED: ""},
        "histogram": _each(_QUANTILE, "p"),
        "histogram_groups": _each(_QUANTILE, "p", "g", "avg"),
        "histogram_merge": _merges(HISTOGRAM_STATES),
    }
    left_out: ClassVar[Mapping[tuple[str, str], str]] = {
        ("hll_merge", _COMBINED): "2^17 registers: 100,000 of its states take 8.2 GB"
    }
    unscored = frozenset({_HISTOGRAM})

    def __init__(self, data: Data, threads: int) -> None:
        super().__init__(data, threads)
        self.clickhouse = LocalClickHouse()

    def prepare(self, dataset: str) -> None:
        for name in self._contenders(dataset):
            path = self._file(name)
            if not path.exists():
                self._write_states(name, path)

    def _contenders(self, dataset: str) -> list[str]:
        return [name for name, (of, *_) in _STATES.items() if of == dataset]

    def _file(self, name: str) -> Path:
        dataset, table, _, _ = _STATES[name]
        return self.file(dataset, f"{table}.native")

    def _write_states(self, name: str, path: Path) -> None:
        dataset, _, make, _ = _STATES[name]
        unfinished = path.with_suffix(".unfinished")
        states = self._hll_states(make) if dataset == HLL_STATES else self._distribution_states(make)
        self.clickhouse.query(f"SELECT s FROM ({states}) INTO OUTFILE '{unfinished}' TRUNCATE FORMAT Native")
        unfinished.rename(path)

    def _hll_states(self, make: str) -> str:
        scale = self.data.scale
        values = f"numbers_mt({scale.hll_states * scale.values_per_hll_state})"
        state = make.format(x="toInt64(number)")
        return f"SELECT {state} s FROM {values} GROUP BY intDiv(number, {scale.values_per_hll_state})"

    def _distribution_states(self, make: str) -> str:
        return " UNION ALL ".join(
            f"SELECT {make.format(x=f'p * {FACTOR.format(k=k)}')} s FROM file('{self.data.rows}', 'Parquet') GROUP BY h"
            for k in range(HISTOGRAM_PASSES)
        )

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        if dataset == ROWS:
            source = f"SELECT {', '.join(columns)} FROM file('{self.data.rows}', 'Parquet')"
            self.clickhouse.query(
                f"CREATE TABLE b.rows ENGINE = Memory AS {source} SETTINGS schema_inference_make_columns_nullable = 0"
            )
        for name in self._contenders(dataset):
            source = f"SELECT s FROM file('{self._file(name)}', 'Native')"
            self.clickhouse.query(f"CREATE TABLE b.{_STATES[name][1]} ENGINE = Memory AS {source}")

    def answer(self, question: str) -> float | None:
        return float(self.clickhouse.query(f"{question} SETTINGS max_threads = {self.threads}"))

    def stored(self, dataset: str) -> dict[str, dict[str, float]]:
        found = {}
        for name in self._contenders(dataset):
            text = self.clickhouse.query(f"SELECT count(), sum(length(CAST(s AS String))) FROM b.{_STATES[name][1]}")
            states, size = text.split(",")
            found[name] = {"states": float(states), "bytes": float(size)}
        return found
