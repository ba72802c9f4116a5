"""At the ends of every range: counts near 2^62, doubles near the greatest and the least, the least and the greatest
precision, 2^32 rows in one group, unions of unions. In both backends: an answer that makes sense, or a clear error.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from histogram_images import histogram_image, sparse
from queries import column, rows, value
from samples import few_fast

import duckdb_sketch
from duckdb_sketch.portable import register

MOST = 2**62 - 1
"""The greatest count of a histogram."""
GREATEST = 1.7976931348623157e308
LEAST = 5e-324
OVERFLOW = "the count overflows: a histogram holds fewer than 2\\^62 values"


@pytest.fixture(scope="module", params=["native", "portable"])
def backend(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_sketch.connect() if request.param == "native" else duckdb.connect() as connection:
        if request.param == "portable":
            register(connection)
        yield connection


def stats(con: duckdb.DuckDBPyConnection, image: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = value(con, "SELECT approx_histogram_stats($1::BLOB)", image)
    return answer


def assert_sound(con: duckdb.DuckDBPyConnection, image: bytes) -> None:
    """All that a histogram of values says is finite, in order, and adds up."""
    least, greatest, mean, count = (stats(con, image)[name] for name in ("min", "max", "mean", "count"))
    assert -math.inf < least <= mean <= greatest < math.inf
    quantiles = value(con, "SELECT approx_histogram_quantile($1, [i / 50 FOR i IN range(51)])", image)
    assert quantiles == sorted(quantiles)
    assert (quantiles[0], quantiles[-1]) == (least, greatest)
    edges = [-GREATEST, *sorted({-1.0, 0.0, 1.0, mean}), GREATEST]
    fractions = value(con, "SELECT approx_histogram_cdf($1, $2::DOUBLE[])", image, edges)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    below = value(con, "SELECT approx_histogram_count_below($1, $2::DOUBLE[])", image, edges)
    assert below == sorted(below)
    assert below[-1] == pytest.approx(count, rel=1e-9)
    for q in (0.01, 0.5, 0.99):
        bounds = value(con, "SELECT approx_histogram_quantile_bounds($1, $2)", image, q)
        assert least <= bounds["lower"] <= bounds["estimate"] <= bounds["upper"] <= greatest
    for call in ("equi_width($1, 7)", "equi_depth($1, 7)", f"buckets($1, {edges}::DOUBLE[])"):
        buckets = value(con, f"SELECT approx_histogram_{call}", image)
        assert all(bucket["count"] >= 0 and bucket["lower"] <= bucket["upper"] for bucket in buckets), call
        assert math.fsum(bucket["count"] for bucket in buckets) == pytest.approx(count, rel=1e-9), call


@pytest.mark.parametrize("inexact", [False, True])
def test_the_greatest_count(backend: duckdb.DuckDBPyConnection, inexact: bool) -> None:
    parts = [(-3.0, 2), (0.5, MOST // 3), (8.0, MOST - MOST // 3 - 2)]
    ends = {"flags": 3, "extremes": (-4.0, 9.0), "slack": MOST} if inexact else {}
    image = histogram_image(parts, inexact=inexact, **ends)
    assert stats(backend, image)["count"] == MOST
    assert_sound(backend, image)
    alone = value(backend, "SELECT approx_histogram_union_agg($1::BLOB)", image)
    assert stats(backend, alone)["count"] == MOST
    assert_sound(backend, alone)


# What u64 adds up to 1.
AROUND = [(1.0, 2**63 - 1), (2.0, 2**63 - 1), (3.0, 3)]


@pytest.mark.parametrize(
    ("bins", "count"),
    [
        ([(1.0, 2**62)], 2**62),
        ([(1.0, 2**63 - 1)], 2**63 - 1),
        ([(1.0, 2**61), (2.0, 2**61)], 2**62),
        (AROUND, 2**64 - 1),
        (AROUND, 1),
        ([(1.0, 1)], 2**64 - 1),
    ],
    ids=str,
)
def test_images_of_counts_that_no_histogram_has(
    backend: duckdb.DuckDBPyConnection, bins: list[tuple[float, int]], count: int
) -> None:
    """Up to where 64 bits end, and where they start again."""
    image = histogram_image(bins, count=count)
    for call in ("stats", "union_agg"):
        with pytest.raises(duckdb.InvalidInputException, match="damaged approximate histogram"):
            backend.execute(f"SELECT approx_histogram_{call}($1::BLOB)", [image])


@pytest.mark.parametrize("mark", [1, -1])
def test_the_greatest_count_from_and_to_druid(backend: duckdb.DuckDBPyConnection, mark: int) -> None:
    """A count below 0 is that of an approximate bin."""
    image = sparse([(1.0, mark * (MOST - 9)), (2.5, 9)])
    ours = value(backend, "SELECT approx_histogram_from_druid($1::BLOB)", image)
    assert stats(backend, ours)["count"] == MOST
    assert_sound(backend, ours)
    again = value(backend, "SELECT approx_histogram_from_druid(approx_histogram_to_druid($1::BLOB))", ours)
    assert stats(backend, again)["count"] == MOST
    for bins in (
        [(1.0, mark * (MOST - 8)), (2.5, 9)],
        [(1.0, mark * (2**63 - 1))],
        [(1.0, 2**63 - 1)] * 2 + [(4.0, 2)],
    ):
        with pytest.raises(duckdb.InvalidInputException, match=OVERFLOW):
            backend.execute("SELECT approx_histogram_from_druid($1::BLOB)", [sparse(bins)])


def test_the_greatest_hyper_unique(backend: duckdb.DuckDBPyConnection) -> None:
    """Every register at the greatest rank, of 64: Druid's estimate has no end there."""
    image = struct.pack(">BBHBH", 1, 49, 2048, 64, 2047) + b"\xff" * 1024
    assert value(backend, "SELECT hyper_unique_estimate($1::BLOB)", image) == math.inf
    union = "SELECT hyper_unique_union_agg(x) FROM (SELECT unnest([$1, $2]::BLOB[]) AS x)"
    for _ in range(32):
        image = value(backend, union, image, image)
    few = value(backend, "SELECT hyper_unique_agg(i::VARCHAR) FROM range(9) t(i)")
    assert value(backend, union, image, few) == value(backend, union, few, image) == image
    assert value(backend, "SELECT hyper_unique_estimate($1::BLOB)", image) == math.inf


