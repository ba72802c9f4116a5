"""HLL images that duckdb_sketch writes, for other libraries to read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb
from queries import column, rows, value

CORPUS = Path(__file__).parents[1] / "interop" / "hll_corpus.parquet"
RARE = (232582, 503824, 803624, 1004990, 1428409, 2048382, 2144141, 2437500, 2561626, 3331653, 3990748)
"""Integers with registers of 19 and more: exceptions of HLL_4 wherever `cur_min` is below 5."""
CLOSE = 1e-13
"""As close as the C++ library's answers are: relative."""
CLOSE_TO_JAVA_BOUNDS = 1e-7
"""From `lg_k` 13 on; its constants are rounded less."""


class OurAnswers(NamedTuple):
    """What duckdb_sketch says of a sketch."""

    estimate: float
    lower: tuple[float, ...]
    """The lower bounds of 1, 2 and 3 standard deviations."""
    upper: tuple[float, ...]


def coupon_limit(lg_k: int) -> int:
    """The greatest number of coupons before the registers come."""
    return 7 if lg_k < 8 else 3 << (lg_k - 5)


def aggregated(con: duckdb.DuckDBPyConnection, lg_k: int) -> list[bytes]:
    """Sketches of integers: of every mode, on both sides of every change, with exceptions, with `cur_min` above 0."""
    k, limit, many = 1 << lg_k, coupon_limit(lg_k), 400_000
    images = [bytes(value(con, f"SELECT hll_sketch_agg(NULL::INTEGER, {lg_k})"))]
    for n in sorted({1, 7, 8, limit, limit + 1, min(3 * k, many), many}):
        images.append(bytes(value(con, f"SELECT hll_sketch_agg(i, {lg_k}) FROM range({n}) t(i)")))
    for n in (limit + 1, many):
        both = f"SELECT i FROM range({n}) t(i) UNION ALL SELECT unnest({list(RARE)})"
        images.append(bytes(value(con, f"SELECT hll_sketch_agg(i, {lg_k}) FROM ({both}) t(i)")))
    return images


def merged(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """What the images of the golden corpus become in a union."""
    return [bytes(image) for image in column(con, f"SELECT DISTINCT hll_union(image, image) FROM '{CORPUS}'")]


def our_answers(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> list[OurAnswers]:
    """The estimate and the bounds of each."""
    query = """
        SELECT a.estimate, [a.lower, b.lower, c.lower], [a.upper, b.upper, c.upper]
        FROM (
            SELECT id, hll_sketch_bounds(image, 1) AS a, hll_sketch_bounds(image, 2) AS b,
                   hll_sketch_bounds(image, 3) AS c
            FROM (SELECT unnest($1::BLOB[]) AS image, unnest(range(len($1))) AS id)
        ) ORDER BY id
    """
    return [OurAnswers(estimate, tuple(lower), tuple(upper)) for estimate, lower, upper in rows(con, query, images)]
