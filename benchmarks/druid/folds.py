"""What is timed: stored sketches of the same values merged into one, by Druid's own classes and by ours."""

from __future__ import annotations

import struct
from pathlib import Path
from time import process_time
from typing import Any

import duckdb
import numpy as np

from benchmarks.connection import connect
from benchmarks.druid.java import Java

BINS = 50
_VALUES_A_HISTOGRAM = 500
_TEXTS = {"dense": 2_000, "sparse": 60}
"""How many distinct texts a hyperUnique counts."""


def fold_hyper_uniques(java: Java, folder: Path, kind: str, objects: int, rounds: int) -> dict[str, Any]:
    """The same bytes on either side; beside them `hll_union_agg` of the same texts, of as many registers."""
    texts = _TEXTS[kind]
    with connect(threads=1) as connection:
        connection.execute("SET threads = 2")
        connection.execute(
            f"""
            CREATE TABLE stored AS SELECT hyper_unique_agg(x) AS druid, hll_sketch_agg(x, 11) AS hll
            FROM (SELECT i // {texts} AS object, 'user' || hash(i) % 10_000_000 AS x
                  FROM range({objects * texts}) t(i))
            GROUP BY object
            """
        )
        connection.execute("SET threads = 1")
        images = [image for (image,) in connection.execute("SELECT druid FROM stored").fetchall()]
        file = folder / f"{kind}.images"
        file.write_bytes(b"".join(struct.pack(">I", len(image)) + image for image in images))
        ((druid_seconds, druid_estimate),) = java.numbers("hyper-uniques", file, rounds)
        seconds, estimate = _best(connection, rounds, "hyper_unique_estimate(hyper_unique_union_agg(druid))")
        hll_seconds, hll_estimate = _best(connection, rounds, "hll_sketch_estimate(hll_union_agg(hll))")
        return {
            "kind": kind,
            "objects": objects,
            "bytes": sum(map(len, images)) / objects,
            "druid": {"seconds": druid_seconds, "estimate": druid_estimate},
            "hyper_unique": {"seconds": seconds, "estimate": estimate},
            "hll": {"seconds": hll_seconds, "estimate": hll_estimate},
        }


def fold_histograms(java: Java, folder: Path, objects: int, rounds: int) -> dict[str, Any]:
    """Histograms of the same values, each side's own."""
    values = np.random.default_rng(50).lognormal(0, 1, objects * _VALUES_A_HISTOGRAM).astype(">f4")
    file = folder / "histograms.values"
    values.tofile(file)
    answers = java.numbers("histograms", file, _VALUES_A_HISTOGRAM, BINS, rounds)
    (memory_seconds, _), (stored_seconds, count), (size,) = answers
    assert count == len(values)
    x = values.astype(np.float64)
    i = np.arange(len(values), dtype=np.int64)
    with connect(threads=1) as connection:
        connection.register("columns", {"i": i, "x": x})
        connection.execute(
            f"""
            CREATE TABLE stored AS SELECT approx_histogram_agg(x, {BINS}) AS h
            FROM columns GROUP BY i // {_VALUES_A_HISTOGRAM}
            """
        )
        seconds, merged = _best(connection, rounds, "approx_histogram_stats(approx_histogram_union_agg(h)).count")
        assert merged == len(values)
        (our_size,) = connection.execute("SELECT sum(octet_length(h)) FROM stored").fetchall()[0]
    return {
        "objects": objects,
        "bytes": float(our_size) / objects,
        "druid_bytes": size / objects,
        "druid": {"seconds": stored_seconds, "seconds_in_memory": memory_seconds},
        "ours": {"seconds": seconds},
    }


def _best(connection: duckdb.DuckDBPyConnection, rounds: int, answer: str) -> tuple[float, float]:
    """The best time of a round, in seconds of this process, whose one thread it is; and what came out."""
    times = []
    for _ in range(rounds):
        start = process_time()
        ((result,),) = connection.execute(f"SELECT {answer} FROM stored").fetchall()
        times.append(process_time() - start)
    return min(times), float(result)
