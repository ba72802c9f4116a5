"""`ApproxHistogram`: the answers and bytes of SQL, as a Python value."""

from __future__ import annotations

import copy
import math
import pickle
import re
import xml.etree.ElementTree as ET

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import needs_nan_parameters
from queries import value

from duckdb_sketch import ApproxHistogram, InvalidInputError

PAPER = [23, 19, 10, 16, 36, 2, 9]


@pytest.fixture(scope="module")
def prices() -> ApproxHistogram:
    """Skewed: 20,000 lognormal prices."""
    return ApproxHistogram.from_values(np.random.default_rng(7).lognormal(3, 1, 20_000))


def test_the_example_of_the_paper() -> None:
    """Ben-Haim and Tom-Tov, figures 1 to 3."""
    first = ApproxHistogram.from_values(PAPER, bins=5)
    assert [tuple(bin) for bin in first.bins] == [(2, 1), (9.5, 2), (17.5, 2), (23, 1), (36, 1)]
    both = first | ApproxHistogram.from_values([32, 30, 45], bins=5)
    assert [(round(center, 3), count) for center, count in both.bins] == [
        (2, 1), (9.5, 2), (19.333, 3), (32.667, 3), (45, 1),
    ]  # fmt: skip
    assert both.count_below(15) == pytest.approx(3.275065, abs=1e-6)


def test_its_bytes_and_answers_are_those_of_sql(con: duckdb.DuckDBPyConnection) -> None:
    numbers = "SELECT approx_histogram_agg(ln(1 + i), 20) FROM range(1000) t(i)"
    state = value(con, numbers)
    histogram = ApproxHistogram.from_values((math.log(1 + i) for i in range(1000)), bins=20)
    assert bytes(histogram) == state
    assert ApproxHistogram.from_bytes(memoryview(state)) == histogram

    def sql(call: str) -> object:
        return value(con, f"SELECT approx_histogram_{call} FROM (SELECT ?::BLOB AS h)", state)

    assert histogram.stats._asdict() == sql("stats(h)")
    assert [bin._asdict() for bin in histogram.bins] == sql("bins(h)")
    assert histogram.quantile(0.3) == sql("quantile(h, 0.3)")
    assert histogram.quantile([0, 0.3, 1]) == sql("quantile(h, [0, 0.3, 1])")
    assert histogram.cdf([1, 5]) == sql("cdf(h, [1, 5])")
    assert histogram.count_below(5) == sql("count_below(h, 5)")
    assert histogram.quantile_bounds(0.3)._asdict() == sql("quantile_bounds(h, 0.3)")  # type: ignore[union-attr]
    assert [bucket._asdict() for bucket in histogram.equi_width(7)] == sql("equi_width(h, 7)")
    assert [bucket._asdict() for bucket in histogram.equi_depth(7)] == sql("equi_depth(h, 7)")
    assert [bucket._asdict() for bucket in histogram.buckets([0, 1, math.inf])] == sql(
        "buckets(h, [0, 1, 'inf'::DOUBLE])"
    )


def test_quantiles_come_in_the_shape_of_the_question(prices: ApproxHistogram) -> None:
    assert isinstance(prices.quantile(0.5), float)
    assert prices.quantile(np.float32(0.5)) == prices.quantile(0.5)
    assert prices.quantile((0.1, 0.5)) == [prices.quantile(0.1), prices.quantile(0.5)]
    table = prices.quantile(np.array([[0.1, 0.5], [0.9, 1.0]]))
    assert table.shape == (2, 2)
    assert table.dtype == np.float64
    assert table[1, 1] == prices.stats.max
    assert prices.quantile([]) == []


numbers = st.lists(st.integers(-99, 99) | st.none(), max_size=40)


@given(numbers, numbers)
def test_merging_parts_gives_the_histogram_of_the_whole(a: list[int | None], b: list[int | None]) -> None:
    """While there are no more different numbers than bins, to the byte."""
    whole = ApproxHistogram.from_values(a + b, bins=200)
    one, other = ApproxHistogram.from_values(a, bins=200), ApproxHistogram.from_values(b, bins=200)
    assert one | other == other | one == whole
    assert ApproxHistogram.from_states([one, None, bytes(other)]) == whole
    assert whole.stats.count == len([x for x in a + b if x is not None])
    assert whole.stats.exact