@pytest.mark.parametrize(
    ("sql_type", "least", "greatest"),
    [
        ("UBIGINT", 0, 2**64 - 1),
        ("BIGINT", -(2**63), 2**63 - 1),
        ("UHUGEINT", 0, 2**128 - 1),
        ("HUGEINT", -(2**127), 2**127 - 1),
        ("DECIMAL(38, 0)", 1 - 10**38, 10**38 - 1),
    ],
)
def test_the_ends_of_integers(backend: duckdb.DuckDBPyConnection, sql_type: str, least: int, greatest: int) -> None:
    """Each is a value of its own to an HLL sketch, and the nearest DOUBLE to a histogram."""
    numbers = [str(number) for number in (least, least + 1, greatest - 1, greatest)]
    source = f"FROM (SELECT unnest({numbers})::{sql_type} AS x)"
    assert value(backend, f"SELECT hll_sketch_estimate(hll_sketch_agg(x)) {source}") == 4
    image = value(backend, f"SELECT approx_histogram_agg(x) {source}")
    found = stats(backend, image)
    assert (found["count"], found["min"], found["max"]) == (4, float(least), float(greatest))
    assert_sound(backend, image)


@pytest.mark.parametrize("call", ["approx_histogram_union(a, b)", "approx_histogram_union_agg(unnest([a, b]))"])
@pytest.mark.parametrize("non_finite", [False, True])
def test_one_more_than_the_greatest_count(backend: duckdb.DuckDBPyConnection, call: str, non_finite: bool) -> None:
    """A clear error, and never a count that starts again from 0; of numbers and of those that are none."""
    number = "'nan'::DOUBLE" if non_finite else "1"
    full = histogram_image([(1.0, MOST)])
    if non_finite:
        full = b"AH\x01\x00\x32\x00\x00\x00\x00" + b"\xff" * 8 + b"\x3f\x00"
    assert stats(backend, full)["non_finite" if non_finite else "count"] == MOST
    fits, too_many = ("NULL", number)
    source = "FROM (SELECT $1::BLOB AS a, approx_histogram_agg({}::DOUBLE) AS b)"
    if "unnest" in call:
        call = call.replace("unnest([a, b])", "h")
        source = f"FROM (SELECT unnest([a, b]) AS h {source})"
    assert value(backend, f"SELECT {call} {source.format(fits)}", full)
    with pytest.raises(duckdb.InvalidInputException, match=OVERFLOW):
        backend.execute(f"SELECT {call} {source.format(too_many)}", [full])


