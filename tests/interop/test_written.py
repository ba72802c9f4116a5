"""What duckdb_sketch writes is read by the C++ library, the `datasketches` package, to the same answers."""

from __future__ import annotations

import struct

import duckdb
import pytest
from corpus import cpp_answers
from datasketches import hll_sketch
from our_images import CLOSE, aggregated, merged, our_answers

pytestmark = pytest.mark.newest_duckdb

HLL, MODE, CUR_MIN, EXCEPTIONS = 2, 7, 6, 36


def assert_read(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> None:
    for image, ours in zip(images, our_answers(con, images), strict=True):
        theirs = cpp_answers(hll_sketch.deserialize(image))
        what = f"{len(image)} bytes that start with {image[:8].hex(' ')}"
        assert ours.estimate == pytest.approx(theirs.estimate, rel=CLOSE), what
        assert ours.lower == pytest.approx(theirs.lower, rel=CLOSE), what
        assert ours.upper == pytest.approx(theirs.upper, rel=CLOSE), what


@pytest.mark.parametrize("lg_k", range(4, 22))
def test_the_cpp_library_reads_what_was_aggregated(con: duckdb.DuckDBPyConnection, lg_k: int) -> None:
    images = aggregated(con, lg_k)
    assert_read(con, images)
    assert {image[MODE] & 3 for image in images} == ({0, 2} if lg_k < 8 else {0, 1, 2})
    registers = [image for image in images if image[MODE] & 3 == HLL]
    assert any(struct.unpack_from("<I", image, EXCEPTIONS)[0] for image in registers)
    assert lg_k > 14 or any(image[CUR_MIN] for image in registers)


def test_the_cpp_library_reads_what_was_merged(con: duckdb.DuckDBPyConnection) -> None:
    images = merged(con)
    assert len(images) > 200
    assert_read(con, images)
