"""The two backends: the same sketches, images that either reads, and the same answers to the same image."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

import duckdb
import numpy as np
import pytest
from bounds import assert_bounds_hold
from peers import TARGET_TYPES, images
from sql_values import REFUSED, SQL_VALUES, column

import duckdb_sketch

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]


def both(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """The rows, which must be alike."""
    ours = portable.execute(query).fetchall()
    theirs = native.execute(query).fetchall()
    assert ours == theirs
    return ours


@pytest.mark.parametrize("lg_k", [4, 12])
@pytest.mark.parametrize("sql_type", SQL_VALUES)
def test_each_value_of_each_type_has_the_same_coupon(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, sql_type: str, lg_k: int
) -> None:
    both(native, portable, f"SELECT hll_sketch_agg(x, {lg_k}) FROM {column(sql_type, SQL_VALUES[sql_type])}")
    for value in SQL_VALUES[sql_type]:
        both(native, portable, f"SELECT hll_sketch_agg(CAST({value} AS {sql_type}), {lg_k})")


@pytest.mark.parametrize(
    "value",
    [
        "'12:34:56.789012345'::TIME_NS",
        "'12:34:56'::TIME_NS",
        "'2026-01-01 00:00:00.000000001+02'::TIMESTAMPTZ_NS",
        "'infinity'::TIMESTAMPTZ_NS",
    ],
)
def test_nanoseconds_of_every_kind_have_the_same_coupon(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, value: str
) -> None:
    both(native, portable, f"SELECT hll_sketch_agg({value})")


@pytest.mark.parametrize("lg_k", [4, 7, 8, 12, 14, 21])
def test_every_mode_has_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, lg_k: int
) -> None:
    for count in [0, 7, 8, 24, 25, 384, 385, 5000, 100_000]:
        # One row more, so that the extension learns of lg_k where there are no values.
        both(native, portable, f"SELECT hll_sketch_agg(nullif(i, 0), {lg_k}) FROM range({count + 1}) t(i)")


@pytest.mark.parametrize("target_type", TARGET_TYPES)
@pytest.mark.parametrize("lg_k", [4, 8, 12])
def test_every_image_of_datasketches_is_read_alike(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, lg_k: int, target_type: str
) -> None:
    query = """
        SELECT hll_sketch_estimate($1), hll_sketch_bounds($1, 1), hll_sketch_describe($1), hll_union($1, $1)
    """
    for count in [0, 5, 20, 300, 1000, 50_000]:
        for _, blob in images(lg_k, target_type, count):
            (ours,) = portable.execute(query, [blob]).fetchall()
            (theirs,) = native.execute(query, [blob]).fetchall()
            assert ours[0] == theirs[0]
            for name in ("lower", "estimate", "upper"):
                assert ours[1][name] == pytest.approx(theirs[1][name], rel=1e-12)
            assert ours[2] == theirs[2] | {"estimate": pytest.approx(theirs[2]["estimate"], rel=1e-12)}
            assert ours[3] == theirs[3]


def coupons(mode: int, lg_k: int, addresses: Iterable[int]) -> bytes:
    """A compact LIST (0) or SET (1)."""
    listed = [1 << 26 | address for address in addresses]
    header = struct.pack("<8B", 2 + mode, 1, 7, lg_k, 0, 8, 0 if mode else len(listed), mode)
    return header + struct.pack(f"<{mode + len(listed)}I", *[len(listed)] * mode, *listed)


@pytest.mark.parametrize(
    ("image", "sound"),
    [
        (coupons(0, 12, range(8)), coupons(0, 12, range(7))),
        (coupons(1, 7, range(8)), coupons(1, 8, range(8))),
        (coupons(1, 8, range(25)), coupons(1, 8, range(24))),
        (coupons(0, 12, [1, 2, 1]), coupons(0, 12, [1, 2])),
        (coupons(1, 12, [*range(20), 0]), coupons(1, 12, range(20))),
    ],
    ids=["a LIST of 8", "a SET at lg_k 7", "a SET of 25 at lg_k 8", "twice in a LIST", "twice in a SET"],
)
def test_the_same_lists_of_coupons_are_refused(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, image: bytes, sound: bytes
) -> None:
    for connection in (native, portable):
        assert connection.execute("SELECT hll_sketch_estimate($1)", [sound]).fetchone() is not None
        with pytest.raises(duckdb.Error, match="hll_sketch_estimate: damaged HLL sketch"):
            connection.execute("SELECT hll_sketch_estimate($1)", [image])


@pytest.mark.parametrize("image", [b"", b"abc", b"\x02\x01\x07\x0c", b"AH\x01\x00\x32" + bytes(6)])
def test_what_is_no_hll_sketch_is_named_alike(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, image: bytes
) -> None:
    messages = set()
    for connection in (native, portable):
        with pytest.raises(duckdb.Error) as refusal:
            connection.execute("SELECT hll_sketch_estimate($1)", [image])
        messages.add(str(refusal.value).partition("not an HLL sketch: ")[2])
    assert len(messages) == 1
    assert "then 01 07 and five bytes more" in messages.pop()


@pytest.mark.parametrize("sql_type", REFUSED)
def test_the_same_types_are_refused(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, sql_type: str
) -> None:
    messages = set()
    for connection in (native, portable):
        with pytest.raises(duckdb.Error, match="cannot be counted") as refusal:
            connection.execute(f"SELECT hll_sketch_agg({REFUSED[sql_type]}::{sql_type})")
        messages.add(str(refusal.value).partition("values of type")[2])
    assert len(messages) == 1


@pytest.mark.parametrize(
    "number", ["-1", "1.5", "-0.1", "1e300", "-1e-7", "'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE"]
)
def test_the_same_fractions_and_edges_are_refused_in_the_same_words(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, number: str
) -> None:
    histogram = native.execute("SELECT approx_histogram_agg(1.0)").fetchall()[0][0]
    for call in (f"approx_histogram_quantile($1, {number})", f"approx_histogram_buckets($1, [{number}, {number}])"):
        messages = set()
        for connection in (native, portable):
            with pytest.raises(duckdb.Error) as refusal:
                connection.execute(f"SELECT {call}", [histogram])
            messages.add(str(refusal.value).partition("approx_histogram_")[2])
        assert len(messages) == 1, messages


VALUES = {
    "nothing": "NULL::DOUBLE",
    "exact": "(i % 47) / 7",
    "uniform": "hash(i) % 1000003",
    "lognormal": "exp(4 * sin(i * 12.9898))",
    "with the rest": "CASE WHEN i % 7 = 0 THEN 'nan'::DOUBLE WHEN i % 11 = 0 THEN '-inf'::DOUBLE ELSE i ** 3 END",
}


ANSWERS = """
    SELECT approx_histogram_quantile($1, [i / 100 FOR i IN range(0, 101)]),
           approx_histogram_count_below($1, [-1, 0, 0.5, 1, 3, 1e3, 1e6, 'inf'::DOUBLE]),
           approx_histogram_cdf($1, [0, 10, 1e5]),
           [approx_histogram_quantile_bounds($1, q) FOR q IN [0, 0.01, 0.37, 0.5, 0.999, 1]],
           approx_histogram_bins($1),
           approx_histogram_equi_width($1, 7),
           approx_histogram_equi_depth($1, 7),
           approx_histogram_buckets($1, [-1, 0, 1, 100, 1e9]),
           approx_histogram_stats($1)