def test_counts_that_overflow_between_threads(con: duckdb.DuckDBPyConnection) -> None:
    """Each thread's part fits, and all of them do not."""
    con.execute("SET threads = 4")
    part = histogram_image([(1.0, 2**43)])
    con.execute("CREATE TABLE t AS SELECT $1::BLOB AS h, i FROM range(1 << 19) r(i)", [part])
    with pytest.raises(duckdb.InvalidInputException, match=OVERFLOW):
        con.execute("SELECT approx_histogram_union_agg(h) FROM t")
    whole = value(con, "SELECT approx_histogram_union_agg(h) FROM t WHERE i > 0")
    assert stats(con, whole)["count"] == 2**62 - 2**43


def test_four_billion_rows_in_one_aggregate(con: duckdb.DuckDBPyConnection) -> None:
    """2^16 unions of what 2^16 unions have made, so that states in flight hold them."""
    for values, sketch in [("i % 40", "i"), ("sqrt(i)", "i % 100")]:
        ((image, registers),) = rows(
            con, f"SELECT approx_histogram_agg({values}, 20), hll_sketch_agg({sketch}) FROM range(1000) t(i)"
        )
        before, counted = stats(con, image), registers
        for _ in range(2):
            ((image, registers),) = rows(
                con,
                "SELECT approx_histogram_union_agg($1::BLOB), hll_union_agg($2::BLOB) FROM range(65_536)",
                image,
                registers,
            )
        after = stats(con, image)
        assert after["count"] == 1000 << 32
        assert (after["min"], after["max"], after["bins"]) == (before["min"], before["max"], before["bins"])
        assert after["mean"] == pytest.approx(before["mean"], rel=1e-9)
        assert after["rank_error"] <= 0.5
        assert_sound(con, image)
        assert registers == counted


def doubled(con: duckdb.DuckDBPyConnection, union: str, image: bytes, times: int) -> bytes:
    """The image merged with itself again and again."""
    for _ in range(times):
        image = value(con, f"SELECT {union}($1::BLOB, $1::BLOB)", image)
    return image


def test_four_billion_times_as_many_rows(backend: duckdb.DuckDBPyConnection) -> None:
    """2^32 of each row in one group: counts grow, and what they say of the distribution does not."""
    for values, bins in [("i % 40", 50), ("sqrt(i)", 20)]:
        image = value(backend, f"SELECT approx_histogram_agg({values}, {bins}) FROM range(1000) t(i)")
        grown = doubled(backend, "approx_histogram_union", image, 32)
        before, after = stats(backend, image), stats(backend, grown)
        assert after["count"] == 1000 << 32
        assert after["mean"] == pytest.approx(before["mean"], rel=1e-12)
        same = ("min", "max", "bins", "exact", "max_bins", "rank_error")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        asked = "SELECT approx_histogram_quantile($1, [0.1, 0.5, 0.9])"
        assert value(backend, asked, grown) == pytest.approx(value(backend, asked, image), rel=1e-9)
        assert_sound(backend, grown)
    assert stats(backend, doubled(backend, "approx_histogram_union", grown, 20))["count"] == 1000 << 52
    with pytest.raises(duckdb.InvalidInputException, match=OVERFLOW):
        doubled(backend, "approx_histogram_union", grown, 21)
    for count in (5, 300, 20_000):
        sketch = value(backend, f"SELECT hll_sketch_agg(i) FROM range({count}) t(i)")
        assert doubled(backend, "hll_union", sketch, 32) == sketch


