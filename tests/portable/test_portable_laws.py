"""The laws of sketches, through SQL: merges commute, associate and lose nothing."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_sketch.portable import register

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

CONNECTION = duckdb.connect()
register(CONNECTION)

INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 50), max_size=60)
STRINGS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.none(), max_size=30)
NUMBERS = st.lists(st.floats() | st.integers(-5, 5).map(float), max_size=80)
PRECISIONS = st.integers(4, 21)
laws = settings(max_examples=60, deadline=None)


def ask(expression: str, **parameters: object) -> object:
    used = {name: value for name, value in parameters.items() if f"${name}" in expression}
    row = CONNECTION.execute(f"SELECT {expression}", used or None).fetchone()
    assert row is not None
    return row[0]


def hll(values: list[object], lg_k: int = 12, sql_type: str = "BIGINT") -> bytes:
    blob = ask(f"(SELECT hll_sketch_agg(x, $k) FROM (SELECT unnest($x::{sql_type}[]) x))", x=values, k=lg_k)
    assert isinstance(blob, bytes)
    return blob


def histogram(values: list[float], bins: int = 50) -> bytes:
    # As text, since DuckDB before 2.0 takes a NaN in a parameter for NULL.
    numbers = "(SELECT unnest($x::VARCHAR[])::DOUBLE x)"
    blob = ask(f"(SELECT approx_histogram_agg(x, $b) FROM {numbers})", x=[str(value) for value in values], b=bins)
    assert isinstance(blob, bytes)
    return blob


def merge(function: str, *blobs: bytes) -> object:
    return ask(f"(SELECT {function}(x) FROM (SELECT unnest($x::BLOB[]) x))", x=list(blobs))


@laws
@given(INTEGERS, INTEGERS, INTEGERS, PRECISIONS)
def test_hll_union_is_the_sketch_of_all(a: list[object], b: list[object], c: list[object], lg_k: int) -> None:
    x, y, z = (hll(values, lg_k) for values in (a, b, c))
    whole = hll(c + a + b + a, lg_k)
    assert merge("hll_union_agg", x, y, z) == merge("hll_union_agg", z, y, x, x) == whole
    assert ask("hll_union(hll_union($x, $y), $z)", x=x, y=y, z=z) == whole
    assert ask("hll_union($x, hll_union($y, $z))", x=x, y=y, z=z) == whole


@laws
@given(STRINGS)
def test_hll_counts_small_sets_almost_exactly(values: list[object]) -> None:
    different = len({value for value in values if value})
    assert ask("hll_sketch_estimate($x)", x=hll(values, sql_type="VARCHAR")) == different


@laws
@given(INTEGERS, PRECISIONS, PRECISIONS)
def test_lowering_the_precision_is_as_if_built_so(values: list[object], low: int, high: int) -> None:
    low, high = min(low, high), max(low, high)
    one = hll([1], low)
    lowered = ask("hll_union($x, $y, true)", x=hll(values, high), y=one)
    assert lowered == hll([*values, 1], low)


@laws
@given(INTEGERS, st.integers(1, 3))
def test_bounds_enclose_the_estimate(values: list[object], num_std_dev: int) -> None:
    bounds = ask("hll_sketch_bounds($x, $n)", x=hll(values, 4), n=num_std_dev)
    assert isinstance(bounds, dict)
    assert bounds["lower"] <= bounds["estimate"] <= bounds["upper"]


@laws
@given(NUMBERS, NUMBERS, st.integers(2, 60))
def test_histogram_counts_add_up(a: list[float], b: list[float], bins: int) -> None:
    merged = ask("approx_histogram_union($x, $y)", x=histogram(a, bins), y=histogram(b, bins))
    finite = [x for x in a + b if abs(x) < float("inf")]
    stats = ask("approx_histogram_stats($x)", x=merged)
    assert isinstance(stats, dict)
    assert stats["count"] == len(finite)
    assert stats["non_finite"] == len(a + b) - len(finite)
    assert stats["min"] == min(finite, default=None)
    assert stats["max"] == max(finite, default=None)
    assert stats["max_bins"] == bins
    assert stats["bins"] <= 2 * bins, "open, to be merged again"
    bins_of = ask("approx_histogram_bins($x)", x=merged)
    assert isinstance(bins_of, list)
    assert sum(bin_["count"] for bin_ in bins_of) == len(finite)


@laws
@given(NUMBERS, NUMBERS)
def test_exact_histograms_merge_exactly(a: list[float], b: list[float]) -> None:
    x, y = histogram(a, 200), histogram(b, 200)
    whole = histogram(b + a, 200)
    assert ask("approx_histogram_union($x, $y)", x=x, y=y) == whole
    assert merge("approx_histogram_union_agg", y, x) == whole


@laws
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.integers(2, 20))
def test_ranks_of_values_once_cut_are_bounded(values: list[float], bins: int) -> None:
    """Values of one bin, 2 N / bins or fewer, stand on the wrong side of x, and half of the next is spread to x."""
    below = ask("approx_histogram_count_below($h, $x)", h=histogram(values, bins), x=sorted(values))
    assert isinstance(below, list)
    for x, count in zip(sorted(values), below, strict=True):
        true = sum(value <= x for value in values)
        assert abs(count - true) <= 3 * len(values) / bins + 1e-6


@laws
@given(st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=60), st.floats(0, 1))
def test_exact_quantiles_are_those_of_duckdb(values: list[float], q: float) -> None:
    expected = ask("list_aggregate($x::DOUBLE[], 'quantile_disc', $q)", x=values, q=q)
    assert ask("approx_histogram_quantile($h, $q)", h=histogram(values, 300), q=q) == pytest.approx(expected)