"""


def assert_same_answers(native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, image: bytes) -> None:
    (ours,) = portable.execute(ANSWERS, [image]).fetchall()
    (theirs,) = native.execute(ANSWERS, [image]).fetchall()
    for our, their in zip(ours, theirs, strict=True):
        numbers = flat(their)
        # A bucket's count is a difference.
        scale = max((abs(number) for number in numbers if math.isfinite(number)), default=0)
        assert flat(our) == pytest.approx(numbers, rel=1e-12, abs=1e-12 * scale, nan_ok=True)


def flat(answer: Any) -> list[float]:
    """The numbers of nested lists and structs, in order; NaN for NULL."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        return [number for part in answer for number in flat(part)]
    return [math.nan if answer is None else answer]


def histogram_and_union(values: str, bins: int, rows: int, parts: int = 3) -> str:
    """All rows at once, and in parts that are merged."""
    source = f"(SELECT i, {values} AS x FROM range({rows}) t(i))"
    return f"""
        SELECT (SELECT approx_histogram_agg(x, {bins}) FROM {source}),
               (SELECT approx_histogram_union_agg(h)
                FROM (SELECT approx_histogram_agg(x, {bins}) h FROM {source} GROUP BY i % {parts}))
    """


@pytest.mark.parametrize(
    ("values", "bins", "rows"),
    [("NULL::DOUBLE", 50, 10), ("(i % 47) / 7", 47, 100_000), ("i ** 3", 1000, 1000), ("-0.0 * i", 2, 5000)],
)
def test_exact_histograms_have_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, values: str, bins: int, rows: int
) -> None:
    ((whole, merged),) = both(native, portable, histogram_and_union(values, bins, rows))
    assert whole == merged
    assert_same_answers(native, portable, whole)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("bins", [2, 5, 50, 1000])
