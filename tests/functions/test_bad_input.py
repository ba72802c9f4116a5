"""Bad input to every function: an error that says who, what, and what would be right; never a crash or a wrong answer.

Each message names the function, what was wrong with the argument, and what would have been accepted.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import duckdb
import pytest
from histogram_images import histogram_image, varint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import PROJECT, run_python
from queries import column, rows, value
from readers import HISTOGRAM_READERS, HLL_READERS, READERS
from resident import needs_proc, peak
from samples import samples


def function_of(reader: str) -> str:
    return reader.split(",")[0]


def refusal(con: duckdb.DuckDBPyConnection, expression: str, *parameters: object) -> str:
    """The message with which an expression is refused."""
    with pytest.raises(duckdb.InvalidInputException) as error:
        con.execute(f"SELECT {expression}", list(parameters)).fetchall()
    return str(error.value)


def assert_refused(con: duckdb.DuckDBPyConnection, reader: str, image: bytes, *what: str) -> None:
    """Refused in the name of the function and with every phrase of `what`."""
    message = refusal(con, READERS[reader].replace("$1", "$1::BLOB"), image)
    assert re.search(rf"\b{function_of(reader)}: ", message), message
    for phrase in what:
        assert re.search(phrase, message), message


@pytest.fixture
def images(con: duckdb.DuckDBPyConnection) -> dict[str, bytes]:
    """An image of each kind."""
    return {
        "LIST": value(con, "SELECT hll_sketch_agg(i) FROM range(5) t(i)"),
        "SET": value(con, "SELECT hll_sketch_agg(i) FROM range(60) t(i)"),
        "HLL": value(con, "SELECT hll_sketch_agg(i, 8) FROM range(400_000) t(i)"),
        "exact": value(con, "SELECT approx_histogram_agg(i) FROM range(20) t(i)"),
        "inexact": value(con, "SELECT approx_histogram_agg(sin(i) * 100, 10) FROM range(5000) t(i)"),
        "empty": value(con, "SELECT approx_histogram_agg(NULL::DOUBLE)"),
    }


NO_SKETCH = {
    "empty blob": b"",
    "text": b"hello, world",
    "zeros": bytes(64),
    "one byte": b"\x02",
    "parquet": b"PAR1" * 20,
}


@pytest.mark.parametrize("name", NO_SKETCH)
def test_no_sketch_is_refused_by_hll_functions(con: duckdb.DuckDBPyConnection, name: str) -> None:
    right = "DataSketches HLL image with 02, 03 or 0a"
    for reader in HLL_READERS:
        assert_refused(con, reader, NO_SKETCH[name], "not an HLL sketch: it starts with", right)


@pytest.mark.parametrize("name", NO_SKETCH)
def test_no_sketch_is_refused_by_histogram_functions(con: duckdb.DuckDBPyConnection, name: str) -> None:
    for reader in HISTOGRAM_READERS:
        assert_refused(
            con, reader, NO_SKETCH[name], "not an approximate histogram: it starts with", "histogram with 41 48"
        )


@pytest.mark.parametrize("reader", HLL_READERS)
def test_a_histogram_is_refused_by_hll_functions(
    con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str
) -> None:
    assert_refused(con, reader, images["exact"], "not an HLL sketch", "this is an approximate histogram")


@pytest.mark.parametrize("reader", HISTOGRAM_READERS)
def test_an_hll_sketch_is_refused_by_histogram_functions(
    con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str
) -> None:
    for kind in ("LIST", "SET", "HLL"):
        assert_refused(con, reader, images[kind], "not an approximate histogram", "this is an HLL sketch")


@pytest.mark.parametrize("reader", HLL_READERS)
def test_another_family_of_datasketches_is_refused(con: duckdb.DuckDBPyConnection, reader: str) -> None:
    """KLL, theta and the others carry another number in byte 2."""
    assert_refused(con, reader, bytes([2, 1, 15, 12, 3, 12, 0, 0]), "not an HLL sketch: it starts with 02 01 0f")


@pytest.mark.parametrize("reader", READERS)
def test_an_unknown_version_is_refused(con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str) -> None:
    hll = reader in HLL_READERS
    image = bytearray(images["LIST" if hll else "exact"])
    image[1 if hll else 2] = 9
    known = "version 1 is known" if hll else "versions 1 and 2 are known"
    assert_refused(con, reader, bytes(image), f"version 9; {known} here")


@pytest.mark.parametrize("reader", READERS)
def test_every_truncation_is_refused(con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str) -> None:
    kinds = ("LIST", "SET", "HLL") if reader in HLL_READERS else ("exact", "inexact", "empty")
    for kind in kinds:
        image = images[kind]
        for length in {*range(min(48, len(image))), len(image) // 2, len(image) - 1}:
            assert_refused(con, reader, image[:length], "truncated|not an|damaged")
        if len(image) > 48:
            assert_refused(
                con, reader, image[:-1], r"truncated .*: \d+ more bytes are needed where \d+ are left|follow its end"
            )


@pytest.mark.parametrize("reader", READERS)
def test_trailing_bytes_are_refused(con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str) -> None:
    for kind in ("LIST", "SET", "HLL") if reader in HLL_READERS else ("exact", "inexact", "empty"):
        assert_refused(con, reader, images[kind] + b"\0", "1 bytes follow its end")


def patched(image: bytes, offset: int, patch: bytes) -> bytes:
    return image[:offset] + patch + image[offset + len(patch) :]


def damaged_hll(images: dict[str, bytes]) -> dict[str, tuple[bytes, str]]:
    """Images that no sketch has, and what is said of them."""
    hll, list_, set_ = images["HLL"], images["LIST"], images["SET"]
    nan = struct.pack("<d", float("nan"))
    return {
        "lg_k of 3": (patched(list_, 3, b"\x03"), "lg_k is 3, and must be from 4 to 21"),
        "lg_k of 22": (patched(hll, 3, b"\x16"), "lg_k is 22, and must be from 4 to 21"),
        "lg_k of 255": (patched(hll, 3, b"\xff"), "lg_k is 255, and must be from 4 to 21"),
        "mode of another preamble": (patched(list_, 7, b"\x02"), "not an HLL sketch"),
        "target type 3": (patched(list_, 7, b"\x0c"), "not an HLL sketch"),
        "too many coupons in a list": (patched(list_, 6, b"\x07"), "truncated HLL sketch"),
        "too few coupons in a list": (patched(list_, 6, b"\x02"), "12 bytes follow its end"),
        "an empty slot in a compact list": (patched(list_, 8, bytes(4)), "its count of coupons is not"),
        "a coupon without a value": (patched(list_, 8, b"\x01\0\0\0"), "a coupon has no register value"),
        "too many coupons in a set": (patched(set_, 8, struct.pack("<I", 61)), "truncated HLL sketch"),
        "2^32 - 1 coupons": (
            patched(set_, 8, b"\xff" * 4),
            "a SET of 4294967295 coupons at lg_k 12, which would be registers",
        ),
        "KxQ of NaN": (patched(hll, 16, nan), "its header says what no sketch can have counted"),
        "KxQ of 0": (patched(hll, 16, bytes(16)), "its header says what no sketch can have counted"),
        "KxQ below 0": (patched(hll, 24, struct.pack("<d", -1.0)), "its header says what no sketch can have counted"),
        "HIP of NaN": (patched(patched(hll, 5, b"\x08"), 8, nan), "its header says what no sketch can have counted"),
        "cur_min of 64": (patched(hll, 6, b"\x40"), "its header says what no sketch can have counted"),
        "more registers at cur_min than there are": (
            patched(hll, 32, struct.pack("<I", 257)),
            "its header says what no sketch can have counted",
        ),
        "more exceptions than registers": (
            patched(hll, 36, struct.pack("<I", 2**31)),
            "its header says what no sketch can have counted",
        ),
        "an exception that is not there": (patched(hll, 36, struct.pack("<I", 3)), "truncated HLL sketch"),
    }


DAMAGED_HLL = list(damaged_hll({"HLL": bytes(200), "LIST": bytes(40), "SET": bytes(60)}))


@pytest.mark.parametrize("damage", DAMAGED_HLL)
def test_damaged_hll_sketches(con: duckdb.DuckDBPyConnection, images: dict[str, bytes], damage: str) -> None:
    image, message = damaged_hll(images)[damage]
    for reader in HLL_READERS:
        assert_refused(con, reader, image, message)


@pytest.mark.parametrize("reader", ["hll_union", "hll_union, second", "hll_union_agg", "hll_union_agg, any lg_k"])
def test_damaged_registers(con: duckdb.DuckDBPyConnection, images: dict[str, bytes], reader: str) -> None:
    """What only who reads every register can see."""
    marked = patched(images["HLL"], 40, bytes([images["HLL"][40] | 0xF0]))
    # The small side of a union must have the same lg_k, or be allowed to differ.
    expression = READERS[reader].replace("hll_sketch_agg(1)", "hll_sketch_agg(1, 8)")
    message = refusal(con, expression.replace("$1", "$1::BLOB"), marked)
    assert re.search(r"registers of HLL_4 are marked as exceptions, \d+ are listed", message)
    hll_8 = bytes([10, 1, 7, 8, 0, 8 | 16, 0, 10]) + struct.pack("<dddII", 0, 200, 0, 200, 0) + bytes([64]) + bytes(255)
    assert "a register of HLL_8 is above 63" in refusal(con, expression.replace("$1", "$1::BLOB"), hll_8)


ASCENDING = "its centers are not finite numbers in ascending order"
DAMAGED_HISTOGRAMS = {
    "unknown flags": (histogram_image([(1, 1)], flags=4), "unknown flags or more bins than it allows"),
    "max_bins of 1": (histogram_image([], max_bins=1), "bins is 1, and must be from 2 to 65535"),
    "more bins than max_bins": (histogram_image([(1, 1), (2, 1), (3, 1)], max_bins=2), "more bins than it allows"),
    "more bins than bytes": (histogram_image([(1, 1)], n=50), "truncated approximate histogram"),
    "centers that descend": (histogram_image([(2, 1), (1, 1)]), ASCENDING),
    "centers that repeat": (histogram_image([(1, 1), (1, 1)]), ASCENDING),
    "a center of NaN": (histogram_image([(float("nan"), 1)]), ASCENDING),
    "an infinite center": (histogram_image([(1, 1), (float("inf"), 1)]), ASCENDING),
    "a center of -0.0": (histogram_image([(-0.0, 1)]), ASCENDING),
    "a bin of nothing": (histogram_image([(1, 0)]), "a bin has no value"),
    "one inexact value": (histogram_image([(1, 1)], inexact=True), "a bin has no value, or one that differs"),
    "another count": (histogram_image([(1, 5)], count=6), "its bins hold 5 values where its header says 6"),
    "a count of 2^62": (histogram_image([(1, 2**62)]), "the count overflows"),
    "counts that overflow together": (
        histogram_image([(i, 2**62) for i in range(1, 5)], count=0),
        "where its header says 0",
    ),
    "a varint of eleven bytes": (b"AH\x01\x00\x32\x00\x00\x00" + b"\xff" * 10 + b"\x01\x00", "not a varint"),
    "a varint with padding": (b"AH\x01\x00\x32\x00\x00\x00\x80\x00\x00\x00", "shortest form"),
    "a minimum of nothing": (histogram_image([], flags=1, extremes=(1.0,)), "no bins, but a minimum or a maximum"),
    "a minimum above the bins": (
        histogram_image([(1, 2)], flags=1, extremes=(2.0,), inexact=True),
        "not between its minimum and its maximum",
    ),
    "a maximum of NaN": (
        histogram_image([(1, 2)], flags=2, extremes=(float("nan"),), inexact=True),
        "not between its minimum and its maximum",
    ),
    "a slack of more than there is": (histogram_image([(1, 2)], inexact=True, slack=3), "its slack is 3, of 2 values"),
    "a slack of exact bins": (
        histogram_image([(1, 2)], slack=1),
        "its slack is 1, of 2 values in bins of which none is inexact",
    ),
    "an infinite minimum": (
        histogram_image([(1, 2)], flags=1, extremes=(float("-inf"),), inexact=True),
        "not between its minimum and its maximum",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED_HISTOGRAMS)
def test_damaged_histograms(con: duckdb.DuckDBPyConnection, damage: str) -> None:
    for reader in HISTOGRAM_READERS:
        assert_refused(con, reader, *DAMAGED_HISTOGRAMS[damage])


def test_the_sound_image_that_the_damaged_ones_are_made_of(con: duckdb.DuckDBPyConnection) -> None:
    image = histogram_image([(1, 1), (2, 3)], flags=3, extremes=(0.5, 4.0))
    assert value(con, "SELECT approx_histogram_stats($1::BLOB).max", image) == 4
    for reader, call in HISTOGRAM_READERS.items():
        assert value(con, f"SELECT {call}".replace("$1", "$1::BLOB"), image) is not None, reader


def test_counts_that_overflow_when_merged(con: duckdb.DuckDBPyConnection) -> None:
    half = histogram_image([(1, 2**61)])
    message = "the count overflows: a histogram holds fewer than 2\\^62 values"
    for call in ("approx_histogram_union($1, $1)", "approx_histogram_union_agg(h) FROM (VALUES ($1), ($1)) t(h)"):
        assert re.search(rf"{call.split('(')[0]}: {message}", refusal(con, call.replace("$1", "$1::BLOB"), half))
    largest = histogram_image([(1, 2**61)])
    assert value(con, "SELECT approx_histogram_stats(approx_histogram_union_agg($1::BLOB)).count", largest) == 2**61


@pytest.mark.parametrize(
    "call",
    [
        "hll_union((SELECT hll_sketch_agg(1, 10)), (SELECT hll_sketch_agg(2, 12)))",
        "hll_union((SELECT hll_sketch_agg(1, 10)), (SELECT hll_sketch_agg(2, 12)), false)",
        "hll_union((SELECT hll_sketch_agg(1, 12)), (SELECT hll_sketch_agg(2, 10)))",
        "hll_union_agg(s) FROM (SELECT hll_sketch_agg(i, 10) s FROM range(9) t(i) UNION SELECT hll_sketch_agg(2, 12))",
        "hll_union_agg(s, false) FROM (SELECT hll_sketch_agg(1, 10) s UNION ALL SELECT hll_sketch_agg(2, 12))",
    ],
)
def test_different_lg_k_are_refused(con: duckdb.DuckDBPyConnection, call: str) -> None:
    """Never lowered in silence."""
    message = refusal(con, call)
    assert re.search(rf"{call.split('(')[0]}: sketches of lg_k 10 and 12 were to be merged", message)
    assert "build both with one lg_k" in message
    assert "allow_different_lg_k = true" in message


def test_different_lg_k_in_different_threads_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET threads = 4")
    con.execute("CREATE TABLE s AS SELECT hll_sketch_agg(i, 10) s FROM range(300_000) t(i) GROUP BY i")
    con.execute("INSERT INTO s SELECT hll_sketch_agg(1, 11)")
    assert "sketches of lg_k 10 and 11" in refusal(con, "hll_union_agg(s) FROM s")
    assert value(con, "SELECT hll_sketch_describe(hll_union_agg(s, true)).lg_k FROM s") == 10


@pytest.mark.parametrize("lg_k", [-1, 0, 3, 22, 64, 2**62])
def test_lg_k_outside_its_range(con: duckdb.DuckDBPyConnection, lg_k: int) -> None:
    assert f"hll_sketch_agg: lg_k is {lg_k}, and must be from 4 to 21" in refusal(con, f"hll_sketch_agg(1, {lg_k})")


@pytest.mark.parametrize("call", ["approx_histogram_agg(1, {})", "approx_histogram_union_agg(NULL::BLOB, {})"])
@pytest.mark.parametrize("bins", [-5, 0, 1, 65536, 2**62])
def test_bins_outside_their_range(con: duckdb.DuckDBPyConnection, call: str, bins: int) -> None:
    message = refusal(con, call.format(bins))
    assert f"{call.split('(')[0]}: bins is {bins}, and must be from 2 to 65535" in message


CONSTANTS = {
    "lg_k": "hll_sketch_agg(i, {})",
    "bins": "approx_histogram_agg(i, {})",
    "bins ": "approx_histogram_union_agg(NULL::BLOB, {})",
}


@pytest.mark.parametrize("name", CONSTANTS)
@pytest.mark.parametrize("rows_", [2, 300_000])
def test_a_constant_that_changes(con: duckdb.DuckDBPyConnection, name: str, rows_: int) -> None:
    """Within a chunk, from chunk to chunk, and from thread to thread."""
    con.execute("SET threads = 4")
    changing = f"CASE WHEN i < {rows_ // 2} THEN 10 ELSE 11 END"
    call = CONSTANTS[name].format(changing)
    con.execute(f"CREATE TABLE t AS SELECT i FROM range({rows_}) r(i)")
    message = refusal(con, f"{call} FROM t")
    assert f"{call.split('(')[0]}: {name.strip()} changes from row to row, and must be a constant" in message


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_that_is_null(con: duckdb.DuckDBPyConnection, name: str) -> None:
    call = CONSTANTS[name].format("NULL")
    message = refusal(con, f"{call} FROM range(3) t(i)")
    assert f"{call.split('(')[0]}: {name.strip()} is NULL, and must be a constant" in message


@pytest.mark.parametrize("rows_", [2, 300_000])
def test_allow_different_lg_k_must_be_a_constant(con: duckdb.DuckDBPyConnection, rows_: int) -> None:
    con.execute("SET threads = 4")
    con.execute(f"CREATE TABLE t AS SELECT i, s FROM range({rows_}) r(i), (SELECT hll_sketch_agg(1) s)")
    name = "hll_union_agg: allow_different_lg_k"
    message = refusal(con, f"hll_union_agg(s, i < {rows_ // 2}) FROM t")
    assert f"{name} changes from row to row, and must be a constant" in message
    assert f"{name} is NULL, and must be a constant" in refusal(con, "hll_union_agg(s, NULL) FROM t")


@pytest.mark.parametrize("num_std_dev", [-1, 0, 4, 2**40])
def test_num_std_dev_outside_its_range(con: duckdb.DuckDBPyConnection, num_std_dev: int) -> None:
    message = refusal(con, f"hll_sketch_bounds(hll_sketch_agg(1), {num_std_dev})")
    assert f"hll_sketch_bounds: num_std_dev is {num_std_dev}, and must be 1, 2 or 3" in message


QUANTILES = [
    "approx_histogram_quantile(h, {})",
    "approx_histogram_quantile(h, [0.5, {}])",
    "approx_histogram_quantile_bounds(h, {})",
]
HISTOGRAM = "FROM (SELECT approx_histogram_agg(i) h FROM range(10) t(i))"


@pytest.mark.parametrize("call", QUANTILES)
@pytest.mark.parametrize("q", ["-0.1", "1.5", "95", "1e300", "'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE"])
@pytest.mark.parametrize("source", [HISTOGRAM, "FROM (SELECT approx_histogram_agg(NULL::DOUBLE) h)"])
def test_q_outside_0_to_1(con: duckdb.DuckDBPyConnection, call: str, q: str, source: str) -> None:
    """Also of an empty histogram: a mistake does not wait for the first row."""
    message = refusal(con, f"{call.format(q)} {source}")
    assert re.search(rf"{call.split('(')[0]}: q is \S+, and must be from 0 to 1", message)


@pytest.mark.parametrize("function", ["approx_histogram_cdf", "approx_histogram_count_below"])
@pytest.mark.parametrize("x", ["'nan'::DOUBLE", "[1, 'nan'::DOUBLE]"])
def test_a_rank_of_nan(con: duckdb.DuckDBPyConnection, function: str, x: str) -> None:
    assert f"{function}: x is NaN, and must be a number" in refusal(con, f"{function}(h, {x}) {HISTOGRAM}")


@pytest.mark.parametrize("function", ["approx_histogram_equi_width", "approx_histogram_equi_depth"])
@pytest.mark.parametrize("n", [-3, 0, 2**20 + 1, 2**62])
def test_a_number_of_buckets_outside_its_range(con: duckdb.DuckDBPyConnection, function: str, n: int) -> None:
    message = refusal(con, f"{function}(h, {n}) {HISTOGRAM}")
    assert f"{function}: the number of buckets is {n}, and must be from 1 to 1048576" in message


@pytest.mark.parametrize(
    ("edges", "what"),
    {
        "[]::DOUBLE[]": "0 edges were given, and a bucket has two",
        "[1]": "1 edges were given, and a bucket has two",
        "[1, 3, 2]": "the edges are out of order: 3 does not come before 2; they must be numbers in ascending order",
        "[1, 1]": "the edges are out of order: 1 does not come before 1",
        "[1, 'nan'::DOUBLE]": "the edges are out of order: 1 does not come before NaN; they must be numbers",
        "['nan'::DOUBLE, 1]": "the edges are out of order: NaN does not come before 1; they must be numbers",
        "[1, NULL, 2]": "an edge is NULL, and must be a number",
    }.items(),
)
def test_edges_out_of_order(con: duckdb.DuckDBPyConnection, edges: str, what: str) -> None:
    assert f"approx_histogram_buckets: {what}" in refusal(con, f"approx_histogram_buckets(h, {edges}) {HISTOGRAM}")


@pytest.mark.parametrize("reader", READERS)
def test_null_is_no_bad_input(con: duckdb.DuckDBPyConnection, reader: str) -> None:
    """A scalar of NULL is NULL; an aggregate skips it."""
    answer = value(con, f"SELECT {READERS[reader]}".replace("$1", "NULL::BLOB"))
    if function_of(reader).endswith("_agg"):
        assert isinstance(answer, bytes)
    else:
        assert answer is None


@pytest.mark.parametrize(
    "call",
    [
        "hll_sketch_bounds(s, NULL)",
        "hll_union(s, s, NULL)",
        "approx_histogram_quantile(h, NULL::DOUBLE)",
        "approx_histogram_quantile(h, NULL::DOUBLE[])",
        "approx_histogram_cdf(h, NULL::DOUBLE)",
        "approx_histogram_cdf(h, NULL::DOUBLE[])",
        "approx_histogram_count_below(h, NULL::DOUBLE)",
        "approx_histogram_count_below(h, NULL::DOUBLE[])",
        "approx_histogram_quantile_bounds(h, NULL)",
        "approx_histogram_equi_width(h, NULL)",
        "approx_histogram_equi_depth(h, NULL)",
        "approx_histogram_buckets(h, NULL)",
    ],
)
def test_null_as_another_argument_gives_null(con: duckdb.DuckDBPyConnection, call: str) -> None:
    assert value(con, f"SELECT {call} FROM (SELECT hll_sketch_agg(1) s, approx_histogram_agg(1) h)") is None


def test_null_among_rows(con: duckdb.DuckDBPyConnection) -> None:
    """Structs and lists, too, are NULL in the rows whose sketch is, and whole in the others."""
    con.execute("""
        CREATE TABLE t AS SELECT i, CASE WHEN i % 3 <> 0 THEN hll_sketch_agg(i) END s,
                                 CASE WHEN i % 3 <> 0 THEN approx_histogram_agg(i) END h
        FROM range(5000) r(i) GROUP BY i
    """)
    for call in (*HLL_READERS.values(), *HISTOGRAM_READERS.values()):
        if "_agg($1" in call:
            continue
        sketch = "s" if call.startswith("hll") else "h"
        query = f"SELECT i FROM t WHERE ({call.replace('$1', sketch)}) IS NULL ORDER BY i"
        assert column(con, query) == list(range(0, 5000, 3)), call


def ask(con: duckdb.DuckDBPyConnection, call: str, image: bytes) -> tuple[Any, str]:
    """The answer, or the message of the refusal."""
    try:
        return value(con, f"SELECT {call}".replace("$1", "$1::BLOB"), image), ""
    except duckdb.InvalidInputException as error:
        return None, str(error)


def assert_answered_or_refused(con: duckdb.DuckDBPyConnection, image: bytes) -> None:
    """Every function: an error in its own name, or an answer that makes sense."""
    for reader, call in READERS.items():
        answer, message = ask(con, call, image)
        if message:
            assert f"{function_of(reader)}: " in message
            assert "internal error" not in message
        elif reader == "hll_sketch_estimate":
            assert answer >= 0
        elif reader == "hll_sketch_bounds":
            assert answer["lower"] <= answer["estimate"] <= answer["upper"]
        elif reader == "approx_histogram_quantile" and answer is not None:
            stats = value(con, "SELECT approx_histogram_stats($1::BLOB)", image)
            assert stats["min"] <= answer <= stats["max"]


fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PREFIXES = [
    b"",
    b"AH\x01\x00",
    b"AH\x01\x03\x05\x00\x02\x00",
    bytes([2, 1, 7, 12, 3, 8]),
    bytes([3, 1, 7, 12, 5, 8, 0, 1]),
    bytes([10, 1, 7, 4, 0, 24, 0, 2]),
    bytes([10, 1, 7, 4, 0, 8, 0, 10]),
]


@pytest.mark.thorough
@fuzz
@given(prefix=st.sampled_from(PREFIXES), rest=st.binary(max_size=80))
def test_random_bytes(con: duckdb.DuckDBPyConnection, prefix: bytes, rest: bytes) -> None:
    assert_answered_or_refused(con, prefix + rest)


@pytest.mark.thorough
@fuzz
@given(data=st.data())
def test_mutations_of_valid_images(
    con: duckdb.DuckDBPyConnection, images: dict[str, bytes], data: st.DataObject
) -> None:
    image = bytearray(images[data.draw(st.sampled_from(sorted(images)))])
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, min(len(image), 64) - 1))
        image[where] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(image))))
    assert_answered_or_refused(con, bytes(image[:cut]))


@pytest.mark.thorough
@pytest.mark.parametrize("count", [300, pytest.param(samples(1_000), marks=pytest.mark.slow)])
def test_mutations_do_not_crash_the_process(count: int) -> None:
    """The same once more in a process of its own: a crash there is a failure here."""
    code = f"""
