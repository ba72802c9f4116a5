"""The bytes of HLL sketches: published ones, and those of the `datasketches` package.

Laws checked against `datasketches`, over lg_k, mode, target type, compact and updatable, and type of value:

- writing: the image is that of a DataSketches union in HLL_4, but for the order of coupons and exceptions, the HIP
  accumulator and the flag that says whether it holds;
- its reader takes our image and gives the same estimate and bounds;
- reading: every image that it writes has the same estimate and bounds here, and the same registers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import duckdb
import pytest
from datasketches import hll_sketch, hll_union, tgt_hll_type
from queries import rows, value

TARGETS = {
    "HLL_4": tgt_hll_type.HLL_4,
    "HLL_6": tgt_hll_type.HLL_6,
    "HLL_8": tgt_hll_type.HLL_8,
}
PRECISIONS = [
    pytest.param(lg_k, marks=() if lg_k in (4, 8, 12) else pytest.mark.thorough, id=f"lg_k={lg_k}")
    for lg_k in range(4, 22)
]
CLOSE = 1e-9


class Kind(NamedTuple):
    """A type of values: the i-th in SQL and in Python."""

    sql: str
    python: Callable[[int], int | float | str]


KINDS = {
    "int": Kind("i - 3", lambda i: i - 3),
    "float": Kind("i / 8 - 3", lambda i: i / 8 - 3),
    "string": Kind("'user é' || i", lambda i: f"user é{i}"),
}


def coupon_limit(lg_k: int) -> int:
    """The greatest number of coupons before the registers come."""
    return 7 if lg_k < 8 else 3 << (lg_k - 5)


def sizes(lg_k: int) -> list[int]:
    """How many values: of every mode, on both sides of every change, with exceptions and a cur_min above 0."""
    k, limit = 1 << lg_k, coupon_limit(lg_k)
    many = 400_000
    return sorted({0, 1, 2, 7, 8, 9, limit, limit + 1, k // 2, 3 * k, many})


def their_sketch(lg_k: int, kind: Kind, n: int, target: str = "HLL_4", start: int = 0) -> hll_sketch:
    sketch = hll_sketch(lg_k, TARGETS[target])
    for i in range(start, n):
        sketch.update(kind.python(i))
    return sketch


def their_union(lg_k: int, *sketches: hll_sketch, target: str = "HLL_4") -> hll_sketch:
    union = hll_union(lg_k)
    for sketch in sketches:
        union.update(sketch)
    return union.get_result(TARGETS[target])


def our_image(con: duckdb.DuckDBPyConnection, lg_k: int, kind: Kind, n: int) -> bytes:
    image = value(con, f"SELECT hll_sketch_agg({kind.sql}, {lg_k}) FROM range({n}) t(i)")
    if n == 0:  # no row arrives, so no lg_k either
        image = value(con, f"SELECT hll_sketch_agg(NULL::BIGINT, {lg_k})")
    assert isinstance(image, bytes)
    return image


class Image(NamedTuple):
    """What two images of the same registers or coupons must agree in."""

    mode: int
    header: bytes
    sums: bytes
    registers: bytes
    coupons: tuple[int, ...]


def canonical(image: bytes) -> Image:
    """An image but for the order of its coupons, HIP and lg_arr, which say nothing about the values."""
    preamble, version, family, lg_k, _, flags, count_or_cur_min, kind = image[:8]
    mode = kind & 3
    # Of the flags "empty" and "compact" are of the values; "out of order" and "rebuild" are of the history.
    header = bytes([preamble, version, family, lg_k, flags & (4 | 8), kind])
    if mode == 0:
        coupons = struct.unpack(f"<{count_or_cur_min}I", image[8:])
        return Image(mode, header, b"", b"", tuple(sorted(coupons)))
    if mode == 1:
        (count,) = struct.unpack_from("<I", image, 8)
        return Image(mode, header, b"", b"", tuple(sorted(struct.unpack(f"<{count}I", image[12:]))))
    sums = image[6:7] + image[16:40]  # cur_min, both KxQ, how many registers are at cur_min, how many exceptions
    end = 40 + (1 << lg_k) // 2
    exceptions = struct.unpack(f"<{(len(image) - end) // 4}I", image[end:])
    return Image(mode, header, sums, image[40:end], tuple(sorted(exceptions)))


def assert_same_answers(con: duckdb.DuckDBPyConnection, image: bytes, sketch: hll_sketch) -> None:
    """The estimate and the bounds of `image` here are those of `sketch` there."""
    query = """
        SELECT hll_sketch_describe($1).estimate, hll_sketch_estimate($1), n, unnest(hll_sketch_bounds($1, n))
        FROM (VALUES (1), (2), (3)) t(n) ORDER BY n
    """
    for estimate, rounded, n, lower, middle, upper in rows(con, query, image):
        theirs = sketch.get_estimate()
        assert estimate == middle == pytest.approx(theirs, rel=CLOSE)
        assert rounded == int(theirs + 0.5)
        assert lower == pytest.approx(sketch.get_lower_bound(n), rel=CLOSE), f"{n} standard deviations"
        assert upper == pytest.approx(sketch.get_upper_bound(n), rel=CLOSE), f"{n} standard deviations"


GOLDEN = {
    # SQL value: image, as Apache DataSketches writes it with the target type HLL_4
    "NULL::BIGINT": "0201070c030c0000",
    "''": "0201070c030c0000",
    "1": "0201070c030801002bf2fb06",
    "'a'": "0201070c030801002f823b04",
    "'1'": "0201070c03080100aaa60f06",
    "1.0::DOUBLE": "0201070c030801000ba59d0f",
    "0.0::DOUBLE": "0201070c03080100cbd7c204",
    "-0.0::DOUBLE": "0201070c03080100cbd7c204",
    "-1": "0201070c03080100d964e70b",
    "1::BIGINT << 40": "0201070c0308010041f4570f",
    "'é'": "0201070c030801008cfde005",
}


@pytest.mark.parametrize(("sql", "image"), GOLDEN.items())
def test_the_bytes_of_one_value(con: duckdb.DuckDBPyConnection, sql: str, image: str) -> None:
    assert value(con, f"SELECT hll_sketch_agg({sql})").hex() == image


@pytest.mark.parametrize("lg_k", range(4, 22))
def test_the_bytes_of_no_value(con: duckdb.DuckDBPyConnection, lg_k: int) -> None:
    image = value(con, f"SELECT hll_sketch_agg(NULL::INTEGER, {lg_k})")
    assert image == bytes([2, 1, 7, lg_k, 3, 12, 0, 0])
    assert image == hll_sketch(lg_k, tgt_hll_type.HLL_4).serialize_compact()


def test_the_published_images_are_those_of_hll_8_too(con: duckdb.DuckDBPyConnection) -> None:
    """The same images with the byte that says HLL_8, as Spark's documentation shows them."""
    for sql, image in GOLDEN.items():
        hll8 = bytes.fromhex(image[:14] + "08" + image[16:])
        empty = sql in ("NULL::BIGINT", "''")
        assert value(con, "SELECT hll_sketch_estimate($1)", hll8) == (0 if empty else 1)
        assert value(con, "SELECT hll_union($1, $1)", hll8).hex() == image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lg_k", PRECISIONS)
