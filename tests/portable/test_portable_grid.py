"""The grid of a histogram's values: how it is found, kept through merges, and answered on."""

from __future__ import annotations

import numpy as np
import pytest

from duckdb_sketch.portable import answers
from duckdb_sketch.portable.grid import NO_GRID, places_of
from duckdb_sketch.portable.histogram import Histogram, histogram_of_values, union, union_of_two

RANDOM = np.random.default_rng(9001)


def histogram(values: object, bins: int = 50) -> Histogram:
    return Histogram.parse(histogram_of_values(np.asarray(values, np.float64), bins).to_bytes())


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([], 0),
        ([1, -7, 0, 2.0**70], 0),
        ([0.29], 2),
        ([0.1, 1.13, 5], 2),
        ([0.57, 1.005], 3),
        ([123456789.12], 2),
        ([1e15, 0.01], 2),
        ([0.1 + 0.2, 0.29, 1 / 3], NO_GRID),
        ([1e-300], NO_GRID),
    ],
)
def test_places_are_those_of_the_value_that_has_most(values: list[float], places: int) -> None:
    assert places_of(np.array(values, np.float64)) == places
    assert places_of(np.array(values[::-1], np.float64)) == places


@pytest.mark.parametrize("places", [0, 1, 2, 4])
def test_answers_lie_on_the_grid_and_are_inverses(places: int) -> None:
    values = np.round(RANDOM.lognormal(3, 1, 20_000), places)
    parts = [histogram(part) for part in np.array_split(values, 20)]
    merged = union(parts, None)
    assert merged.places == places
    for q in np.linspace(0, 1, 201):
        x = answers.quantile(merged, q)
        assert x is not None
        assert x == round(x, places)
    for x in np.unique(values)[::37]:
        share = answers.cdf(merged, float(x))
        assert share is not None
        again = answers.quantile(merged, share)
        assert again is not None
        assert again <= x
        assert answers.cdf(merged, again) == pytest.approx(share, abs=1e-9)


def test_a_merge_takes_the_finer_grid_and_a_value_of_none_drops_it() -> None:
    whole, cents, none = histogram(range(200)), histogram(np.arange(200) / 100), histogram(RANDOM.random(200))
    assert (whole.places, cents.places, none.places) == (0, 2, NO_GRID)
    assert union_of_two(whole, cents).places == 2
    assert union([whole, histogram([]), whole], None).places == 0
    assert union([whole, cents, none], None).places == NO_GRID


def test_a_pairwise_union_keeps_twice_the_bins_and_the_next_aggregate_half_of_them() -> None:
    parts = [histogram(RANDOM.lognormal(0, 1, 300)) for _ in range(30)]
    chain = parts[0]
    for part in parts[1:]:
        chain = Histogram.parse(union_of_two(chain, part).to_bytes())
    assert (len(chain.bins), chain.max_bins) == (100, 50)
    assert len(union([chain], None).bins) == 50
