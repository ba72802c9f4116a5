"""The tables of docs/CHOOSING.md: what precision costs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.connection import connect
from benchmarks.distributions import QUANTILES, distributions, rank_errors
from benchmarks.heading import measured_on
from benchmarks.hll_accuracy import standard_error
from benchmarks.markdown import table
from benchmarks.quantile_sketches import ONE_BY_ONE, Histogram
from benchmarks.suite import Suite

LG_KS = (8, 10, 11, 12, 13, 14, 16, 18, 21)
UNIQUES = (1, 10, 100, 1_000, 10_000, 1_000_000)
BINS = (10, 20, 30, 50, 100, 200, 400)
PARTS = 720  # or fewer of few values, as each is a sketch of its own
VALUES_A_PART = 100
REPEATS = 3  # the order in which threads meet the values changes a little


class Choosing(Suite):
    name = "choosing"
    summary = "bytes and errors by precision: the tables of docs/CHOOSING.md"
    file = "choosing"
    parts = ("distinct", "distributions")
    # Distinct values, and the values of each distribution.
    sizes: ClassVar = {
        "full": 1_000_000,
        "quick": 100_000,
        "toy": 7_200,
    }

    def measure(self, part: str) -> dict[str, Any]:
        return {"lines": distinct_counts(self.size) if part == "distinct" else distribution_quantiles(self.size)}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        titles = {"distinct": "Distinct counts", "distributions": "Distributions"}
        parts = ["# Choosing a precision"]
        for name, title in titles.items():
            if name in sections:
                header, *lines = sections[name]["lines"]
                parts += [f"## {title}", measured_on(sections[name]), table(header, lines)]
        return "\n\n".join(parts) + "\n"


def distinct_counts(most: int) -> list[list[str]]:
    """Bytes of an HLL state by lg_k and how many distinct values it has counted."""
    con = connect()
    counts = [uniques for uniques in UNIQUES if uniques <= most]
    lines = [["lg_k", "standard error", *(f"{uniques:,}" for uniques in counts)]]
    for lg_k in LG_KS:
        sizes = []
        for uniques in counts:
            query = f"SELECT octet_length(hll_sketch_agg(i, {lg_k})) FROM range({uniques}) t(i)"
            ((size,),) = con.execute(query).fetchall()
            sizes.append(f"{size:,}")
        lines.append([str(lg_k), f"{100 * standard_error(lg_k):.2f} %", *sizes])
    return lines


def distribution_quantiles(count: int) -> list[list[str]]:
    """Bytes and the largest rank error by bins, over every distribution and every way to merge."""
    samples = distributions(count)
    lines = [
        [
            "bins",
            "bytes of an aggregate, at most",
            "largest rank error",
            "distribution",
            "rank error of the median distribution",
        ]
    ]
    for bins in BINS:
        sketch = Histogram(bins)
        largest, size = {}, 0
        for name, values in samples.items():
            ordered = np.sort(values)
            parts = np.array_split(values, min(PARTS, count // VALUES_A_PART))
            found = [merged for _ in range(REPEATS) for merged in sketch.merged(parts)]
            size = max(size, *(merged.bytes for merged in found if merged.plan != ONE_BY_ONE))
            largest[name] = max(rank_errors(ordered, QUANTILES, merged.estimates).max() for merged in found)
        worst = max(largest, key=lambda name: largest[name])
        median = float(np.median(list(largest.values())))
        lines.append([str(bins), f"{size:,}", f"{100 * largest[worst]:.2f} %", worst, f"{100 * median:.2f} %"])
    return lines