def test_writing(con: duckdb.DuckDBPyConnection, lg_k: int, kind: str) -> None:
    """Our image is that of a DataSketches union, and its reader gives our estimate and bounds."""
    modes = set()
    for n in sizes(lg_k):
        ours = our_image(con, lg_k, KINDS[kind], n)
        # Overlapping halves: the union is a true one, so its estimator is that of merged sketches.
        parts = [their_sketch(lg_k, KINDS[kind], n // 2 + 1 if n > 1 else n), their_sketch(lg_k, KINDS[kind], n)]
        assert canonical(ours) == canonical(their_union(lg_k, *parts).serialize_compact()), f"{n} values"
        assert_same_answers(con, ours, hll_sketch.deserialize(ours))
        modes.add(ours[7] & 3)
        if ours[7] & 3 == 2:
            assert ours[5] == 8 | 16, "compact, and out of order"
            assert ours[8:16] == bytes(8), "no HIP"
    assert modes == ({0, 2} if lg_k < 8 else {0, 1, 2})


def test_writing_with_exceptions_and_cur_min(con: duckdb.DuckDBPyConnection) -> None:
    """The sizes above do reach HLL_4's exceptions, and a least register above 0."""
    seen = set()
    for lg_k in (8, 12, 14):
        for n in sizes(lg_k):
            image = our_image(con, lg_k, KINDS["int"], n)
            if image[7] & 3 == 2:
                seen.add((image[6] > 0, struct.unpack_from("<I", image, 36)[0] > 0))
    assert len(seen) == 4, seen


def with_registers(image: bytes, registers: dict[int, int]) -> bytes:
    """An updatable HLL_8 image, out of order, in which some registers are set to given values."""
    changed = bytearray(image)
    for slot, register in registers.items():
        changed[40 + slot] = register
    values = changed[40:]
    changed[5] |= 16
    struct.pack_into("<d", changed, 16, sum(2.0**-v for v in values if v < 32))
    struct.pack_into("<d", changed, 24, sum(2.0**-v for v in values if v >= 32))
    struct.pack_into("<I", changed, 32, values.count(0))
    return bytes(changed)


def test_writing_registers_as_large_as_they_get(con: duckdb.DuckDBPyConnection) -> None:
    """KxQ1, the sum over registers from 32 on, and exceptions up to 63: no stream of this size gets there."""
    image = their_sketch(8, KINDS["int"], 3000, "HLL_8").serialize_updatable()
    image = with_registers(image, {0: 31, 3: 32, 100: 47, 254: 62, 255: 63})
    theirs = hll_sketch.deserialize(image)
    ours = value(con, "SELECT hll_union_agg($1)", image)
    assert canonical(ours) == canonical(their_union(8, theirs).serialize_compact())
    for read in (image, ours):
        assert_same_answers(con, read, theirs)


def their_images(sketch: hll_sketch) -> Iterator[bytes]:
    yield sketch.serialize_compact()
    yield sketch.serialize_updatable()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("lg_k", PRECISIONS)
def test_reading(con: duckdb.DuckDBPyConnection, lg_k: int, target: str) -> None:
    """Every image that DataSketches writes: LIST, SET, HLL; built from a stream (with HIP), and merged."""
    kind = KINDS["int"]
    written = set()
    for n in sizes(lg_k):
        ours = our_image(con, lg_k, kind, n)
        stream = their_sketch(lg_k, kind, n, target)
        halves = [their_sketch(lg_k, kind, 2 * n // 3, target), their_sketch(lg_k, kind, n, target, start=n // 3)]
        for sketch in (stream, their_union(lg_k, *halves, target=target)):
            for image in their_images(sketch):
                assert_same_answers(con, image, sketch)
                described = value(con, "SELECT hll_sketch_describe($1)", image)
                assert described["lg_k"] == lg_k
                assert described["target_type"] == target
                assert described["bytes"] == len(image)
                assert value(con, "SELECT hll_union_agg($1)", image) == ours, "the same registers"
                assert value(con, "SELECT hll_union($1, $2)", image, ours) == ours
                written.add((described["mode"], described["compact"], described["out_of_order"]))
    # Coupons carry no HIP, so that their flag says nothing.
    expected = {("HLL", compact, out_of_order) for compact in (True, False) for out_of_order in (True, False)}
    assert expected <= written
    assert {("LIST", True), ("LIST", False)} <= {(mode, compact) for mode, compact, _ in written}
    assert lg_k < 8 or {("SET", True), ("SET", False)} <= {(mode, compact) for mode, compact, _ in written}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", TARGETS)
def test_reading_each_type_of_value(con: duckdb.DuckDBPyConnection, kind: str, target: str) -> None:
    for n in sizes(10):
        for image in their_images(their_sketch(10, KINDS[kind], n, target)):
            assert value(con, "SELECT hll_union_agg($1)", image) == our_image(con, 10, KINDS[kind], n)


@pytest.mark.parametrize("target", TARGETS)
def test_reading_keeps_the_registers_of_compact_arrays(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """A published Rust port drops them, so that a merged rollup would forget what it read."""
    large = their_sketch(12, KINDS["int"], 100_000, target).serialize_compact()
    assert large[5] & 8, "compact"
    one = value(con, "SELECT hll_sketch_agg(-77)")
    merged = value(con, "SELECT hll_union_agg(s) FROM (VALUES ($1), ($2), ($1)) t(s)", one, large)
    assert value(con, "SELECT hll_sketch_describe($1).coupons", merged) > 4000
    assert value(con, "SELECT hll_sketch_estimate($1)", merged) == pytest.approx(100_000, rel=0.06)


def test_reading_mixed_targets_merges_to_one_sketch(con: duckdb.DuckDBPyConnection) -> None:
    """A day of hours that were written by different systems."""
    kind = KINDS["string"]
    images = [
        image
        for hour, target in enumerate(["HLL_8", "HLL_4", "HLL_6", "HLL_8"])
        for image in their_images(their_sketch(12, kind, (hour + 1) * 5_000, target, start=hour * 4_000))
    ]
    merged = value(con, "SELECT hll_union_agg(s) FROM (SELECT unnest($1::BLOB[]) s)", images)
    assert merged == our_image(con, 12, kind, 20_000)


@pytest.mark.parametrize("n", [3, 100, 50_000])
def test_lowering_precision_is_as_if_all_had_been_counted_low(con: duckdb.DuckDBPyConnection, n: int) -> None:
    """Whichever comes first. (DataSketches C++ loses registers where a finer sketch is the first of a union.)"""
    kind = KINDS["int"]
    fine, coarse = their_sketch(14, kind, n), their_sketch(10, kind, 2 * n, start=n // 2)
    expected = our_image(con, 10, kind, 2 * n)
    for a, b in [(fine, coarse), (coarse, fine)]:
        images = a.serialize_compact(), b.serialize_updatable()
        assert value(con, "SELECT hll_union($1, $2, true)", *images) == expected
        assert value(con, "SELECT hll_union_agg(s, true) FROM (VALUES ($1), ($2)) t(s)", *images) == expected
    assert canonical(expected) == canonical(their_union(10, coarse, fine).serialize_compact())
