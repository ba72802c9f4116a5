"""The worked examples of docs/STORAGE.md: each SQL block gives the bytes of the block behind it."""

from __future__ import annotations

import re
from itertools import pairwise

import duckdb
import pytest
from fences import Block, blocks
from processes import PROJECT
from queries import value

STORAGE = PROJECT / "docs" / "STORAGE.md"
EXAMPLES = [
    (sql, image) for sql, image in pairwise(blocks(STORAGE)) if (sql.language, image.language) == ("sql", "text")
]
# Bytes, then at least two spaces, then what they mean.
ANNOTATED = re.compile(r"(?P<bytes>[0-9a-f]{2}(?: [0-9a-f]{2})*)  +(?P<meaning>\S.*)")


HLL = "hll_union_agg($1::BLOB)"
# How an image that starts so is read, and written again.
AGAIN = {
    b"\x02\x01\x07": HLL,
    b"\x03\x01\x07": HLL,
    b"\x0a\x01\x07": HLL,
    b"\x01\x03\x03": "theta_union_agg($1::BLOB)",
    b"\x03\x03\x03": "theta_union_agg($1::BLOB)",
    b"\x04\x01\x0a": "approx_top_k_combine($1::BLOB)",
    b"AH\x01": "approx_histogram_union_agg($1::BLOB)",
    b"AH\x02": "approx_histogram_union_agg($1::BLOB)",
    b"\x01\x00\x00": "hyper_unique_union_agg($1::BLOB)",
    b"\xff\xfb\xfc": "approx_histogram_to_druid(approx_histogram_from_druid($1::BLOB))",
}


def bytes_of(image: Block) -> bytes:
    """The bytes of an annotated example."""
    lines = [ANNOTATED.fullmatch(line) for line in image.code.splitlines()]
    assert all(lines), f"line {image.line}: each line is bytes, two spaces or more, and their meaning"
    return bytes.fromhex("".join(line["bytes"] for line in lines if line))


def test_every_kind_of_image_has_an_example() -> None:
    assert {bytes_of(image)[:3] for _, image in EXAMPLES} == set(AGAIN)
    assert len(EXAMPLES) == 13
    blocks_of_text = [block for block in blocks(STORAGE) if block.language == "text"]
    assert [image for _, image in EXAMPLES] == blocks_of_text, "every image has its SQL before it"


@pytest.mark.parametrize(("sql", "image"), EXAMPLES, ids=[f"line {sql.line}" for sql, _ in EXAMPLES])
def test_an_example_is_what_is_written(con: duckdb.DuckDBPyConnection, sql: Block, image: Block) -> None:
    assert value(con, sql.code).hex(" ") == bytes_of(image).hex(" ")


@pytest.mark.parametrize(("sql", "image"), EXAMPLES, ids=[f"line {sql.line}" for sql, _ in EXAMPLES])
def test_an_example_is_read_back_as_itself(con: duckdb.DuckDBPyConnection, sql: Block, image: Block) -> None:
    again = AGAIN[bytes_of(image)[:3]]
    assert value(con, f"SELECT {again}", bytes_of(image)) == bytes_of(image)
