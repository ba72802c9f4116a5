"""How far off: each side's answers to the same values, at as many bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.connection import connect
from benchmarks.distributions import QUANTILES, distributions, rank_errors
from benchmarks.druid.folds import BINS
from benchmarks.druid.java import Java

_PARTS = 50
_NAMES = ("uniform", "normal", "lognormal (2)", "Pareto (1.1)")


def histogram_errors(java: Java, folder: Path, size: int) -> list[dict[str, Any]]:
    """The greatest error of rank of 117 quantiles; of parts that were merged, with as many bins here as fit the bytes."""
    found = []
    for name, drawn in distributions(size).items():
        if name not in _NAMES:
            continue
        floats = drawn.astype(">f4")
        file = folder / "accuracy.values"
        floats.tofile(file)
        asked = ",".join(f"{q:.3f}" for q in QUANTILES)
        (druid_bytes,), *answers = java.numbers("quantiles", file, size // _PARTS, BINS, asked)
        values = np.sort(floats.astype(np.float64))
        bins, our_bytes, ours = _our_quantiles(floats.astype(np.float64), size // _PARTS, int(druid_bytes))
        theirs = np.array([answer for (answer,) in answers])
        found.append(
            {
                "name": name,
                "druid_bytes": druid_bytes,
                "bytes": our_bytes,
                "bins": bins,
                "druid": float(rank_errors(values, QUANTILES, theirs).max()),
                "ours": float(rank_errors(values, QUANTILES, ours).max()),
            }
        )
    return found


def _our_quantiles(values: Any, part: int, most_bytes: int) -> tuple[int, int, Any]:
    """The most bins whose image is not larger, its size, and its quantiles."""
    with connect() as connection:
        connection.register("columns", {"i": np.arange(len(values), dtype=np.int64), "x": values})
        for bins in range(most_bytes // 8, 2, -1):
            parts = f"SELECT approx_histogram_agg(x, {bins}) AS h FROM columns GROUP BY i // {part}"
            query = f"SELECT octet_length(h), approx_histogram_quantile(h, $1) FROM (SELECT approx_histogram_union_agg(h) AS h FROM ({parts}))"  # noqa: E501 # fmt: skip
            ((size, quantiles),) = connection.execute(query, [QUANTILES.tolist()]).fetchall()
            if size <= most_bytes:
                return bins, size, np.array(quantiles)
    raise ValueError(f"no histogram fits {most_bytes} bytes")


def distinct_errors(java: Java, trials: int, counts: list[int]) -> list[dict[str, Any]]:
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
