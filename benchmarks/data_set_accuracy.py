"""Errors and proven bounds of histograms on every data set: `python -m benchmarks.data_set_accuracy --help`.

In four ways through SQL: one aggregate of all values ("direct"), and of 720 parts one union ("flat"), unions by 24 and
then of these ("tree"), and a chain of pairwise unions.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.connection import connect
from benchmarks.datasets import DataSet, data_sets
from benchmarks.distributions import QUANTILES, Floats, rank_errors

PARTS = 720
PARTS_A_BRANCH = 24
WAYS = ("direct", "flat", "tree", "chain")


def main() -> None:
    options = _parser().parse_args()
    con = connect()
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    beyond, largest_state = [], 0
    for data_set in data_sets():
        if options.kind and data_set.kind not in options.kind.split(","):
            continue
        if options.held_out is not None and data_set.held_out != (options.held_out == "yes"):
            continue
        values = data_set.values(options.values)
        ordered = np.sort(values)
        cells = []
        for way, image in images(con, values, options.bins):
            error, width = measure(con, image, ordered)
            found[way].append((error, width))
            cells.append(f"{error:.2f} ± {width:.1f}")
            if error > 100 * data_set.largest_error * 50 / options.bins:
                beyond.append(f"{data_set.name} ({way} {error:.2f})")
            largest_state = max(largest_state, len(image) if way != "chain" else 0)
        print(f"| {_title(data_set)} | {' | '.join(cells)} |", flush=True)
    for way in WAYS:
        errors, widths = zip(*found[way], strict=True)
        print(f"{way}: error at most {max(errors):.2f} %, median {statistics.median(errors):.3f} %; ", end="")
        print(f"proven half-width at most {max(widths):.1f} %, median {statistics.median(widths):.1f} %")
    print(f"largest state of an aggregate: {largest_state} bytes; beyond the target: {', '.join(beyond) or 'none'}")


def images(con: duckdb.DuckDBPyConnection, values: Floats, bins: int) -> Iterator[tuple[str, bytes]]:
    """Yield each way and the image that it makes."""
    numbers = np.repeat(np.arange(PARTS), [len(part) for part in np.array_split(values, PARTS)])
    con.register("arrow_values", pa.table({"part": numbers, "x": values}))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE parts AS
        SELECT part, approx_histogram_agg(x, {bins}) AS h FROM arrow_values GROUP BY part ORDER BY part
    """)
    branches = f"SELECT approx_histogram_union_agg(h) AS h FROM parts GROUP BY part // {PARTS_A_BRANCH}"
    chain = "list_reduce(list(h ORDER BY part), lambda a, b: approx_histogram_union(a, b))"
    queries = {
        "direct": f"SELECT approx_histogram_agg(x, {bins}) FROM arrow_values",
        "flat": "SELECT approx_histogram_union_agg(h) FROM parts",
        "tree": f"SELECT approx_histogram_union_agg(h) FROM ({branches})",
        "chain": f"SELECT {chain} FROM parts",
    }
    for way, query in queries.items():
        ((image,),) = con.execute(query).fetchall()
        yield way, bytes(image)


def measure(con: duckdb.DuckDBPyConnection, image: bytes, ordered: Floats) -> tuple[float, float]:
    """Return the largest error of rank, and the largest half-width of a proven bracket in ranks, in percent."""
    bounds = "SELECT approx_histogram_quantile_bounds(?, q) AS b FROM unnest(?::DOUBLE[]) t(q)"
    query = f"SELECT b.lower AS lower, b.estimate AS estimate, b.upper AS upper FROM ({bounds})"
    answers: dict[str, Any] = con.execute(query, [image, QUANTILES.tolist()]).fetchnumpy()
    below = np.searchsorted(ordered, answers["lower"], "right")
    above = np.searchsorted(ordered, answers["upper"], "left")
    widths = np.maximum(above - below, 0) / len(ordered) / 2
    return 100 * float(rank_errors(ordered, QUANTILES, answers["estimate"]).max()), 100 * float(widths.max())


def _title(data_set: DataSet) -> str:
    return f"{data_set.kind}: {data_set.name}{', held out' if data_set.held_out else ''}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_set_accuracy", description=__doc__)
    parser.add_argument("--bins", type=int, default=50, help="of each histogram (default: 50)")
    parser.add_argument("--values", type=int, default=1_000_000, help="of each data set (default: 1,000,000)")
    parser.add_argument("--kind", help="only these kinds, separated by commas")
    parser.add_argument("--held-out", choices=("yes", "no"), help="only data sets that are held out, or that are not")
    return parser


if __name__ == "__main__":
    main()
