"""Extents: where the values of a bin lie. They survive merges and storage, and are alike in both backends."""

from __future__ import annotations

import struct
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from duckdb_sketch.portable import bounds
from duckdb_sketch.portable.bins import Bins, bins_of_unknown
from duckdb_sketch.portable.histogram import Histogram, histogram_of_values, union

pytestmark = pytest.mark.newest_duckdb

finite = st.floats(allow_nan=False, allow_infinity=False)
similar = st.floats(1e9, 1e9 + 50) | st.floats(-3, 3) | st.integers(-20, 20).map(float)


def stored(bins: Bins, least: float, greatest: float) -> Bins:
    """The bins as they come back."""
    return Histogram.parse(Histogram(2 * len(bins) + 2, 0, 0, least, greatest, bins).to_bytes()).bins


@settings(max_examples=300, deadline=None)
@given(
    centers=st.lists(finite | similar, min_size=1, max_size=12, unique=True),
    reach=st.lists(st.floats(0, 4) | st.floats(0, 1e300), min_size=24, max_size=24),
    ends=st.tuples(st.floats(0, 1e300), st.floats(0, 1e300)),
)
def test_extents_are_rounded_outwards_and_only_once(
    centers: list[float], reach: list[float], ends: tuple[float, float]
) -> None:
    ordered = np.unique(np.array(centers) + 0.0)
    n = len(ordered)
    lows, highs = ordered - np.array(reach[:n]), ordered + np.array(reach[n : 2 * n])
    lows, highs = np.maximum(lows, -1.7e308), np.minimum(highs, 1.7e308)
    least = max(min(float(lows.min()), float(ordered[0])) - ends[0], -1.7e308)
    greatest = min(max(float(highs.max()), float(ordered[-1])) + ends[1], 1.7e308)
    least, greatest = min(least, float(ordered[0])), max(greatest, float(ordered[-1]))
    lows, highs = np.maximum(np.minimum(lows, ordered), least), np.minimum(np.maximum(highs, ordered), greatest)
    bins = Bins(ordered, np.full(n, 2), np.zeros(n, np.bool_), lows, highs)
    once = stored(bins, least, greatest)
    assert (once.lows <= lows).all()
    assert (highs <= once.highs).all()
    assert (least <= once.lows).all()
    assert (once.highs <= greatest).all()
    again = stored(once, least, greatest)
    assert (again.lows == once.lows).all()
    assert (again.highs == once.highs).all()


def test_rounding_takes_a_sixteenth_of_the_reach(con: duckdb.DuckDBPyConnection) -> None:
    """Of bins that are as wide as their gaps; and half of a power where one reaches towards zero by orders."""
    values = np.random.default_rng(1).normal(0, 1, 100_000)
    cut = histogram_of_values(values, 50).bins
    read = stored(cut, float(values.min()), float(values.max()))
    inner = slice(5, -5)
    for exact, rounded in (
        (cut.centers - cut.lows, cut.centers - read.lows),
        (cut.highs - cut.centers, read.highs - cut.centers),
    ):
        assert (rounded[inner] <= exact[inner] * 1.13).all()
    wide = Bins(
        np.array([1.0, 3.0]), np.array([9, 9]), np.zeros(2, np.bool_), np.array([1e-9, 2.0]), np.array([2.0, 4.0])
    )
    assert stored(wide, -5.0, 5.0).lows[0] == 2.0**-30


def test_both_backends_write_the_same_bytes(
    native: duckdb.DuckDBPyConnection, portable: duckdb.DuckDBPyConnection
) -> None:
    rng = np.random.default_rng(7)
    columns: list[NDArray[Any]] = [
        rng.normal(0, 1, 900), rng.lognormal(0, 4, 900), -rng.lognormal(0, 4, 900), 1e9 + rng.random(900),
        10.0 ** rng.uniform(-200, 200, 900) * rng.choice([-1, 1], 900), np.repeat(rng.normal(0, 1e-300, 300), 3),
    ]  # fmt: skip
    query = """
        SELECT approx_histogram_union(approx_histogram_agg(x, 20), approx_histogram_agg(x * 0.7, 20))
        FROM (SELECT unnest($1::DOUBLE[]) x)
    """
    for column in columns:
        images = [bytes(each.execute(query, [column.tolist()]).fetchall()[0][0]) for each in (native, portable)]
        assert images[0].hex() == images[1].hex()
        parsed = Histogram.parse(images[0])
        q = 0.37
        proven = "SELECT approx_histogram_quantile_bounds($1, $2), approx_histogram_stats($1).rank_error"
        ((found, error),) = native.execute(proven, [images[0], q]).fetchall()
        assert found == pytest.approx(bounds.quantile_bounds(parsed, q), rel=1e-12)
        assert error == pytest.approx(bounds.rank_error(parsed), abs=2 / parsed.count)


