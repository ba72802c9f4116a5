"""Druid's old sketches: the bytes that its own classes write, read and written here, and the laws of merging them.

What is given as Druid's here was made by druid-processing 33.0.0 and druid-histogram 26.0.0; `tests/interop/druid` asks
them again, where Maven does.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import struct
from collections.abc import Iterable
from typing import Any

import duckdb
import pytest
from histogram_images import sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queries import column, value

SAME_CONNECTION = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

EMPTY = bytes.fromhex("01000000000000")


def refusal(con: duckdb.DuckDBPyConnection, expression: str, *parameters: object) -> str:
    """The message with which an expression is refused."""
    with pytest.raises(duckdb.InvalidInputException) as error:
        con.execute(f"SELECT {expression}", list(parameters)).fetchall()
    return str(error.value)


# hyperUnique

TEXTS = {
    (): "01000000000000",
    ("a",): "0100000100000002fa10",
    ("é",): "0100000100000002c640",
    ("",): "01000000400000",  # its rank of 64 is an overflow: Druid lists no pair for it, and finds nothing
    ("0", "1", "2"): "0100000300000001511002a48003b302",
    ("1", "1", "1"): "01000001000000015110",
    ("68", "85"): "0100000200000001e512000000",
    ("a longer text than sixteen bytes",): "01000001000000006410",
}


def of_texts(con: duckdb.DuckDBPyConnection, texts: Iterable[str | None]) -> bytes:
    image: bytes = value(con, "SELECT hyper_unique_agg(x) FROM (SELECT unnest($1::VARCHAR[]) AS x)", list(texts))
    return image


@pytest.mark.parametrize("texts", [texts for texts in TEXTS if texts != ("",)], ids=str)
def test_texts_have_druids_bytes(con: duckdb.DuckDBPyConnection, texts: tuple[str, ...]) -> None:
    """One value, long ones, those that are not ASCII, the same again, and two registers that share a byte."""
    assert of_texts(con, texts).hex() == TEXTS[texts]


RANGES = [
    ("u", 100, "95612fad5ba1652e", 102.52390800776813),
    ("u", 127, "b1e00a9e11ee7aa9", 130.0426682965211),
    ("u", 150, "9d1c2edf494c7781", 153.6201134179667),
    ("u", 5_000, "9e9a3247a8fbd258", 4935.031252071245),
    ("", 20_000, "baf964724a09b7f5", 19456.419154323463),
    ("é-", 1_000_000, "1e798b81c041ac52", 987034.6283237335),
]


@pytest.mark.parametrize(("prefix", "count", "fingerprint", "estimate"), RANGES)
def test_many_texts_have_druids_bytes_and_estimate(
    con: duckdb.DuckDBPyConnection, prefix: str, count: int, fingerprint: str, estimate: float
) -> None:
    """Sparse, dense, linear counting and above it; with an offset of up to 6."""
    query = f"SELECT hyper_unique_agg('{prefix}' || i) FROM range({count}) t(i)"
    image = value(con, query)
    assert hashlib.sha256(image).hexdigest().startswith(fingerprint)
    assert len(image) == (1031 if count >= 150 else 7 + 3 * int.from_bytes(image[2:4], "big"))
    assert value(con, "SELECT hyper_unique_estimate($1::BLOB)", image) == pytest.approx(estimate, rel=1e-14)


def packed(ranks: Iterable[tuple[int, int]], overflow: tuple[int, int] = (0, 0)) -> bytes:
    """The image of hashes of these registers and ranks, as Druid makes it; `overflow` is a register and a rank."""
    registers = [0] * 2048
    for register, rank in ranks:
        registers[register] = max(registers[register], rank)
    offset = min(registers)
    above = [rank - offset for rank in registers]
    assert max(above) < 16
    pairs = [even << 4 | odd for even, odd in zip(above[::2], above[1::2], strict=True)]
    count = sum(rank > 0 for rank in above)
    header = struct.pack(">BBHBH", 1, offset, count, overflow[1], overflow[0])
    if count >= 128:
        return header + bytes(pairs)
    listed = b"".join(struct.pack(">HB", 7 + place, pair) for place, pair in enumerate(pairs) if pair)
    return (header + listed).ljust(7 + 3 * count, b"\0")


def pattern(count: int, most: int) -> list[tuple[int, int]]:
    return [(i * 7919 % 2048, 1 + (i * i * 31 + i) % most) for i in range(count)]


PATTERNS = [
    (100, 15, (0, 0), "4940ac7338e1ecda", 102.52390800776813),
    (1000, 15, (0, 0), "0b5000406d36e0af", 1372.1192883781855),
    (2048, 3, (0, 0), "8499935078b0eb47", 830.8926024506128),
    (2048, 9, (0, 0), "58132e6c7c1e7a86", 11171.951106080982),
    (2048, 15, (0, 0), "3dede58964bdf2de", 9641.363139564024),
    (1500, 15, (6, 20), "3e72febdc9feb111", 2699.967895984912),
    (1500, 15, (7, 20), "37e3d97d8acd4cb4", 2696.234075442929),
    (1500, 15, (7, 32), "04e47eaf678ef048", 2692.507049846542),
    (2048, 15, (8, 50), "2b9c8eb8731875c4", 9656.758601829026),
]


@pytest.mark.parametrize(("count", "most", "overflow", "fingerprint", "estimate"), PATTERNS)
def test_images_have_druids_estimate(
    con: duckdb.DuckDBPyConnection, count: int, most: int, overflow: tuple[int, int], fingerprint: str, estimate: float
) -> None:
    """With an offset, and with an overflow at an even and at an odd register, which Druid counts in its own way."""
    image = packed(pattern(count, most), overflow)
    assert hashlib.sha256(image).hexdigest().startswith(fingerprint), "not the image that Druid's estimate is of"
    assert value(con, "SELECT hyper_unique_estimate($1::BLOB)", image) == pytest.approx(estimate, rel=1e-14)


@pytest.mark.parametrize("overflow", [(8, 50), (2047, 17)])
def test_an_overflow_beside_few_is_one_of_them(con: duckdb.DuckDBPyConnection, overflow: tuple[int, int]) -> None:
    """Druid overlooked it until 2026 (apache/druid#19649), and found 92.0."""
    ninety_one = -2048 * math.log(1 - 91 / 2048)
    image = packed(pattern(90, 15), overflow)
    assert overflow[0] not in [register for register, _ in pattern(90, 15)]
    assert value(con, "SELECT hyper_unique_estimate($1::BLOB)", image) == pytest.approx(ninety_one)
    assert round(value(con, "SELECT hyper_unique_estimate($1::BLOB)", bytes.fromhex(TEXTS[("",)]))) == 1
    assert round(value(con, "SELECT hyper_unique_estimate(hyper_unique_agg(''))")) == 1


def union(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> bytes:
    image: bytes = value(con, "SELECT hyper_unique_union_agg(h) FROM (SELECT unnest($1::BLOB[]) AS h)", images)
    return image


def test_the_greatest_rank_that_four_bits_do_not_say_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    """One register keeps it; another one is brought down to what four bits say, and not lost."""
    some = packed(pattern(1000, 15))
    beside = [packed([], overflow) for overflow in [(3, 17), (2, 40), (4, 40), (5, 20)]]
    merged = union(con, [some, *beside])
    assert struct.unpack(">BBHBH", merged[:7])[:2] + struct.unpack(">BH", merged[4:7]) == (1, 0, 40, 2)
    # Registers 2 to 5 stand in bytes 1 and 2.
    assert merged[8:10].hex() == "ffff"
    assert union(con, [merged, merged]) == merged
    assert union(con, [packed([], (9, 16))]).hex() == "010000" + "01100009" + "000b0f"
    # With a greater offset a rank of 17 fits.
    more = union(con, [packed([(register, 2) for register in range(2048)]), packed([], (3, 17))])
    assert more.hex() == "01020001000000" + "00080f"


RANKS = st.lists(st.tuples(st.integers(0, 2047), st.integers(1, 15)), max_size=400)
OVERFLOWS = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 2047), st.integers(16, 64)))
IMAGES = st.builds(packed, RANKS, OVERFLOWS)


