"""Bytes of a stored state, by how many distinct values it saw: raw, and a row of Parquet with zstd."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.chdb_local import LocalClickHouse
from benchmarks.connection import connect
from benchmarks.duckdb_states import SIZE_OF_DISTINCT_STATE, SIZE_OF_QUANTILE_STATE
from benchmarks.progress import Progress
from benchmarks.scale import Scale

_UNIQUES = (1, 10, 100, 1_000)
_VALUES = (1, 10, 50, 1_000)
SEED = 1_000_003

# A column of states of that many rows with that many distinct values each, as Parquet, and their raw bytes in all.
Writer = Callable[[int, int, Path], float]


def measure_sizes(scale: Scale, progress: Progress) -> dict[str, Any]:
    """For each kind of state and number of values: the mean bytes, raw and in Parquet."""
    return {
        "distinct": _measure(_distinct(), (*_UNIQUES, scale.size_cardinality), scale, progress),
        "distribution": _measure(_distributions(), (*_VALUES, scale.size_cardinality), scale, progress),
    }


def _measure(
    kinds: Iterator[tuple[str, str, Callable[[], Writer]]], counts: tuple[int, ...], scale: Scale, progress: Progress
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, needs, make in kinds:
        if find_spec(needs) is None:
            found[name] = {"failed": f"{needs} is not installed"}
            continue
        with progress.step(f"bytes: {name}"):
            try:
                found[name] = _measure_kind(make(), sorted(set(counts)), scale)
            except Exception as error:  # Whatever a peer throws is a result: it goes into the table.
                found[name] = {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    return found


def _measure_kind(write: Writer, counts: list[int], scale: Scale) -> dict[str, Any]:
    by_count = {}
    for count in counts:
        rows = scale.size_rows_largest if count == scale.size_cardinality else scale.size_rows
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "states.parquet"
            raw = write(rows, count, file)
            by_count[str(count)] = {"rows": rows, "raw": raw / rows, "parquet": file.stat().st_size / rows}
    return {"by_count": by_count}


def _distinct() -> Iterator[tuple[str, str, Callable[[], Writer]]]:
    yield "duckdb_sketch HLL, lg_k 12", "duckdb", lambda: _ours("hll_sketch_agg(x)", "BIGINT")
    yield "DataSketches HLL_4, lg_k 12", "datasketches", lambda: _hll("HLL_4")
    yield "DataSketches HLL_8, lg_k 12", "datasketches", lambda: _hll("HLL_8")
    yield "DuckDB approx_count_distinct", "duckdb", _duckdb_distinct
    yield "ClickHouse uniqHLL12", "chdb", lambda: _clickhouse("uniqHLL12State({x})", "toInt64({i})")
    yield "ClickHouse uniqCombined", "chdb", lambda: _clickhouse("uniqCombinedState({x})", "toInt64({i})")


def _distributions() -> Iterator[tuple[str, str, Callable[[], Writer]]]:
    yield "duckdb_sketch, 50 bins", "duckdb", lambda: _ours("approx_histogram_agg(x)", "DOUBLE")
    yield "DuckDB approx_quantile", "duckdb", _duckdb_quantile
    yield "KLL, k = 200 (datasketches)", "datasketches", lambda: _quantiles("kll_doubles_sketch", 200)
    yield "t-digest, 100 (datasketches)", "datasketches", lambda: _quantiles("tdigest_double", 100)
    yield "ClickHouse histogram(50)", "chdb", lambda: _clickhouse("histogramState(50)({x})", _UNIFORM)
    yield "ClickHouse quantileTDigest", "chdb", lambda: _clickhouse("quantileTDigestState({x})", _UNIFORM)


# Different numbers between 0 and 1, in ClickHouse's SQL.
_UNIFORM = "cityHash64({i}) / 18446744073709551616"


def _numbers(rows: int, count: int) -> str:
    """`count` values for each of `rows` states, in DuckDB's SQL: `x` of state `k`."""
    return f"SELECT k, x FROM (SELECT i // {count} AS k, i + {SEED} AS x FROM range({rows * count}) t(i))"