def test_the_first_version_is_read_and_proves_what_its_slack_does(con: duckdb.DuckDBPyConnection) -> None:
    """Version 1 knows no extents: bins of it, and what they are merged into, may have values anywhere."""
    masses = bytes([9 << 1 | 1, 9 << 1 | 1])
    image = struct.pack("<2s2B2H3B4d", b"AH", 1, 3, 50, 2, 18, 0, 4, 0.0, 10.0, 2.0, 8.0) + masses
    assert Histogram.parse(image).to_bytes() == image, "what has no extents is written as it was"
    proven = "SELECT approx_histogram_quantile_bounds($1, 0.5).upper, approx_histogram_stats($1).rank_error"
    ((upper, error),) = con.execute(proven, [image]).fetchall()
    assert upper == 8
    assert 4 / 18 <= error <= 10 / 18
    ((union_of_both,),) = con.execute(
        "SELECT approx_histogram_union($1, approx_histogram_agg(x)) FROM range(100) t(x)", [image]
    ).fetchall()
    bins = Histogram.parse(bytes(union_of_both)).bins
    assert union_of_both[2] == 2
    assert np.isinf(bins.lows).any()


def test_a_union_of_two_is_open_and_an_aggregate_closes_it(con: duckdb.DuckDBPyConnection) -> None:
    """Unions in a chain keep up to twice as many bins; few values stay within, as in the paper's example."""
    con.execute("CREATE TABLE parts AS SELECT i, approx_histogram_agg(random(), 10) h FROM range(4000) t(j), "
                "(SELECT unnest([0, 1]) i) GROUP BY i")  # fmt: skip
    query = """
        WITH pairs AS (SELECT a.h a, b.h b FROM parts a, parts b WHERE a.i = 0 AND b.i = 1),
             open AS (SELECT approx_histogram_union(a, b) h FROM pairs)
        SELECT approx_histogram_stats(h).bins, approx_histogram_stats(h).max_bins,
               (SELECT approx_histogram_stats(approx_histogram_union_agg(x)).bins FROM (SELECT unnest([h, h]) x)),
               octet_length(approx_histogram_to_druid(h)) FROM open
    """
    ((bins, max_bins, closed, druid),) = con.execute(query).fetchall()
    assert (max_bins, closed) == (10, 10)
    assert 10 < bins <= 20
    assert druid == 16 + 12 * bins
    few = (
        "SELECT approx_histogram_union(approx_histogram_agg(x, 5), approx_histogram_agg(x + 0.5, 5)) FROM range(5) t(x)"
    )
    ((image,),) = con.execute(few).fetchall()
    assert len(Histogram.parse(bytes(image)).bins) == 5


@pytest.mark.parametrize("order", ["random", "sorted", "drift"])
def test_a_chain_of_unions_proves_nearly_as_much_as_one(con: duckdb.DuckDBPyConnection, order: str) -> None:
    """With slack alone nothing was proven after a chain: half of all values."""
    rng = np.random.default_rng(3)
    values = rng.lognormal(0, 1, 60_000)
    if order == "sorted":
        values.sort()
    if order == "drift":
        values += np.linspace(0, 5, len(values))
    query = """
        SELECT approx_histogram_agg(x) FROM (SELECT unnest($1::DOUBLE[]) x, unnest(range(len($1))) i)
        GROUP BY i // 250 ORDER BY i // 250
    """
    images = con.execute(query, [values.tolist()]).fetchall()
    chain = bytes(images[0][0])
    for (image,) in images[1:]:
        ((chain,),) = con.execute("SELECT approx_histogram_union($1, $2)", [chain, image]).fetchall()
    ((error, size),) = con.execute(
        "SELECT s.rank_error, s.bytes FROM (SELECT approx_histogram_stats($1) s)", [chain]
    ).fetchall()
    assert error < (0.10 if order == "drift" else 0.05)
    assert size <= 1600


def test_unknown_extents_stay_unknown() -> None:
    """Also where other values have made the histogram wider: Druid's centers need not be means."""
    unknown = Histogram(
        50, 0, 5, 0.0, 9.0, bins_of_unknown(np.array([2.0, 5.0]), np.array([5, 2]), np.array([False, True]))
    )
    wide = histogram_of_values(np.array([-100.0, 100.0, 101.0, 102.0]), 2)
    merged = Histogram.parse(union([unknown, wide], 3).to_bytes()).bins
    assert np.isinf(merged.lows[merged.centers < 9]).any()
    assert np.isfinite(merged.lows[-1])
