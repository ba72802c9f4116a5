"""Images that Spark wrote: `hll_sketch_agg` and `hll_union_agg` of Spark 4.3.0 over `range(n)`, and what it estimated.

Spark keeps *updatable* images: whole lists and tables with their empty slots, and HLL_8 registers with a HIP
accumulator.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import pytest
from queries import value


class SparkSketch(NamedTuple):
    """A sketch of `range(n)`, as it was aggregated and as it was united from its even and odd halves."""

    n: int
    values: str  # what DuckDB has to count for the same
    lg_k: int
    aggregated: str
    estimate: int
    united: str
    united_estimate: int


IMAGES = [
    SparkSketch(
        n=0,
        values="i",
        lg_k=12,
        aggregated="0201070c030400080000000000000000000000000000000000000000000000000000000000000000",
        estimate=0,
        united="0201070c030400080000000000000000000000000000000000000000000000000000000000000000",
        united_estimate=0,
    ),
    SparkSketch(
        n=3,
        values="i",
        lg_k=12,
        aggregated="0201070c03000308cbd7c2042bf2fb06862ff90d0000000000000000000000000000000000000000",
        estimate=3,
        united="0201070c03000308cbd7c204862ff90d2bf2fb060000000000000000000000000000000000000000",
        united_estimate=3,
    ),
    SparkSketch(
        n=3,
        values="i::VARCHAR",
        lg_k=12,
        aggregated="0201070c03000308c7849e14aaa60f068f2cd90e0000000000000000000000000000000000000000",
        estimate=3,
        united="0201070c03000308c7849e148f2cd90eaaa60f060000000000000000000000000000000000000000",
        united_estimate=3,
    ),
    SparkSketch(
        n=10,
        values="i",
        lg_k=8,
        aggregated=(
            "03010708050000090a0000000000000081bc5d0600000000000000000000000000000000862ff90d0000000000000000"
            "0000000000000000cbd7c20400000000000000000000000000000000c1e9170500000000d21673070000000034a2610e"
            "7581660700000000000000000000000000000000fc2d420a7b65e6082bf2fb06000000000000000000000000"
        ),
        estimate=10,
        united=(
            "03010708050000090a0000000000000081bc5d0600000000000000000000000000000000862ff90d0000000000000000"
            "0000000000000000cbd7c204000000002bf2fb060000000000000000c1e9170500000000d21673070000000034a2610e"
            "7581660700000000000000000000000000000000000000007b65e608fc2d420a000000000000000000000000"
        ),
        united_estimate=10,
    ),
    SparkSketch(
        n=2000,
        values="i",
        lg_k=4,
        aggregated=(
            "0a0107040000000a3242c591f3cda840000000000010b23f000000000000000000000000000000000a0c0a0808070708"
            "070b07080a060b08"
        ),
        estimate=3175,
        united=(
            "0a0107040010060a0000000000000000000000000010b23f000000000000000001000000000000000a0c0a0808070708"
            "070b07080a060b08"
        ),
        united_estimate=2442,
    ),
    SparkSketch(
        n=2000,
        values="i::VARCHAR",
        lg_k=5,
        aggregated=(
            "0a0107050000000a5b81e91fcb69a440000000000018d23f000000000000000000000000000000000709080608080606"
            "0607070606070608060706060a060b0706080a070808070a"
        ),
        estimate=2613,
        united=(
            "0a0107050010060a0000000000000000000000000018d23f00000000000000000c000000000000000709080608080606"
            "0607070606070608060706060a060b0706080a070808070a"
        ),
        united_estimate=2525,
    ),
]


def label(sketch: SparkSketch) -> str:
    return f"{sketch.n}-{sketch.values}-{sketch.lg_k}"


@pytest.mark.parametrize("sketch", IMAGES, ids=label)
def test_sparks_estimates_are_ours(con: duckdb.DuckDBPyConnection, sketch: SparkSketch) -> None:
    estimate = "SELECT hll_sketch_estimate($1)"
    assert value(con, estimate, bytes.fromhex(sketch.aggregated)) == sketch.estimate
    assert value(con, estimate, bytes.fromhex(sketch.united)) == sketch.united_estimate


@pytest.mark.parametrize("sketch", IMAGES, ids=label)
def test_sparks_sketches_merge_with_ours(con: duckdb.DuckDBPyConnection, sketch: SparkSketch) -> None:
    ours = value(con, f"SELECT hll_sketch_agg({sketch.values}, {sketch.lg_k}) FROM range({sketch.n}) t(i)")
    for image in (sketch.aggregated, sketch.united):
        union = value(
            con, "SELECT hll_union_agg(s) FROM (VALUES ($1::BLOB), ($2::BLOB)) t(s)", bytes.fromhex(image), ours
        )
        if sketch.n > 0:  # of no value, our aggregate is not told its lg_k
            assert union == ours, "the same values, so the same bytes"
        assert value(con, "SELECT hll_sketch_estimate($1)", union) == sketch.united_estimate