import random, sys
sys.path.insert(0, {str(PROJECT / "tests" / "support")!r})
import duckdb, duckdb_sketch
from mutants import mutate
from readers import READERS
con = duckdb_sketch.load(duckdb.connect(config={{"allow_unsigned_extensions": "true"}}))
aggregates = ["hll_sketch_agg(i)", "hll_sketch_agg(i % 60)", "hll_sketch_agg(i % 5)", "hll_sketch_agg(i, 6)",
              "approx_histogram_agg(i % 9)", "approx_histogram_agg(sin(i), 10)"]
(seeds,) = con.execute("SELECT " + ", ".join(aggregates) + " FROM range(400_000) t(i)").fetchall()
source = random.Random(7)
images = [mutate(source, source.choice(seeds)) for _ in range({count})]
refused = 0
for call in READERS.values():
    for image in images:
        try:
            con.execute("SELECT " + call.replace("$1", "$1::BLOB"), [image]).fetchall()
        except duckdb.InvalidInputException:
            refused += 1
print(refused > len(images))
"""
    assert run_python(code) == "True"


BOMBS = {
    "a register array of 2 MiB": bytes([10, 1, 7, 21, 0, 24, 0, 10]) + bytes(32),
    "a set of 2^32 - 1": bytes([3, 1, 7, 21, 18, 8, 0, 1]) + b"\xff" * 4,
    "a hash table of 2^255": bytes([3, 1, 7, 21, 255, 0, 0, 1]) + b"\x01\0\0\0",
    "a hash table of 2^31": bytes([3, 1, 7, 21, 31, 0, 0, 1]) + b"\x01\0\0\0",
    "exceptions in a table of 2^31": bytes([10, 1, 7, 4, 31, 16, 0, 2])
    + struct.pack("<dddII", 0, 8, 0, 1, 1)
    + bytes(8),
    "65535 bins": b"AH\x01\x00\xff\xff\xff\xff\x7f\x00",
    "a count of 2^62 - 1": b"AH\x01\x00\xff\xff\x01\x00" + varint(2**62 - 1) + b"\x00\x00",
}


@needs_proc
@pytest.mark.parametrize("bomb", BOMBS)
def test_headers_that_claim_more_than_there_is_cost_nothing(con: duckdb.DuckDBPyConnection, bomb: str) -> None:
    """Refused before anything is allocated."""
    kind = HISTOGRAM_READERS if BOMBS[bomb].startswith(b"AH") else HLL_READERS
    with peak() as memory:
        for reader in kind:
            for _ in range(50):
                assert_refused(con, reader, BOMBS[bomb])
    assert memory.growth < 64


@needs_proc
def test_images_that_expand_are_bounded_by_lg_k(con: duckdb.DuckDBPyConnection) -> None:
    """An empty sketch of lg_k 21 takes eight bytes, and does not take two million registers to merge."""
    con.execute("CREATE TABLE t AS SELECT hll_sketch_agg(NULL::INTEGER, 21) s, i FROM range(20_000) r(i) GROUP BY i")
    with peak() as memory:
        sketches = rows(con, "SELECT i % 5000, hll_union_agg(s) s FROM t GROUP BY ALL")
    assert {len(sketch) for _, sketch in sketches} == {8}
    assert memory.growth < 100, "and not ten thousand"


COUNTED = "WITH t AS (SELECT i % 24 AS hour, {state} AS x FROM range(1000) t(i) GROUP BY ALL) SELECT {call} FROM t"


@pytest.mark.parametrize(
    ("state", "union"),
    [("hll_sketch_agg(i)", "hll_union_agg"), ("approx_histogram_agg(i)", "approx_histogram_union_agg")],
)
def test_sketches_counted_as_values(con: duckdb.DuckDBPyConnection, state: str, union: str) -> None:
    for call in ("hll_sketch_agg(x)", "hll_sketch_agg(x, 10)", "hll_sketch_agg(x) FILTER (hour > 3)"):
        with pytest.raises(duckdb.InvalidInputException, match=rf"hll_sketch_agg: .* itself: {union}\(x\) unites"):
            con.execute(COUNTED.format(state=state, call=call)).fetchall()
    for counted in ("md5(x)", "'no sketch: '::BLOB || x", "hex(x)", "NULL::BLOB"):
        text = COUNTED.format(state=state, call=f"hll_sketch_estimate(hll_sketch_agg({counted}))")
        assert value(con, text) == (0 if counted == "NULL::BLOB" else 24)