def _ours(aggregate: str, sql_type: str) -> Writer:
    con = connect()

    def write(rows: int, count: int, file: Path) -> float:
        _make_states(con, aggregate, sql_type, rows, count)
        con.execute(f"COPY states TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
        ((size,),) = con.execute("SELECT sum(octet_length(s)) FROM states").fetchall()
        return float(size)

    return write


def _make_states(con: duckdb.DuckDBPyConnection, aggregate: str, sql_type: str, rows: int, count: int) -> None:
    x = "x" if sql_type == "BIGINT" else "hash(x) / 18446744073709551616 AS x"
    values = f"SELECT k, {x} FROM ({_numbers(rows, count)})"
    con.execute(f"CREATE OR REPLACE TABLE states AS SELECT {aggregate} AS s FROM ({values}) GROUP BY k ORDER BY k")


def _duckdb_distinct() -> Writer:
    return _duckdb("approx_count_distinct(x)", "BIGINT", SIZE_OF_DISTINCT_STATE)


def _duckdb_quantile() -> Writer:
    return _duckdb("approx_quantile(x, 0.5)", "DOUBLE", SIZE_OF_QUANTILE_STATE)


def _duckdb(aggregate: str, sql_type: str, size_of_state: str) -> Writer:
    con = duckdb.connect()

    def write(rows: int, count: int, file: Path) -> float:
        _make_states(con, f"{aggregate} EXPORT_STATE", sql_type, rows, count)
        con.execute(f"COPY states TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
        ((size,),) = con.execute(f"SELECT sum({size_of_state}) FROM states").fetchall()
        return float(size)

    return write


def _hll(target: str) -> Writer:
    """DataSketches' image of the same sets: read from ours, which is the same format, and written by it."""
    import datasketches

    target_type = getattr(datasketches, target)
    con = connect()

    def serialize(image: bytes) -> bytes:
        union = datasketches.hll_union(12)
        union.update(datasketches.hll_sketch.deserialize(image))
        return bytes(union.get_result(target_type).serialize_compact())

    def write(rows: int, count: int, file: Path) -> float:
        _make_states(con, "hll_sketch_agg(x)", "BIGINT", rows, count)
        return _write_blobs([serialize(image) for (image,) in con.execute("FROM states").fetchall()], file)

    return write


def _quantiles(kind: str, parameter: int) -> Writer:
    import datasketches

    def sketch(values: np.ndarray[Any, Any]) -> bytes:
        made = getattr(datasketches, kind)(parameter)
        made.update(values)
        return bytes(made.serialize())

    def write(rows: int, count: int, file: Path) -> float:
        rng = np.random.default_rng(SEED)
        return _write_blobs([sketch(rng.random(count)) for _ in range(rows)], file)

    return write


def _write_blobs(blobs: list[bytes], file: Path) -> float:
    pq.write_table(pa.table({"s": pa.array(blobs, pa.binary())}), file, compression="zstd")
    return float(sum(map(len, blobs)))


def _clickhouse(state: str, value: str) -> Writer:
    clickhouse = LocalClickHouse()

    def write(rows: int, count: int, file: Path) -> float:
        numbers = f"SELECT intDiv(number, {count}) k, number + {SEED} i FROM numbers({rows * count})"
        made = f"SELECT CAST({state.format(x=value.format(i='i'))} AS String) s FROM ({numbers}) GROUP BY k ORDER BY k"
        clickhouse.query(f"CREATE OR REPLACE TABLE b.states ENGINE = Memory AS {made}")
        settings = "output_format_parquet_compression_method = 'zstd'"
        clickhouse.query(f"SELECT s FROM b.states INTO OUTFILE '{file}' FORMAT Parquet SETTINGS {settings}")
        return float(clickhouse.query("SELECT sum(length(s)) FROM b.states"))

    return write
