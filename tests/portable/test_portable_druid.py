"""Druid's old sketches: both backends read and write the same bytes, answer alike and refuse in the same words."""

from __future__ import annotations

import math
import random
import re
import struct

import duckdb
import pytest

pytestmark = pytest.mark.newest_duckdb

QUERIES = [
    "SELECT approx_histogram_from_druid($1::BLOB)",
    "SELECT approx_histogram_to_druid(approx_histogram_from_druid($1::BLOB))",
    "SELECT hyper_unique_union_agg($1::BLOB)",
    "SELECT hyper_unique_estimate($1::BLOB)",
    "SELECT hll_sketch_estimate($1::BLOB)",
    "SELECT approx_histogram_stats($1::BLOB)",
]


def outcome(con: duckdb.DuckDBPyConnection, query: str, image: bytes) -> object:
    """The answer, or what is said, with numbers in any spelling."""
    try:
        return con.execute(query, [image]).fetchall()
    except duckdb.Error as error:
        message = str(error).splitlines()[0].split("Error: ")[-1]
        return re.sub(r"(?<=\s)(-?[\d.]+([eE][-+]?\d+)?|-?inf|NaN)(?=\W|$)", "#", message)


def assert_alike(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, image: bytes) -> int:
    """Return how many queries have an answer."""
    answers = 0
    for query in QUERIES:
        ours, theirs = outcome(portable, query, image), outcome(native, query, image)
        assert ours == theirs, (query, image.hex())
        answers += not isinstance(ours, str)
    return answers


def histogram(rng: random.Random) -> bytes:
    """One of Druid's, dense, sparse or compact; of few bins and of odd ones."""
    bins = sorted(
        (rng.choice([rng.gauss(0, 100), float(rng.randrange(5)), -0.0, 1e38]), rng.choice([1, 1, 2, 9, 2**40]))
        for _ in range(rng.randrange(12))
    )
    if bins and rng.random() < 0.1:
        bins.append((rng.choice([math.inf, math.nan]), 1))
    marks = [rng.choice([0, 0, 1 << 63]) if count > 1 else 0 for _, count in bins]
    low, high = (bins[0][0], bins[-1][0]) if bins else (math.inf, -math.inf)
    low -= rng.choice([0, 0, 1])
    form = rng.randrange(3)
    if form == 2:
        values = struct.pack(f">{len(bins)}f", *[x for x, _ in bins])
        exact = struct.pack(">hb", -20, len(bins)) + values
        pairs = struct.pack(">hb", -20, -2) + struct.pack(">4fb", 0.5, 0.5, low, high, len(bins)) + values
        return rng.choice([exact, pairs])
    room = 20 - len(bins) if form == 0 else 0
    return b"".join(
        [
            struct.pack(">ii", 20, -len(bins) if form else len(bins)),
            struct.pack(f">{len(bins)}f", *[x for x, _ in bins]),
            bytes(4 * room),
            struct.pack(f">{len(bins)}Q", *[count | mark for (_, count), mark in zip(bins, marks, strict=True)]),
            bytes(8 * room),
            struct.pack(">ff", low, high),
        ]
    )


def hyper_unique(native: duckdb.DuckDBPyConnection, rng: random.Random) -> bytes:
    """A sparse or dense one, with an overflow or none."""
    texts = [str(rng.random()) for _ in range(rng.choice([0, 1, 5, 100, 140, 3_000, 20_000]))]
    row = native.execute("SELECT hyper_unique_agg(x) FROM (SELECT unnest($1::VARCHAR[]) AS x)", [texts]).fetchone()
    assert row is not None
    image = bytearray(row[0])
    if rng.random() < 0.5:
        image[4:7] = struct.pack(">BH", rng.randrange(16, 65), rng.randrange(2048))
    return bytes(image)


@pytest.mark.thorough
def test_images_and_damaged_ones(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection) -> None:
    rng = random.Random(12)
    answers = 0
    for _ in range(60):
        image = rng.choice([histogram(rng), histogram(rng), hyper_unique(native, rng)])
        answers += assert_alike(native, portable, image)
        damaged = bytearray(image)
        for _ in range(rng.choice([1, 3])):
            damaged[min(rng.randrange(len(image)), rng.randrange(40))] = rng.choice([0, 1, 0x80, 0xFF])
        assert_alike(native, portable, bytes(damaged))
        assert_alike(native, portable, image[: rng.randrange(len(image))])
        assert_alike(native, portable, image + bytes(rng.choice([1, 3])))
    assert answers > 60
    for image in (b"", b"\0", bytes(3), bytes(1031), b"AH\x01\x00", bytes([2, 1, 7, 12, 3, 12, 0, 0])):
        assert_alike(native, portable, image)
    # Of a filling that is looked at more than once nobody sees the end.
    assert_alike(native, portable, bytes([1]) + bytes(6 + 3 * 1_000_000))


@pytest.mark.parametrize("values", ["NULL::DOUBLE", "i % 7", "exp(4 * sin(i * 12.9898))", "1 + i * 1e-9", "i * 1e37"])
def test_histograms_to_druid(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, values: str
) -> None:
    for bins, rows in [(50, 100), (50, 130), (5, 30), (40_000, 20), (3, 400)]:
        made = f"SELECT approx_histogram_agg({values}, {bins}) FROM range({rows}) t(i)"
        ((image,),) = native.execute(made).fetchall()
        for form in ("", ", 'dense'", ", 'sparse'", ", 'compact'", ", 'other'", ", NULL"):
            query = f"SELECT approx_histogram_to_druid($1::BLOB{form})"
            assert outcome(portable, query, image) == outcome(native, query, image), form


def test_texts_have_the_same_bytes(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection) -> None:
    for count in [0, 1, 100, 128, 200, 5_000, 60_000]:
        whole = f"SELECT hyper_unique_agg(CASE WHEN i % 5 > 0 THEN 'é' || i END) FROM range({count}) t(i)"
        parts = f"SELECT hyper_unique_agg('é' || i) AS h FROM range({count}) t(i) GROUP BY i % 3"
        for query in (whole, f"SELECT hyper_unique_union_agg(h) FROM ({parts})"):
            assert portable.execute(query).fetchall() == native.execute(query).fetchall()
    nothing = "SELECT hyper_unique_agg(NULL::VARCHAR), hyper_unique_union_agg(NULL::BLOB), hyper_unique_estimate(NULL)"
    assert portable.execute(nothing).fetchall() == native.execute(nothing).fetchall()
