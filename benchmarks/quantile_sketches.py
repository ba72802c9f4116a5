"""Sketches of distributions, ours and others', built from parts and merged in several ways."""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.chdb_local import LocalClickHouse
from benchmarks.connection import connect
from benchmarks.distributions import QUANTILES, Floats
from benchmarks.duckdb_states import SIZE_OF_QUANTILE_STATE

DIRECT = "directly"
ONE_BY_ONE = "one by one"
ALL_AT_ONCE = "all at once"
TREE = "hour → day → month"
PLANS = (DIRECT, ONE_BY_ONE, ALL_AT_ONCE, TREE)
HOURS_A_DAY = 24


@dataclass(frozen=True)
class Merged:
    """What came out of one way to merge."""

    plan: str
    estimates: Floats
    """At each of `QUANTILES`."""
    bytes: int
    """Of the merged sketch, stored."""
    lower: Floats | None = None
    """Where the sketch claims bounds: the lower ones, and below the upper ones."""
    upper: Floats | None = None
    rank_error: float | None = None
    """Where the sketch proves one: the largest rank error, as a fraction."""


class QuantileSketch(ABC):
    """One kind of sketch."""

    @abstractmethod
    def merged(self, parts: Sequence[Floats]) -> Iterator[Merged]:
        """Sketch everything at once, and each part; merge the sketches in every way that this kind can."""


class Histogram(QuantileSketch):
    """`approx_histogram_agg` and its unions."""

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.con = connect()

    def merged(self, parts: Sequence[Floats]) -> Iterator[Merged]:
        _load_parts(self.con, parts)
        self.con.execute(f"""
            CREATE OR REPLACE TABLE hours AS
            SELECT part, approx_histogram_agg(x, {self.bins}) h FROM parts GROUP BY part ORDER BY part
        """)
        days = f"SELECT approx_histogram_union_agg(h) h FROM hours GROUP BY part // {HOURS_A_DAY}"
        yield self._read(DIRECT, self._blob(f"SELECT approx_histogram_agg(x, {self.bins}) FROM parts"))
        yield self._read(ONE_BY_ONE, self._chain())
        yield self._read(ALL_AT_ONCE, self._blob("SELECT approx_histogram_union_agg(h) FROM hours"))
        yield self._read(TREE, self._blob(f"SELECT approx_histogram_union_agg(h) FROM ({days})"))

    def _chain(self) -> bytes:
        hours = [row[0] for row in self.con.execute("SELECT h FROM hours ORDER BY part").fetchall()]
        merged: bytes = reduce(partial(self._blob, "SELECT approx_histogram_union(?, ?)"), hours)
        return merged

    def _blob(self, sql: str, *parameters: Any) -> bytes:
        ((blob,),) = self.con.execute(sql, list(parameters)).fetchall()
        return bytes(blob)

    def _read(self, plan: str, blob: bytes) -> Merged:
        bounds = "SELECT approx_histogram_quantile_bounds(?, q) b FROM unnest(?::DOUBLE[]) t(q)"
        found = self.con.execute(
            f"SELECT b.lower AS lower, b.estimate AS estimate, b.upper AS upper FROM ({bounds})",
            [blob, QUANTILES.tolist()],
        ).fetchnumpy()
        ((rank_error,),) = self.con.execute("SELECT approx_histogram_stats(?).rank_error", [blob]).fetchall()
        return Merged(plan, found["estimate"], len(blob), found["lower"], found["upper"], rank_error)


class DuckDBQuantile(QuantileSketch):
    """DuckDB's `approx_quantile`, a t-digest, through exported states."""

    def __init__(self) -> None:
        self.con = duckdb.connect()

    def merged(self, parts: Sequence[Floats]) -> Iterator[Merged]:
        _load_parts(self.con, parts)
        self.con.execute(f"""
            CREATE OR REPLACE TABLE hours AS
            SELECT part, approx_quantile(x, {QUANTILES.tolist()}) EXPORT_STATE s FROM parts GROUP BY part ORDER BY part
        """)
        yield self._read(DIRECT, f"SELECT approx_quantile(x, {QUANTILES.tolist()}) EXPORT_STATE s FROM parts")
        days = f"SELECT combine_aggr(s) s FROM hours GROUP BY part // {HOURS_A_DAY}"
        yield self._read(
            ONE_BY_ONE, "SELECT list_reduce(list(s ORDER BY part), lambda a, b: combine(a, b)) s FROM hours"
        )
        yield self._read(ALL_AT_ONCE, "SELECT combine_aggr(s) s FROM hours")
        yield self._read(TREE, f"SELECT combine_aggr(s) s FROM ({days})")

    def _read(self, plan: str, merged: str) -> Merged:
        sql = f"SELECT finalize(s), {SIZE_OF_QUANTILE_STATE} FROM ({merged})"
        ((estimates, size),) = self.con.execute(sql).fetchall()
        return Merged(plan, np.array(estimates), size)


