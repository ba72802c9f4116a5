"""How far off: each side's answers to the same values, at as many bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.connection import connect
from benchmarks.distributions import QUANTILES, distributions, rank_errors
from benchmarks.druid.folds import BINS
from benchmarks.druid.java import Java

_PARTS = 50
_NAMES = ("uniform", "normal", "lognormal (2)", "Pareto (1.1)")


def histogram_errors(java: Java, folder: Path, size: int) -> list[dict[str, Any]]:
    """The greatest rank error of 117 quantiles, of parts that were merged.

    Druid's of as many bins, merged and built in one; ours of as many bins, and of as many as fit the bytes of Druid's.
    """
    found = []
    asked = ",".join(f"{q:.3f}" for q in QUANTILES)
    part = size // _PARTS
    for name, drawn in distributions(size).items():
        if name not in _NAMES:
            continue
        floats = drawn.astype(">f4")
        file = folder / "accuracy.values"
        floats.tofile(file)
        merged = _Answer.of_java(java.numbers("quantiles", file, part, BINS, asked))
        one = _Answer.of_java(java.numbers("quantiles", file, size, BINS, asked))
        values = floats.astype(np.float64)
        with connect() as connection:
            connection.register("columns", {"i": np.arange(size, dtype=np.int64), "x": values})
            same_bins = _ours(connection, part, BINS)
            most_bins = merged.size // 8
            same_bytes = next(
                answer
                for bins in range(most_bins, 1, -1)
                if (answer := _ours(connection, part, bins)).size <= merged.size
            )
        ordered = np.sort(values)
        answers = {"druid": merged, "druid_in_one": one, "ours": same_bins, "ours_in_as_many_bytes": same_bytes}
        measured = {
            side: {"bytes": answer.size, "error": float(rank_errors(ordered, QUANTILES, answer.quantiles).max())}
            for side, answer in answers.items()
        }
        found.append({"name": name, **measured})
    return found


@dataclass(frozen=True)
class _Answer:
    size: int
    quantiles: Any

    @classmethod
    def of_java(cls, lines: list[list[float]]) -> _Answer:
        (size,), *quantiles = lines
        return cls(int(size), np.array([quantile for (quantile,) in quantiles]))


def _ours(connection: duckdb.DuckDBPyConnection, part: int, bins: int) -> _Answer:
    parts = f"SELECT approx_histogram_agg(x, {bins}) AS h FROM columns GROUP BY i // {part}"
    union = f"SELECT approx_histogram_union_agg(h) AS h FROM ({parts})"
    query = f"SELECT octet_length(h), approx_histogram_quantile(h, $1) FROM ({union})"
    ((size, quantiles),) = connection.execute(query, [QUANTILES.tolist()]).fetchall()
    return _Answer(size, np.array(quantiles))


def distinct_errors(java: Java, trials: int, counts: Sequence[int]) -> list[dict[str, Any]]:
    """The root of the mean square of the relative errors of that many sketches, and how many bytes they take."""
    found = []
    with connect() as connection:
        for count in counts:
            druid = np.array([estimate for (estimate,) in java.numbers("estimates", trials, count)])
            rows = connection.execute(
                f"""
                SELECT hyper_unique_estimate(d), (hll_sketch_bounds(h, 1)).estimate, octet_length(d), octet_length(h)
                FROM (SELECT hyper_unique_agg(x) AS d, hll_sketch_agg(x, 11) AS h
                      FROM (SELECT i // {count} AS trial, trial || '-' || i % {count} AS x
                            FROM range({trials * count}) t(i)) GROUP BY trial)
                """
            ).fetchall()
            same, hll, druid_bytes, hll_bytes = np.array(rows, float).T
            found.append(
                {
                    "count": count,
                    "druid": _rms(druid, count),
                    "hyper_unique": _rms(same, count),
                    "hll": _rms(hll, count),
                    "druid_bytes": float(druid_bytes.mean()),
                    "hll_bytes": float(hll_bytes.mean()),
                }
            )
    return found


def _rms(estimates: Any, count: int) -> float:
    return float(np.sqrt(np.mean((estimates / count - 1) ** 2)))