def test_histograms_of_few_values_have_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, values: str, bins: int
) -> None:
    """The rule of merging is the same: the extension takes faster ways only where there is more to merge."""
    for image in both(native, portable, histogram_and_union(VALUES[values], bins, 200))[0]:
        assert_same_answers(native, portable, image)


@pytest.mark.parametrize("x", ["hash(i) % 300", "floor(exp(hash(i) % 600 / 100))", "hash(i) % 300 / 7"])
def test_chains_of_unions_have_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, x: str
) -> None:
    """Bins of equal values and others that have these as their mean meet all the time."""
    parts = f"SELECT approx_histogram_agg({x}, 20) FROM range(9000) t(i) GROUP BY i % 90 ORDER BY i % 90"
    (merged,), *rest = native.execute(parts).fetchall()
    for (part,) in rest:
        images = [
            side.execute("SELECT approx_histogram_union($1, $2)", [merged, part]).fetchall()[0][0]
            for side in (native, portable)
        ]
        assert images[0] == images[1]
        merged = images[0]
    assert_same_answers(native, portable, merged)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("bins", [2, 5, 50, 1000])
def test_inexact_histograms_stand_in_for_each_other(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, values: str, bins: int
) -> None:
    """The bins may differ; totals and the truth within the bounds may not, nor may what either reads off one image."""
    query = histogram_and_union(VALUES[values], bins, 6000, parts=10)
    images = [image for side in (native, portable) for image in side.execute(query).fetchall()[0]]
    # Each side's images in a union by each side.
    for side in (native, portable):
        images.append(side.execute("SELECT approx_histogram_union($1, $2)", [images[1], images[3]]).fetchall()[0][0])
    finite = f"SELECT x FROM (SELECT {VALUES[values]} AS x FROM range(6000) t(i)) WHERE isfinite(x) ORDER BY x"
    ordered = np.array([x for (x,) in native.execute(finite).fetchall()])
    rest = native.execute(f"SELECT count({VALUES[values]}) FROM range(6000) t(i)").fetchall()[0][0] - len(ordered)
    for image, times in zip(images, [1, 1, 1, 1, 2, 2], strict=True):
        assert_same_answers(native, portable, image)
        (stats,) = native.execute("SELECT unnest(approx_histogram_stats($1))", [image]).fetchall()
        count, least, greatest, mean, _, max_bins, non_finite, *_ = stats
        assert (count, non_finite, max_bins) == (times * len(ordered), times * rest, bins)
        if not len(ordered):
            continue
        assert (least, greatest) == (ordered[0], ordered[-1])
        assert mean == pytest.approx(ordered.mean(), rel=1e-9)
        assert_bounds_hold(portable, image, np.repeat(ordered, times))


def test_portable_functions_stand_in_for_native_ones(native: duckdb.DuckDBPyConnection) -> None:
    """On the connection that asks for them, and on no other."""
    connection = native.cursor()
    duckdb_sketch.load(connection, backend="portable")
    query = "SELECT function_type FROM duckdb_functions() WHERE function_name = 'hll_sketch_agg' ORDER BY 1"
    assert {kind for (kind,) in connection.execute(query).fetchall()} == {"aggregate", "macro"}
    with pytest.raises(duckdb.InvalidInputException, match="is a Macro Function"):
        connection.execute("SELECT hll_sketch_agg(DISTINCT 1)")
    assert native.execute("SELECT hll_sketch_estimate(hll_sketch_agg(DISTINCT 1))").fetchone() == (1,)


@pytest.mark.parametrize("state", ["hll_sketch_agg(i)", "hll_sketch_agg(i % 5)", "approx_histogram_agg(i)"])
def test_states_are_no_values_of_either(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection, state: str
) -> None:
    messages = []
    for connection in (native, portable):
        (image,) = connection.execute(f"SELECT {state} FROM range(1000) t(i)").fetchall()[0]
        with pytest.raises(duckdb.InvalidInputException, match="union_agg") as error:
            connection.execute("SELECT hll_sketch_agg(?::BLOB)", [image]).fetchall()
        messages.append(str(error.value))
    assert messages[0].partition("hll_sketch_agg: ")[2].splitlines()[0] in messages[1]
