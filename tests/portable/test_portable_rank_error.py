"""The guaranteed rank error and the brackets of quantiles, on both backends, through merges meant to break them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pytest
from bounds import assert_bounds_hold
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Values = NDArray[Any]


@pytest.fixture(params=["portable", "native"])
def connection(request: pytest.FixtureRequest) -> duckdb.DuckDBPyConnection:
    found: duckdb.DuckDBPyConnection = request.getfixturevalue(request.param)
    return found


def agg(connection: duckdb.DuckDBPyConnection, values: Values, bins: int) -> bytes:
    query = f"SELECT approx_histogram_agg(x, {bins}) FROM (SELECT unnest(list_prepend(NULL, $1::DOUBLE[])) x)"
    return bytes(connection.execute(query, [values.tolist()]).fetchall()[0][0])


def union(connection: duckdb.DuckDBPyConnection, images: list[bytes], bins: int) -> bytes:
    query = f"SELECT approx_histogram_union_agg(h, {bins}) FROM (SELECT unnest($1::BLOB[]) h)"
    return bytes(connection.execute(query, [images]).fetchall()[0][0])


def rank_error(connection: duckdb.DuckDBPyConnection, image: bytes) -> float:
    return float(connection.execute("SELECT approx_histogram_stats($1).rank_error", [image]).fetchall()[0][0])


def test_merges_that_all_err_to_the_same_side(connection: duckdb.DuckDBPyConnection) -> None:
    """Each part moves its 40 zeros behind a center of its own: no bin of the union holds as many as are off in all."""
    parts = [np.repeat([0.0, 10.0 + i, 1000.0 + i], [40, 40, 20]) for i in range(10)]
    images = [agg(connection, part, 2) for part in parts]
    merged = union(connection, images, 50)
    assert 0.4 < rank_error(connection, merged) < 0.5
    assert_bounds_hold(connection, merged, np.concatenate(parts))
    again = union(connection, [merged, union(connection, images[:5], 2)], 7)
    assert_bounds_hold(connection, again, np.concatenate([*parts, *parts[:5]]))


def test_a_bracket_of_everything_proves_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    values = np.random.default_rng(9001).lognormal(0, 2, 900)
    image = agg(connection, values, 50)
    assert 0 < rank_error(connection, image) < 0.1
    exact = agg(connection, np.round(values[:40]), 50)
    assert rank_error(connection, exact) == 0
    # Of four times as many values less is rounded to whole ones.
    fourfold = rank_error(connection, union(connection, [image] * 4, 200))
    assert fourfold == pytest.approx(rank_error(connection, image), abs=1 / len(values))
    query = "SELECT unnest(approx_histogram_quantile_bounds($1, 0.5))"
    ((lower, _, upper),) = connection.execute(query, [image]).fetchall()
    assert 0.3 < np.mean(values <= lower) <= 0.5 <= np.mean(values <= upper) < 0.7


@dataclass(frozen=True)
class Tree:
    """Values that become a histogram, or trees whose histograms are merged."""

    bins: int
    kind: str = ""
    seed: int = 0
    size: int = 0
    parts: tuple[Tree, ...] = ()

    @property
    def own(self) -> Values:
        random = np.random.default_rng(self.seed)
        kinds = {
            "few": lambda: random.integers(0, 9, self.size).astype(float),
            "lognormal": lambda: random.lognormal(0, 3, self.size),
            "ascending": lambda: np.arange(self.size) + float(self.seed),
            "descending": lambda: -np.arange(self.size) / 3,
            "runs": lambda: np.repeat(random.normal(0, 100, self.size), random.integers(1, 9, self.size))[: self.size],
            "one far": lambda: np.append(np.zeros(self.size), 10.0**self.seed),
        }
        return kinds[self.kind]()

    def values(self) -> Values:
        return np.concatenate([part.values() for part in self.parts]) if self.parts else self.own

    def image(self, connection: duckdb.DuckDBPyConnection) -> bytes:
        if not self.parts:
            return agg(connection, self.own, self.bins)
        return union(connection, [part.image(connection) for part in self.parts], self.bins)


BINS = st.sampled_from([2, 3, 5, 8, 20, 60])
LEAVES = st.builds(
    Tree,
    bins=BINS,
    kind=st.sampled_from(["few", "lognormal", "ascending", "descending", "runs", "one far"]),
    seed=st.integers(0, 99),
    size=st.sampled_from([0, 1, 7, 40, 200, 3000]),
)
TREES = st.recursive(
    LEAVES, lambda parts: st.builds(Tree, bins=BINS, parts=st.lists(parts, min_size=1, max_size=12).map(tuple))
)


@laws
@given(tree=TREES)
def test_bounds_hold_of_every_tree_of_merges(connection: duckdb.DuckDBPyConnection, tree: Tree) -> None:
    values = tree.values()
    if len(values):
        assert_bounds_hold(connection, tree.image(connection), values)