class DataSketchesQuantile(QuantileSketch):
    """A sketch of the package `datasketches` that is updated with an array."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def merged(self, parts: Sequence[Floats]) -> Iterator[Merged]:
        yield self._read(DIRECT, self._sketch(np.concatenate(parts)))
        hours = [self._sketch(part) for part in parts]
        yield self._read(ONE_BY_ONE, self._union(hours))
        days = [self._union(hours[start : start + HOURS_A_DAY]) for start in range(0, len(hours), HOURS_A_DAY)]
        yield self._read(TREE, self._union(days))

    def _sketch(self, values: Floats) -> Any:
        sketch = self.make()
        sketch.update(values)
        return sketch

    def _union(self, sketches: Sequence[Any]) -> Any:
        union = self.make()
        for sketch in sketches:
            union.merge(sketch)
        return union

    def _read(self, plan: str, sketch: Any) -> Merged:
        estimates = np.array([sketch.get_quantile(q) for q in QUANTILES.tolist()])
        return Merged(plan, estimates, len(sketch.serialize()))


class ClickHouseQuantile(QuantileSketch):
    """An aggregate of ClickHouse; `read` turns its answer, as JSON, into the quantiles."""

    def __init__(self, function: str, parameters: str, read: Callable[[Any], Floats]) -> None:
        self.function = function
        self.parameters = parameters
        self.read = read
        self.clickhouse = LocalClickHouse()

    def merged(self, parts: Sequence[Floats]) -> Iterator[Merged]:
        self._load(parts)
        yield self._read_state(DIRECT, "SELECT s FROM b.whole")
        merge = f"{self.function}MergeState({self.parameters})(s)"
        yield self._read_state(ALL_AT_ONCE, f"SELECT {merge} s FROM b.hours")
        days = f"SELECT {merge} s FROM b.hours GROUP BY intDiv(part, {HOURS_A_DAY})"
        yield self._read_state(TREE, f"SELECT {merge} s FROM ({days})")

    def _load(self, parts: Sequence[Floats]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "parts.parquet"
            pq.write_table(_table(parts), file)
            state = f"{self.function}State({self.parameters})(x)"
            for table, part, group in (("hours", "part,", "GROUP BY part"), ("whole", "", "")):
                self.clickhouse.query(f"""
                    CREATE OR REPLACE TABLE b.{table} ENGINE = Memory AS
                    SELECT {part} {state} s FROM file('{file}', 'Parquet') {group}
                    SETTINGS schema_inference_make_columns_nullable = 0
                """)

    def _read_state(self, plan: str, merged: str) -> Merged:
        sql = f"SELECT finalizeAggregation(s) answer, length(CAST(s AS String)) bytes FROM ({merged})"
        reply = json.loads(self.clickhouse.query(sql, "JSONCompact"))["data"][0]
        return Merged(plan, self.read(reply[0]), int(reply[1]))


def _quantiles_of_bins(bins: Sequence[Sequence[float]]) -> Floats:
    """Quantiles of ClickHouse's (lower, upper, height), the height spread evenly over its bin."""
    lower, upper, height = np.array(bins, dtype=float).T
    ranks = np.concatenate([[0.0], np.cumsum(height)]) / height.sum()
    return np.asarray(np.interp(QUANTILES, ranks, np.append(lower, upper[-1])))


def _table(parts: Sequence[Floats]) -> pa.Table:
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return pa.table({"part": numbers, "x": np.concatenate(parts)})


def _load_parts(con: duckdb.DuckDBPyConnection, parts: Sequence[Floats]) -> None:
    con.register("arrow_parts", _table(parts))
    con.execute("CREATE OR REPLACE TABLE parts AS SELECT * FROM arrow_parts")
    con.unregister("arrow_parts")


def _kll(k: int) -> QuantileSketch:
    import datasketches

    return DataSketchesQuantile(lambda: datasketches.kll_doubles_sketch(k))


def _tdigest(k: int) -> QuantileSketch:
    import datasketches

    return DataSketchesQuantile(lambda: datasketches.tdigest_double(k))


_LEVELS = ", ".join(str(q) for q in QUANTILES.tolist())


@dataclass(frozen=True)
class Kind:
    """A kind of sketch, before anything of it is imported."""

    name: str
    needs: str
    """The Python package that it comes from."""
    make: Callable[[], QuantileSketch]
    bins: int | None = None
    """Ours: how many."""

    def missing(self) -> str | None:
        """Say what is not installed, or nothing."""
        return None if find_spec(self.needs) else f"{self.needs} is not installed"


_OURS_50 = Kind("duckdb_sketch, 50 bins", "duckdb", lambda: Histogram(50), bins=50)
_OURS_100 = Kind("duckdb_sketch, 100 bins", "duckdb", lambda: Histogram(100), bins=100)
_DUCKDB = Kind("DuckDB approx_quantile", "duckdb", DuckDBQuantile)
_CLICKHOUSE_HISTOGRAM = Kind(
    "ClickHouse histogram(50)", "chdb", lambda: ClickHouseQuantile("histogram", "50", _quantiles_of_bins)
)
_CLICKHOUSE_TDIGEST = Kind(
    "ClickHouse quantilesTDigest", "chdb", lambda: ClickHouseQuantile("quantilesTDigest", _LEVELS, np.array)
)

KINDS = (
    _OURS_50,
    _OURS_100,
    _DUCKDB,
    Kind("KLL, k = 200 (datasketches)", "datasketches", lambda: _kll(200)),
    Kind("t-digest, 100 (datasketches)", "datasketches", lambda: _tdigest(100)),
    _CLICKHOUSE_HISTOGRAM,
    _CLICKHOUSE_TDIGEST,
)
KINDS_OF_FEW_BYTES = (
    _OURS_50,
    _OURS_100,
    Kind("KLL, k = 8 (datasketches)", "datasketches", lambda: _kll(8)),
    Kind("t-digest, 25 (datasketches)", "datasketches", lambda: _tdigest(25)),
    _CLICKHOUSE_HISTOGRAM,
    _DUCKDB,
    _CLICKHOUSE_TDIGEST,
)
"""Beside ours those of about as many bytes, and the two t-digests, whose size nobody chooses."""