def test_bins_of_a_merge_can_be_chosen(prices: ApproxHistogram) -> None:
    assert ApproxHistogram.from_states([prices, prices]).stats.max_bins == 50
    smaller = ApproxHistogram.from_states([prices, prices], bins=10)
    assert len(smaller.bins) == 10
    assert smaller.stats.count == 40_000


def test_an_empty_histogram_answers_with_nothing() -> None:
    of_values, of_states = ApproxHistogram.from_values, ApproxHistogram.from_states
    for empty in (of_values([]), of_values([None]), of_states([])):
        assert empty.quantile(0.5) is None
        assert empty.quantile([0.5]) == [None]
        assert np.isnan(empty.quantile(np.array([0.5]))).all()
        assert empty.quantile_bounds(0.5) is None
        assert empty.cdf(1) is None
        assert empty.count_below(1) == 0
        assert empty.bins == ()
        assert empty.equi_width(3) == []
        assert (empty.stats.count, empty.stats.min) == (0, None)
        assert "empty" in repr(empty)
        assert "empty" in empty._repr_html_()


@needs_nan_parameters
def test_numbers_that_are_not_finite_are_counted() -> None:
    stats = ApproxHistogram.from_values([1, None, math.nan, math.inf, -math.inf]).stats
    assert (stats.count, stats.non_finite, stats.max) == (1, 3, 1)


def test_it_is_a_value(prices: ApproxHistogram) -> None:
    twin = ApproxHistogram.from_bytes(bytes(prices))
    assert {twin, prices} == {prices}
    assert pickle.loads(pickle.dumps(prices)) == copy.deepcopy(prices) == prices
    assert prices != ApproxHistogram.from_values([1])
    with pytest.raises(AttributeError):
        prices.state = b""  # type: ignore[misc]


def test_a_notebook_shows_a_picture_of_the_middle(prices: ApproxHistogram) -> None:
    """The far tail does not squash the rest: more than one bar is high."""
    page = prices._repr_html_()
    svg = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    heights = [float(bar.get("height", "0")) for bar in svg.iter("rect")]
    assert len(heights) == 30
    assert max(heights) == 48
    assert sum(height > 12 for height in heights) >= 5
    low, high = prices.quantile([0.01, 0.99])
    assert [text.text for text in svg.iter("text")] == [f"{low:g}", f"{high:g}"]
    assert re.search(r"20,000 values, .* median ", page)


def test_a_notebook_shows_one_value_in_words() -> None:
    page = ApproxHistogram.from_values([3, 3, 3])._repr_html_()
    assert "3 values, 3 to 3" in page
    assert "<svg" not in page


@pytest.mark.parametrize("state", [b"", b"abc", bytes(ApproxHistogram.from_values([1]))[:-1]])
def test_bytes_that_are_no_histogram_are_refused(state: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"approx_histogram_stats: .*histogram"):
        ApproxHistogram.from_bytes(state)


@needs_nan_parameters
def test_other_mistakes_are_named(prices: ApproxHistogram) -> None:
    with pytest.raises(InvalidInputError, match=r"q is 1\.5, and must be from 0 to 1"):
        prices.quantile(1.5)
    with pytest.raises(InvalidInputError, match="out of order"):
        prices.buckets([2, 1])
    with pytest.raises(InvalidInputError, match="bins is 1, and must be"):
        ApproxHistogram.from_values([1], bins=1)
    with pytest.raises(InvalidInputError, match="VARCHAR"):
        ApproxHistogram.from_values(["a"])
    with pytest.raises(InvalidInputError, match="NaN"):
        prices.cdf(math.nan)


@pytest.mark.parametrize("value", ["TIMESTAMP '2026-01-01'", "DATE '2026-01-01'", "INTERVAL 1 DAY", "TIME '10:00'"])
@pytest.mark.newest_duckdb
def test_times_are_measured_as_seconds(value: str) -> None:
    """The error says what to write."""
    times = duckdb.execute(f"SELECT {value} AS x").to_arrow_table()
    with pytest.raises(InvalidInputError, match=r"write approx_histogram_agg\(epoch\(x\)\)"):
        ApproxHistogram.from_values(times, column="x")
    seconds = duckdb.execute(f"SELECT epoch({value}) AS x").to_arrow_table()
    assert ApproxHistogram.from_values(seconds, column="x").quantile(0.5) == seconds["x"][0].as_py()
