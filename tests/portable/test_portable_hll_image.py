"""The bytes of HLL sketches: read in every form, written in one, and refused when damaged."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from peers import TARGET_TYPES, images, merged, sketch_of

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable import hll
from duckdb_sketch.portable.coupon import Coupons, coupon_of_bytes, coupons_of_words, integer_bytes
from duckdb_sketch.portable.estimator import bounds, estimate
from duckdb_sketch.portable.hll_image import HllImage, coupon_limit

pytestmark = pytest.mark.newest_duckdb

COUNTS = [0, 1, 7, 8, 24, 25, 96, 97, 384, 385, 5000, 60_000]


def coupons_of(values: range) -> Coupons:
    return np.array([coupon_of_bytes(integer_bytes(value)) for value in values], np.uint32)


def union(*blobs: bytes, allow: bool = False) -> bytes:
    return hll.union([HllImage.parse(blob) for blob in blobs], allow)


@pytest.mark.parametrize(
    ("data", "golden"),
    [
        (b"", "0201070c030c0000"),
        (integer_bytes(1), "0201070c030801002bf2fb06"),
        (b"a", "0201070c030801002f823b04"),
        (b"1", "0201070c03080100aaa60f06"),
        (struct.pack("<d", 1.0), "0201070c030801000ba59d0f"),
        (struct.pack("<d", 0.0), "0201070c03080100cbd7c204"),
        (integer_bytes(-1), "0201070c03080100d964e70b"),
        (integer_bytes(2**40), "0201070c0308010041f4570f"),
        ("é".encode(), "0201070c030801008cfde005"),
    ],
)
def test_golden_bytes(data: bytes, golden: str) -> None:
    coupons = np.array([coupon_of_bytes(data)] if data else [], np.uint32)
    assert hll.sketch_of_coupons(12, coupons).hex() == golden


@given(st.lists(st.integers(0, 2**64 - 1), max_size=99))
@example([0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
def test_words_hash_as_their_bytes(words: list[int]) -> None:
    expected = [coupon_of_bytes(word.to_bytes(8, "little")) for word in words]
    assert coupons_of_words(np.array(words, np.uint64)).tolist() == expected


@pytest.mark.parametrize("target_type", TARGET_TYPES)
@pytest.mark.parametrize("lg_k", [4, 7, 8, 10, 12, 15])
def test_every_form_is_read_and_becomes_one(lg_k: int, target_type: str) -> None:
    for count in COUNTS:
        canonical = hll.sketch_of_coupons(lg_k, coupons_of(range(count)))
        for _, blob in images(lg_k, target_type, count):
            image = HllImage.parse(blob)
            assert (image.lg_k, image.target_type, image.byte_length) == (lg_k, target_type, len(blob))
            assert image.compact == bool(blob[5] & 8)
            assert union(blob) == canonical


@pytest.mark.parametrize("lg_k", [4, 8, 12])
def test_datasketches_reads_what_is_written(lg_k: int) -> None:
    for count in COUNTS:
        blob = hll.sketch_of_coupons(lg_k, coupons_of(range(count)))
        assert len(blob) == sketch_of(lg_k, "HLL_4", []).deserialize(blob).get_compact_serialization_bytes()
        theirs = sketch_of(lg_k, "HLL_4", []).deserialize(blob)
        ours = HllImage.parse(blob)
        assert estimate(ours) == pytest.approx(theirs.get_estimate(), rel=1e-9)
        assert bounds(ours, 2)["upper"] == pytest.approx(theirs.get_upper_bound(2), rel=1e-9)
        assert blob[4] == theirs.serialize_compact()[4], "log2 of the hash table"
        if 0 < count <= coupon_limit(lg_k):
            assert sorted(blob[8:]) == sorted(theirs.serialize_compact()[8:])


def test_registers_are_those_of_datasketches() -> None:
    """Field by field: all that DataSketches keeps of registers, but for HIP and the order of exceptions."""
    for lg_k, count in [(4, 1000), (4, 3_000_000), (8, 200), (12, 100_000)]:
        parts = [sketch_of(lg_k, "HLL_4", range(0, count, 2)), sketch_of(lg_k, "HLL_4", range(1, count, 2))]
        theirs = merged(lg_k, "HLL_4", parts).serialize_compact()
        ours = union(theirs)
        end_of_registers = 40 + (1 << lg_k) // 2
        assert ours[:end_of_registers] == theirs[:end_of_registers]
        words = [sorted(struct.iter_unpack("<I", blob[end_of_registers:])) for blob in (ours, theirs)]
        assert words[0] == words[1]


def test_precisions_fold_as_if_built_with_the_least() -> None:
    for count in [3, 100, 384, 10_000]:
        fine = hll.sketch_of_coupons(14, coupons_of(range(count)))
        coarse = hll.sketch_of_coupons(10, coupons_of(range(count, 2 * count)))
        assert union(fine, coarse, allow=True) == hll.sketch_of_coupons(10, coupons_of(range(2 * count)))
        with pytest.raises(InvalidInputError, match="lg_k 10 and 14"):
            union(fine, coarse)


def test_empty_sketches_merge_with_any_precision() -> None:
    full = hll.sketch_of_coupons(12, coupons_of(range(100)))
    empty = [hll.sketch_of_coupons(lg_k, coupons_of(range(0))) for lg_k in (4, 16)]
    assert union(*empty, full) == full
    assert union(*empty) == empty[1]
    assert union() == hll.sketch_of_coupons(12, coupons_of(range(0)))
    started_full_size = bytearray(sketch_of(10, "HLL_8", range(1000)).serialize_compact())
    started_full_size[8:40] = struct.pack("<3d2I", 0, 1024, 0, 1024, 0)
    started_full_size[40:] = bytes(1024)
    assert union(bytes(started_full_size), full) == full


def test_a_summary_is_made_anew_where_the_image_asks_for_it() -> None:
    sketch = merged(10, "HLL_8", [sketch_of(10, "HLL_8", range(3000)), sketch_of(10, "HLL_8", range(2000, 5000))])
    blob = bytearray(sketch.serialize_compact())
    blob[5] |= 32
    blob[16:36] = bytes(20)
    assert estimate(HllImage.parse(bytes(blob))) == pytest.approx(sketch.get_estimate(), rel=1e-9)


def damaged(blob: bytes, at: int, value: bytes) -> bytes:
    return blob[:at] + value + blob[at + len(value) :]


LIST_IMAGE = hll.sketch_of_coupons(12, coupons_of(range(5)))
SET_IMAGE = hll.sketch_of_coupons(12, coupons_of(range(100)))
HLL_IMAGE = hll.sketch_of_coupons(4, coupons_of(range(3_000)))
WITH_EXCEPTIONS = union(sketch_of(12, "HLL_4", range(40_000)).serialize_compact())


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "it starts with nothing"),
        (b"abc", "it starts with 61 62 63"),
        (b"AH\x01\x00\x32\x00\x00\x00\x00\x00", "this is an approximate histogram"),
        (damaged(LIST_IMAGE, 2, b"\x03"), "not an HLL sketch"),
        (damaged(LIST_IMAGE, 1, b"\x02"), "serial version 2"),
        (damaged(LIST_IMAGE, 3, b"\x03"), "lg_k is 3"),
        (damaged(LIST_IMAGE, 3, b"\x16"), "lg_k is 22"),
        (damaged(LIST_IMAGE, 6, b"\x04"), "4 bytes follow its end"),
        (damaged(LIST_IMAGE, 6, b"\x06"), "truncated"),
        (damaged(LIST_IMAGE, 6, b"\xff"), "a LIST of 255 coupons"),
        (damaged(LIST_IMAGE, 7, b"\x01"), "not an HLL sketch"),
        (damaged(LIST_IMAGE, 7, b"\x0c"), "not an HLL sketch"),
        (damaged(LIST_IMAGE, 8, bytes(4)), "its count of coupons"),
        (damaged(LIST_IMAGE, 8, b"\x01\x00\x00\x00"), "no register value"),
        (damaged(LIST_IMAGE, 8, LIST_IMAGE[12:16]), "listed twice"),
        (damaged(SET_IMAGE, 8, b"\xff\xff\xff\xff"), "a SET of 4294967295 coupons"),
        (damaged(SET_IMAGE, 5, b"\x00"), "truncated"),
        (damaged(damaged(SET_IMAGE, 5, b"\x00"), 4, b"\xff"), "truncated"),
        (HLL_IMAGE[:39], "truncated"),
        (damaged(HLL_IMAGE, 8, struct.pack("<d", float("nan"))), "no sketch can have counted"),
        (damaged(HLL_IMAGE, 16, struct.pack("<d", -1.0)), "no sketch can have counted"),
        (damaged(HLL_IMAGE, 32, b"\xff\xff"), "no sketch can have counted"),
        (damaged(HLL_IMAGE, 6, b"\x31"), "no sketch can have counted"),
        (damaged(HLL_IMAGE, 40, b"\xff"), "marked as exceptions"),
        (damaged(WITH_EXCEPTIONS, 36, struct.pack("<I", 10**9)), "no sketch can have counted"),
        (sketch_of(4, "HLL_8", range(99)).serialize_compact()[:-1] + b"\x40", "above 63"),
    ],
)
def test_damage_is_named(blob: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        HllImage.parse(blob)


def test_every_truncation_and_trailing_byte_is_refused() -> None:
    for blob in (LIST_IMAGE, SET_IMAGE, HLL_IMAGE, sketch_of(4, "HLL_6", range(99)).serialize_updatable()):
        HllImage.parse(blob)
        for length in range(len(blob)):
            with pytest.raises(InvalidInputError):
                HllImage.parse(blob[:length])
        with pytest.raises(InvalidInputError):
            HllImage.parse(blob + b"\0")


def test_random_bytes_never_crash() -> None:
    generator = random.Random(9001)
    seeds = [
        blob for target_type in TARGET_TYPES for count in (3, 60, 3000) for _, blob in images(8, target_type, count)
    ]
    for _ in range(5000):
        blob = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 4)):
            blob[generator.randrange(min(len(blob), generator.choice([8, 48, 1000])))] = generator.randrange(256)
        if generator.random() < 0.2:
            blob = blob[: generator.randrange(len(blob))]
        try:
            image = HllImage.parse(bytes(blob))
        except InvalidInputError:
            continue
        assert estimate(image) >= 0
        HllImage.parse(hll.union([image], allow_different_lg_k=False))