ENDS = {
    "greatest": f"CASE i % 3 WHEN 0 THEN {-GREATEST} WHEN 1 THEN {GREATEST} ELSE 0 END::DOUBLE",
    "near the greatest": f"{GREATEST}::DOUBLE * ((i - 300) / 300)",
    "all near the greatest": f"{GREATEST}::DOUBLE * (1 - i / 1e6)",
    "least": f"{LEAST}::DOUBLE * (i - 300)",
    "least and greatest": f"CASE WHEN i % 2 = 0 THEN {LEAST}::DOUBLE ELSE {GREATEST} END * (i / 600)",
    "every size": "(CASE WHEN i % 2 = 0 THEN -1 ELSE 1 END) * pow(2.0, i * 3.4 - 1020)",
    "neighbours": "1 + i * pow(2.0, -52)",
    "neighbours of the greatest": f"{GREATEST}::DOUBLE - i * pow(2.0, 971)",
}
"""DOUBLEs of 0 <= i < 600."""


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("bins", few_fast([2, 7, 50, 65_535], 2, 50))
def test_doubles_at_the_ends_of_their_range(backend: duckdb.DuckDBPyConnection, ends: str, bins: int) -> None:
    """Bins, means and what lies between them: never NaN, never infinite, never outside."""
    source = f"(SELECT i, {ENDS[ends]} AS x FROM range(600) t(i))"
    assert value(backend, f"SELECT bool_and(isfinite(x)) FROM {source}")
    ((least, greatest),) = rows(backend, f"SELECT min(x), max(x) FROM {source}")
    parts = column(backend, f"SELECT approx_histogram_agg(x, {bins}) FROM {source} GROUP BY i % 20")
    union = "SELECT approx_histogram_union_agg(h) FROM (SELECT unnest($1::BLOB[]) AS h)"
    for image, count in [
        (value(backend, f"SELECT approx_histogram_agg(x, {bins}) FROM {source}"), 600),
        (value(backend, union, parts), 600),
        (value(backend, union, parts * 30), 18_000),
    ]:
        found = stats(backend, image)
        assert (found["min"], found["max"], found["count"]) == (least, greatest, count)
        assert found["bins"] <= bins
        assert_sound(backend, image)


@pytest.mark.parametrize("lg_k", [4, 21])
def test_the_least_and_the_greatest_precision_of_few(backend: duckdb.DuckDBPyConnection, lg_k: int) -> None:
    """In both backends: coupons, and registers."""
    for count in (1, 8, 250_000):
        sketch = value(backend, f"SELECT hll_sketch_agg(i, {lg_k}) FROM range({count}) t(i)")
        assert value(backend, "SELECT hll_sketch_describe($1).lg_k", sketch) == lg_k
        bounds = value(backend, "SELECT hll_sketch_bounds($1, 3)", sketch)
        assert bounds["lower"] <= count <= bounds["upper"]
        assert value(backend, "SELECT hll_union_agg($1::BLOB)", sketch) == sketch


@pytest.mark.parametrize("lg_k", [4, 21])
def test_the_least_and_the_greatest_precision(con: duckdb.DuckDBPyConnection, lg_k: int) -> None:
    for count in (0, 1, 8, 3_000_000):
        sketch = value(con, f"SELECT hll_sketch_agg(i, {lg_k}) FROM range(1, {count + 1}) t(i)") if count else b""
        sketch = sketch or value(con, f"SELECT hll_sketch_agg(NULL::INTEGER, {lg_k}) FROM range(1)")
        described = value(con, "SELECT hll_sketch_describe($1)", sketch)
        assert described["lg_k"] == lg_k
        # Three relative standard errors of merged sketches.
        assert described["estimate"] == pytest.approx(count, rel=3 * 1.04 / math.sqrt(1 << lg_k))
        bounds = value(con, "SELECT hll_sketch_bounds($1, 3)", sketch)
        assert bounds["lower"] <= count <= bounds["upper"]
        assert value(con, "SELECT hll_union($1, $1)", sketch) == sketch
    coarse = value(con, "SELECT hll_sketch_agg(i, 4) FROM range(1, 3_000_001) t(i)")
    for order in ("$1, $2", "$2, $1"):
        assert value(con, f"SELECT hll_union({order}, true)", sketch, coarse) == coarse