@SAME_CONNECTION
@given(images=st.lists(IMAGES, min_size=1, max_size=6), seed=st.integers(0, 2**32))
def test_the_order_of_a_union_does_not_matter(con: duckdb.DuckDBPyConnection, images: list[bytes], seed: int) -> None:
    """Commutative, idempotent; and nothing is the neutral element."""
    merged = union(con, images)
    again = [*images, *images, EMPTY, b""]
    random.Random(seed).shuffle(again)
    assert union(con, again) == merged
    assert union(con, [merged, merged]) == merged


@SAME_CONNECTION
@given(images=st.lists(st.builds(packed, RANKS), min_size=1, max_size=6), cut=st.integers(0, 6))
def test_a_union_of_unions_is_the_union(con: duckdb.DuckDBPyConnection, images: list[bytes], cut: int) -> None:
    """Associative, where four bits say every rank."""
    assert union(con, [union(con, images[:cut]), union(con, images[cut:])]) == union(con, images)


@pytest.mark.thorough
@SAME_CONNECTION
@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))), parts=st.integers(1, 5))
def test_parts_that_are_merged_are_the_whole(con: duckdb.DuckDBPyConnection, texts: list[str], parts: int) -> None:
    whole = of_texts(con, texts)
    assert union(con, [of_texts(con, texts[part::parts]) for part in range(parts)]) == whole
    assert of_texts(con, [*reversed(texts), None, *texts]) == whole