def test_the_greatest_estimate(backend: duckdb.DuckDBPyConnection) -> None:
    """Registers of 63, the most that a hash of 64 bits can give: finite, and the greatest BIGINT."""
    header = bytes([10, 1, 7, 4, 0, 8 | 16, 0, 10])
    image = header + struct.pack("<dddII", 0, 0, 16 * 2.0**-63, 0, 0) + bytes([63] * 16)
    for sketch in (image, value(backend, "SELECT hll_union($1, $1)", image)):
        assert value(backend, "SELECT hll_sketch_estimate($1)", sketch) == 2**63 - 1
        bounds = value(backend, "SELECT hll_sketch_bounds($1, 3)", sketch)
        assert 2**63 < bounds["lower"] < bounds["estimate"] < bounds["upper"] < 2**70
    by_hip = bytes([10, 1, 7, 4, 0, 8, 0, 10]) + struct.pack("<dddII", GREATEST, 1, 0, 0, 0) + bytes([4] * 16)
    with pytest.raises(duckdb.InvalidInputException, match="its header says what no sketch can have counted"):
        backend.execute("SELECT hll_sketch_bounds($1, 3)", [by_hip])


@pytest.mark.parametrize("bins", few_fast([2, 65_535], 2))
def test_the_least_and_the_greatest_number_of_bins(backend: duckdb.DuckDBPyConnection, bins: int) -> None:
    source = "(SELECT (i * 7919) % 70_001 AS x, i FROM range(70_001) t(i))"
    whole = value(backend, f"SELECT approx_histogram_agg(x, {bins}) FROM {source}")
    found = stats(backend, whole)
    assert (found["count"], found["min"], found["max"], found["max_bins"]) == (70_001, 0, 70_000, bins)
    assert found["bins"] == bins
    assert found["mean"] == pytest.approx(35_000)
    assert found["rank_error"] <= 4 / bins
    assert_sound(backend, whole)
    merged = value(backend, "SELECT approx_histogram_union($1, $1)", whole)
    assert stats(backend, merged)["count"] == 140_002
    assert stats(backend, merged)["bins"] == bins
    assert_sound(backend, merged)
    assert len(whole) < bins * 11 + 40


def test_unions_of_unions(con: duckdb.DuckDBPyConnection) -> None:
    """Two by two, fifteen levels deep: the same HLL bytes as at once, and a histogram whose bounds still hold."""
    con.execute("""
        CREATE TABLE t AS SELECT i, hll_sketch_agg(i) AS s, approx_histogram_agg(sqrt(i), 10) AS h
        FROM range(32_768) r(i) GROUP BY i
    """)
    for _ in range(15):
        con.execute("""
            CREATE OR REPLACE TABLE t AS
            SELECT i // 2 AS i, hll_union_agg(s) AS s, approx_histogram_union_agg(h) AS h FROM t GROUP BY ALL
        """)
    ((sketch, histogram),) = rows(con, "SELECT s, h FROM t")
    assert sketch == value(con, "SELECT hll_sketch_agg(i) FROM range(32_768) t(i)")
    found = stats(con, histogram)
    assert (found["count"], found["min"], found["max"]) == (32_768, 0, math.sqrt(32_767))
    assert found["mean"] == pytest.approx(value(con, "SELECT avg(sqrt(i)) FROM range(32_768) t(i)"), rel=1e-9)
    assert_sound(con, histogram)
    for q in (0.1, 0.5, 0.9):
        bounds = value(con, "SELECT approx_histogram_quantile_bounds($1, $2)", histogram, q)
        assert bounds["lower"] <= math.sqrt(math.ceil(q * 32_768) - 1) <= bounds["upper"]