def test_threads_and_groups_make_no_difference(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE t AS SELECT i, 'v' || i % 30_000 AS x FROM range(300_000) r(i)")
    results = set()
    for threads in (1, 4):
        con.execute(f"SET threads = {threads}")
        results.add(value(con, "SELECT hyper_unique_agg(x) FROM t"))
        for groups in (7, 3_000):
            parts = f"SELECT hyper_unique_agg(x) AS h FROM t GROUP BY i % {groups}"
            results.add(value(con, f"SELECT hyper_unique_union_agg(h) FROM ({parts})"))
    assert len(results) == 1
    assert value(con, "SELECT hyper_unique_estimate($1::BLOB)", results.pop()) == pytest.approx(30_000, rel=0.07)
    windows = "SELECT hyper_unique_agg(x) OVER (ORDER BY i ROWS 50 PRECEDING) AS h FROM t WHERE i < 300"
    assert column(con, f"SELECT max(hyper_unique_estimate(h)) FROM ({windows})")[0] == pytest.approx(51, abs=2)


@SAME_CONNECTION
@given(a=IMAGES, b=st.one_of(IMAGES, st.just(b"")))
def test_the_union_of_two_is_that_of_the_aggregate(con: duckdb.DuckDBPyConnection, a: bytes, b: bytes) -> None:
    assert value(con, "SELECT hyper_unique_union($1::BLOB, $2::BLOB)", a, b) == union(con, [a, b])


def test_the_union_of_two_is_null_if_one_is(con: duckdb.DuckDBPyConnection) -> None:
    pairs = "(VALUES (NULL, $1::BLOB), ($1, NULL), (NULL, NULL), ($1, ''::BLOB)) AS pairs(a, b)"
    assert column(con, f"SELECT hyper_unique_union(a, b) FROM {pairs}", EMPTY) == [None, None, None, EMPTY]


def test_null_and_nothing_of_hyper_unique(con: duckdb.DuckDBPyConnection) -> None:
    assert value(con, "SELECT hyper_unique_agg(NULL::VARCHAR)") == EMPTY
    assert value(con, "SELECT hyper_unique_agg(x) FROM (SELECT 'a' AS x) WHERE false") == EMPTY
    assert value(con, "SELECT hyper_unique_union_agg(NULL::BLOB)") == EMPTY
    assert value(con, "SELECT hyper_unique_union_agg(h) FROM (SELECT ''::BLOB AS h)") == EMPTY
    assert value(con, "SELECT hyper_unique_estimate(NULL)") is None
    assert column(con, "SELECT hyper_unique_estimate(h) FROM (SELECT unnest([$1::BLOB, ''::BLOB]) AS h)", EMPTY) == [
        0,
        0,
    ]


def test_what_is_no_text_is_cast(con: duckdb.DuckDBPyConnection) -> None:
    assert value(con, "SELECT hyper_unique_agg(i::VARCHAR) FROM range(3) t(i)").hex() == TEXTS[("0", "1", "2")]
    with pytest.raises(duckdb.Error, match=r"cannot count INTEGER: write hyper_unique_agg\(x::VARCHAR\)"):
        con.execute("SELECT hyper_unique_agg(1)")


def test_an_image_whose_version_druid_overwrote(con: duckdb.DuckDBPyConnection) -> None:
    """Where it makes a dense image of a sparse one with two registers in a byte, byte 0 becomes 0."""
    image = packed(pattern(1000, 15))
    assert union(con, [b"\0" + image[1:]]) == image


def dense(registers: int, counted: int) -> bytes:
    """An image of so many registers above an offset of 0, whose header counts another number of them."""
    ranks = [1 + i % 15 if i < registers else 0 for i in range(2048)]
    pairs = bytes(even << 4 | odd for even, odd in zip(ranks[::2], ranks[1::2], strict=True))
    return struct.pack(">BBHBH", 1, 0, counted, 0, 0) + pairs


@pytest.mark.parametrize(("registers", "counted"), [(2048, 2047), (2043, 2042), (1000, 999), (1000, 0)])
def test_a_header_that_counts_too_few_registers_is_counted_again(
    con: duckdb.DuckDBPyConnection, registers: int, counted: int
) -> None:
    """Old images of Druid, which Druid reads."""
    image, sound = dense(registers, counted), dense(registers, registers)
    assert union(con, [image]) == union(con, [sound])
    assert value(con, "SELECT hyper_unique_union(''::BLOB, $1::BLOB)", image) == union(con, [sound])
    old, new = (value(con, "SELECT hyper_unique_estimate($1::BLOB)", each) for each in (image, sound))
    assert old == new
    assert old > registers / 2


DENSE = packed(pattern(1000, 15))
SPARSE = packed([(0, 1), (9, 2), (2046, 3), (2047, 4)])
READERS = {
    "hyper_unique_estimate": "hyper_unique_estimate($1::BLOB)",
    "hyper_unique_union_agg": "hyper_unique_union_agg($1::BLOB)",
    "hyper_unique_union": "hyper_unique_union(''::BLOB, $1::BLOB)",
}


def patched(image: bytes, offset: int, patch: str) -> bytes:
    changed = bytes.fromhex(patch)
    return image[:offset] + changed + image[offset + len(changed) :]


DAMAGED = {
    "text": (
        b"hello, world",
        "not a hyperUnique of Druid: it starts with 68 65 6c 6c 6f 2c 20, and a hyperUnique with 01",
    ),
    "a byte": (b"\x01", "starts with 01, and a hyperUnique with 01 and six bytes more"),
    "version 0": (b"\0\0\0" + bytes(1024), "not a hyperUnique of Druid: it starts with 00"),
    "version 2": (patched(DENSE, 0, "02"), "not a hyperUnique of Druid: it starts with 02"),
    "an offset of 50": (patched(DENSE, 1, "32"), "its offset is 50, and no hash has ranks for more than 49"),
    "another count": (
        patched(DENSE, 2, "03e9"),
        "its header counts 1001 registers above the offset, and there are 1000",
    ),
    "an overflow of 15": (patched(DENSE, 4, "0f"), "its overflow is rank 15 of register 0, and must be 0 or 16 to 64"),
    "an overflow of 65": (patched(DENSE, 4, "41"), "its overflow is rank 65 of register 0"),
    "an overflow of 2048": (patched(DENSE, 4, "100800"), "its overflow is rank 16 of register 2048"),
    "a dense one that is cut": (DENSE[:-2], "it has 1029 bytes, and must have 1031, or 7 and 3 for each register"),
    "a sparse one that is cut": (SPARSE[:-1], "it has 18 bytes, and must have 1031"),
    "a pair too few": (
        patched(SPARSE, 13, "000000" * 2),
        "its header counts 4 registers above the offset, and there are 2",
    ),
    "a filling that is cut": (
        SPARSE[:-3],
        "it has 16 bytes, and must have 7 and 3 for each of 4 registers above the offset",
    ),
    "a filling too long": (SPARSE + bytes(3), "it has 22 bytes, and must have 7 and 3 for each of 4 registers"),
    "a pair twice": (patched(SPARSE, 10, "000710"), "it lists the pair 10 at 7, and must list pairs that are not 0"),
    "a pair in the header": (patched(SPARSE, 7, "0006"), "it lists the pair 10 at 6, and must"),
    "a pair behind the end": (patched(SPARSE, 13, "0407"), "it lists the pair 34 at 1031, and must"),
    "a pair of 0": (patched(SPARSE, 12, "00"), "it lists the pair 00 at 11, and must"),
    "bytes behind the end": (DENSE + b"\0", "it has 1032 bytes, and must have 1031"),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("reader", READERS)
def test_damaged_hyper_uniques(con: duckdb.DuckDBPyConnection, reader: str, damage: str) -> None:
    image, message = DAMAGED[damage]
    assert re.search(rf"\b{reader}: .*{re.escape(message)}", refusal(con, READERS[reader], image))


def test_what_the_damaged_ones_are_made_of(con: duckdb.DuckDBPyConnection) -> None:
    assert value(con, "SELECT hyper_unique_estimate($1::BLOB)", SPARSE) == pytest.approx(4, abs=0.1)
    assert len(SPARSE) == 19
    assert SPARSE[16:] == bytes(3)


def test_sketches_of_different_hashes_never_mix(con: duckdb.DuckDBPyConnection) -> None:
    """Nor histograms with sketches: each error says what the bytes are."""
    hll, histogram = value(con, "SELECT hll_sketch_agg(1)"), value(con, "SELECT approx_histogram_agg(1)")
    druid = value(con, "SELECT approx_histogram_to_druid($1::BLOB)", histogram)
    for reader, call in READERS.items():
        assert re.search(rf"{reader}: not a hyperUnique.*; this is an HLL sketch", refusal(con, call, hll))
        assert re.search(rf"{reader}: .*this is an approximate histogram", refusal(con, call, histogram))
        assert re.search(rf"{reader}: .*this is a histogram of Druid", refusal(con, call, druid))
    for call in ("hll_sketch_estimate($1::BLOB)", "hll_union_agg($1::BLOB)", "approx_histogram_stats($1::BLOB)"):
        for image in (DENSE, SPARSE):
            message = refusal(con, call, image)
            assert re.search(
                rf"{call.split('(')[0]}: not an .*this is a hyperUnique of Druid, of another hash", message
            )
            assert "hyper_unique functions alone" in message
        if call.startswith("approx"):
            assert "approx_histogram_from_druid makes one of it" in refusal(con, call, druid)
    for image, what in (
        (hll, "an HLL sketch"),
        (DENSE, "a hyperUnique of Druid"),
        (histogram, "an approximate histogram"),
    ):
        assert f"not a histogram of Druid: it starts with {image[:8].hex(' ')}" in refusal(con, FROM, image)
        assert f"this is {what}" in refusal(con, FROM, image)


# ApproximateHistogram

FROM = "approx_histogram_from_druid($1::BLOB)"
TO = "approx_histogram_to_druid($1::BLOB)"

PAPER = "fffbfc4118000041180000418c0000418c00004000000042100000034000000041b8000042100000"
APPROXIMATE = {
    "dense": "00000003000000034020000040c00000410000008000000000000004800000000000000300000000000000013f80000041000000",
    "sparse": "00000003fffffffd4020000040c0000041000000"
    "8000000000000004800000000000000300000000000000013f80000041000000",
    "compact": "fffdf94020000040200000402000004020000040c0000040c0000040c000003f800000410000000141000000",
}
SPARSE_OF_TWO = "00000004fffffffe3f80000040000000000000000000006400000000000000643f80000040000000"
"""A hundred times 1 and 2 each, in four bins."""


def described(con: duckdb.DuckDBPyConnection, druid: bytes | str) -> tuple[dict[str, Any], list[tuple[float, int]]]:
    """What a histogram of Druid is here: its stats, and its bins."""
    image = druid if isinstance(druid, bytes) else bytes.fromhex(druid)
    query = f"SELECT approx_histogram_stats(h), approx_histogram_bins(h) FROM (SELECT {FROM} AS h)"
    row = con.execute(query, [image]).fetchone()
    assert row is not None
    return row[0], [(each["center"], each["count"]) for each in row[1]]


def test_the_papers_example_from_druid(con: duckdb.DuckDBPyConnection) -> None:
    """Compact, with exact and approximate bins."""
    stats, bins = described(con, PAPER)
    assert bins == [(2, 1), (9.5, 2), (17.5, 2), (23, 1), (36, 1)]
    assert (stats["count"], stats["min"], stats["max"], stats["max_bins"], stats["exact"]) == (7, 2, 36, 5, False)
    assert value(con, "SELECT approx_histogram_to_druid(approx_histogram_agg(x, 5)) "
                      "FROM (VALUES (23), (19), (10), (16), (36), (2), (9)) t(x)").hex() == PAPER  # fmt: skip


@pytest.mark.parametrize("form", APPROXIMATE)
def test_each_form_is_read_and_written(con: duckdb.DuckDBPyConnection, form: str) -> None:
    """What Druid's own forms of one histogram hold, and their bytes again."""
    stats, bins = described(con, APPROXIMATE[form])
    assert bins == [(2.5, 4), (6, 3), (8, 1)]
    assert (stats["min"], stats["max"], stats["max_bins"], stats["exact"]) == (1, 8, 3, False)
    assert stats["rank_error"] == 6 / 8  # of the seven values in approximate bins it is proven that one is the minimum
    images = {value(con, f"SELECT {FROM}", bytes.fromhex(each)) for each in APPROXIMATE.values()}
    assert len(images) == 1
    written = value(con, "SELECT approx_histogram_to_druid($1::BLOB, $2)", images.pop(), form)
    assert written.hex() == APPROXIMATE[form]


def test_the_default_is_the_form_that_druid_chooses(con: duckdb.DuckDBPyConnection) -> None:
    """Compact where that is smaller than sparse."""
    for druid in (PAPER, APPROXIMATE["compact"], SPARSE_OF_TWO, "ffce00", "ffce013fc00000"):
        image = value(con, f"SELECT {FROM}", bytes.fromhex(druid))
        assert value(con, f"SELECT {TO}", image).hex() == druid
    stats, bins = described(con, SPARSE_OF_TWO)
    assert (bins, stats["exact"], stats["rank_error"]) == ([(1, 100), (2, 100)], True, 0)


@pytest.mark.parametrize(
    ("druid", "max_bins"),
    [
        ("ffce00", 50),
        ("", 50),  # how Druid stores a null
        ("000000", 50),  # of size 0, which Druid makes of a null, too
        ("0000ffff000000007f800000ff800000", 65_535),  # sparse, of no bins, which are -0
        (
            "000000020000000000000000000000000000000000000000000000000000000000000000ff800000"[:64]
            + "7f800000ff800000",
            2,
        ),
        ("ffff00", 2),  # of one bin: two are the least here
    ],
    ids=["compact", "nothing", "size 0", "sparse", "dense", "size 1"],
)
def test_empty_histograms_of_druid(con: duckdb.DuckDBPyConnection, druid: str, max_bins: int) -> None:
    stats, bins = described(con, druid)
    assert (stats["count"], stats["non_finite"], stats["max_bins"], bins) == (0, 0, max_bins, [])


def test_empty_histograms_to_druid(con: duckdb.DuckDBPyConnection) -> None:
    """Druid cannot read a sparse one; nor a compact one of more than 32767 bins, so that it becomes one of as many."""
    empty = value(con, "SELECT approx_histogram_agg(x, 65_535) FROM (SELECT NULL::DOUBLE AS x)")
    assert value(con, f"SELECT {TO}", empty).hex() == "800100"
    assert "approx_histogram_to_druid: an empty histogram has no sparse form" in refusal(
        con, "approx_histogram_to_druid($1::BLOB, 'sparse')", empty
    )
    dense = value(con, "SELECT approx_histogram_to_druid(approx_histogram_agg(NULL::DOUBLE), 'dense')")
    assert dense == struct.pack(">ii", 50, 0) + bytes(600) + struct.pack(">ff", math.inf, -math.inf)


def test_marks_that_druid_forgets(con: duckdb.DuckDBPyConnection) -> None:
    """Merging, Druid loses the mark of approximate bins, so that one that is left says nothing of the others."""
    stats, _ = described(con, sparse([(1, 1), (2, 5), (3, -4), (9, 1)]))
    assert (stats["exact"], stats["rank_error"]) == (False, 9 / 11)
    stats, _ = described(con, sparse([(1, 1), (2, 5), (3, 4), (9, 1)]))
    assert (stats["exact"], stats["rank_error"]) == (True, 0)
    # No bin is approximate, it says, but the least value lies in none.
    stats, _ = described(con, sparse([(2, 5), (3, 4)], (1, 3)))
    assert (stats["exact"], stats["min"], stats["max"], stats["rank_error"]) == (
        False,
        1,
        3,
        8 / 9,
    )  # one of nine is the minimum


def test_what_druids_rounding_does_to_bins(con: duckdb.DuckDBPyConnection) -> None:
    """Its floats may put a bin upon its neighbour, behind it, or just out of its range; zero has two signs."""
    above = struct.unpack(">f", bytes.fromhex("3f800001"))[0]
    stats, bins = described(con, sparse([(1, -2), (1, -3), (above, -2), (1, -2), (5, 1)], (above, 5)))
    assert bins == [(above, 9), (5, 1)]
    assert stats["min"] == above
    stats, bins = described(con, sparse([(-0.0, 1), (0.0, 2)]))
    assert (bins, stats["exact"]) == ([(0, 3)], True)


def test_values_that_are_not_finite_in_druid(con: duckdb.DuckDBPyConnection) -> None:
    """They are counted, as they are here; the ends are those of the others."""
    inf, nan = math.inf, math.nan
    for image in (sparse([(-inf, 2), (1, 1), (3, 1), (inf, 1), (nan, 1)], (-inf, inf)), bytes.fromhex("ffce063f800000404000007f800000ff800000ff8000007fc00000")):  # noqa: E501 # fmt: skip
        stats, bins = described(con, image)
        assert (bins, stats["non_finite"], stats["min"], stats["max"]) == ([(1, 1), (3, 1)], 4, 1, 3)
    stats, bins = described(con, sparse([(nan, 3)], (inf, -inf)))
    assert (bins, stats["count"], stats["non_finite"]) == ([], 0, 3)
    assert "an approximate bin lies at NaN or an infinity" in refusal(con, FROM, sparse([(1, 1), (inf, -2)]))
    assert "its minimum or maximum is inf, and its outermost bin is approximate" in refusal(
        con, FROM, sparse([(1, 1), (3, -2), (inf, 1)])
    )


def test_what_floats_do_to_our_bins(con: duckdb.DuckDBPyConnection) -> None:
    """Those that become one float become one approximate bin; the values that are not finite stay behind."""
    near = value(con, "SELECT approx_histogram_agg(x) FROM (VALUES (1), (1 + 1e-12), ('nan'::DOUBLE), (0.1)) t(x)")
    stats, bins = described(con, value(con, f"SELECT {TO}", near))
    tenth = struct.unpack(">f", struct.pack(">f", 0.1))[0]
    assert bins == [(tenth, 1), (1, 2)]
    assert (stats["exact"], stats["min"], stats["max"], stats["non_finite"]) == (False, tenth, 1, 0)
    far = value(con, "SELECT approx_histogram_agg(x) FROM (VALUES (1), (1e39)) t(x)")
    assert re.search("approx_histogram_to_druid: 1e39 does not fit the 32-bit floats of Druid", refusal(con, TO, far))


def test_what_a_compact_one_cannot_hold(con: duckdb.DuckDBPyConnection) -> None:
    """127 values of a kind are the most, and 32767 bins."""
    query = "SELECT approx_histogram_to_druid(approx_histogram_agg(i % 3, {}), 'compact') FROM range({}) t(i)"
    assert len(value(con, query.format(50, 127))) == 3 + 4 * 127
    for bins, count in ((50, 128), (40_000, 3)):
        with pytest.raises(duckdb.InvalidInputException, match=f"at most {bins} bins, with {count} values in exact"):
            con.execute(query.format(bins, count)).fetchall()
    # Three values are fewer bytes than three bins; thirteen and more are not.
    default = query.replace(", 'compact'", "")
    assert [value(con, default.format(50, count))[:2].hex() for count in (3, 12, 13, 128)] == ["ffce"] * 2 + [
        "0000"
    ] * 2
    assert "the form is 'big', and must be 'dense', 'sparse' or 'compact'" in refusal(
        con, "approx_histogram_to_druid($1::BLOB, 'big')", value(con, "SELECT approx_histogram_agg(1)")
    )


def test_null_of_druids_histograms(con: duckdb.DuckDBPyConnection) -> None:
    histogram = value(con, "SELECT approx_histogram_agg(1)")
    assert value(con, "SELECT approx_histogram_from_druid(NULL)") is None
    assert value(con, "SELECT approx_histogram_to_druid(NULL)") is None
    assert value(con, "SELECT approx_histogram_to_druid(NULL, 'dense')") is None
    assert value(con, "SELECT approx_histogram_to_druid($1::BLOB, NULL)", histogram) is None


SOUND = sparse([(1, 2), (5, -3), (9, 1)])
BAD_HISTOGRAMS = {
    "text": (b"hello, world", "not a histogram of Druid: it starts with 68 65 6c 6c"),
    "a byte": (b"\0", "not a histogram of Druid: it starts with 00, and a histogram with ff"),
    "half of a compact one": (bytes.fromhex(PAPER)[:9], "truncated histogram of Druid: 16 more bytes are needed"),
    "a compact one that is cut": (bytes.fromhex(PAPER)[:-1], "truncated histogram of Druid: 12 more bytes"),
    "behind a compact one": (bytes.fromhex(PAPER) + b"\0", "damaged histogram of Druid: 1 bytes follow its end"),
    "a sparse one that is cut": (SOUND[:-1], "truncated histogram of Druid: 4 more bytes are needed where 3 are left"),
    "behind a sparse one": (SOUND + b"\0", "1 bytes follow its end"),
    "behind a dense one": (bytes.fromhex(APPROXIMATE["dense"]) + b"\0", "1 bytes follow its end"),
    "2^31 - 1 bins": (b"\x7f\xff\xff\xff" * 2 + SOUND[8:], "truncated histogram of Druid: 8589934588 more bytes"),
    "more bins than it may have": (sparse([(1, 2), (5, 3)], size=1), "it has 2 bins, and says that it has at most 1"),
    "fewer bins than it has": (sparse([(1, 2), (5, 3)], n=1), "12 bytes follow its end"),
    "more values than bins": (bytes.fromhex("fffe033f8000004000000040400000"), "it has 3 bins, and says"),
    "a bin of nothing": (sparse([(1, 2), (5, 0)]), "a bin has no value"),
    "a bin out of its range": (sparse([(1, 2), (5, -3)], (2, 5)), "a bin at 1.0 is not between its minimum 2.0"),
    "ends in the wrong order": (sparse([(1, 2), (5, -3)], (5, 1)), "its minimum is 5.0, and its maximum 1.0"),
    "counts that overflow": (sparse([(1, 2**62), (5, 2**62)]), "the count overflows: a histogram holds"),
    "-128 approximate values": (b"\xff\xfe\x80" + bytes(4 * 128 + 9), "more than 127 values of one kind"),
    "-1 exact values": (bytes.fromhex("fffeff") + bytes(12) + b"\xff", "more than 127 values of one kind"),
    "32768 compact bins": (bytes.fromhex("800000"), "or of more than 32767 bins"),
}


@pytest.mark.parametrize("damage", BAD_HISTOGRAMS)
def test_bad_histograms_of_druid(con: duckdb.DuckDBPyConnection, damage: str) -> None:
    image, message = BAD_HISTOGRAMS[damage]
    assert re.search(rf"approx_histogram_from_druid: .*{re.escape(message)}", refusal(con, FROM, image))


def test_the_sound_histogram_that_the_bad_ones_are_made_of(con: duckdb.DuckDBPyConnection) -> None:
    assert described(con, SOUND)[1] == [(1, 2), (5, 3), (9, 1)]


ALL_OF_A_HISTOGRAM = f"approx_histogram_stats(approx_histogram_union(h, h)).count FROM (SELECT {FROM} AS h)"
ALL_OF_A_SKETCH = "hyper_unique_estimate(hyper_unique_union_agg($1::BLOB))"
REFUSALS = re.compile(r"(_druid|_union|_union_agg): (not a|damaged|truncated|the count overflows)")


@pytest.mark.thorough
def test_random_damage_never_passes_as_nonsense(con: duckdb.DuckDBPyConnection) -> None:
    """Whatever is read is a histogram, or a sketch, that every function takes; all else is refused, in these words."""
    rng = random.Random(26)
    sources = [SOUND, bytes.fromhex(PAPER), bytes.fromhex(APPROXIMATE["dense"]), SPARSE, DENSE]
    read, refusals = 0, []
    for _ in range(1500):
        image = bytearray(rng.choice(sources))
        for _ in range(rng.choice([1, 1, 2, 5])):
            place = min(rng.randrange(len(image)), rng.randrange(40))
            image[place] = rng.choice([0, 1, 0x80, 0xFF, rng.randrange(256)])
        if rng.random() < 0.2:
            del image[rng.randrange(len(image)) :]
        for call in (ALL_OF_A_HISTOGRAM, ALL_OF_A_SKETCH):
            try:
                con.execute(f"SELECT {call}", [bytes(image)]).fetchall()
                read += 1
            except duckdb.InvalidInputException as error:
                refusals.append(str(error))
    assert all(REFUSALS.search(refusal) for refusal in refusals)
    assert min(read, len(refusals)) > 200
