"""The laws of merging and asking, on random data, through SQL.

HLL: the bytes of a merge are those of the whole, so that merging is commutative, associative and idempotent, and
neither order nor threads matter; an empty sketch is neutral, whatever its lg_k.

Histograms: the same as long as there are no more distinct values than bins. Beyond, count, extremes and mean stay, and
ranks are within the guarantee. Quantiles ascend, and are the inverse of `count_below`; buckets share out every value.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from queries import column, rows, value

pytestmark = pytest.mark.thorough

# The connection holds no state that one example could leave to the next.
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

lg_ks = st.integers(4, 14)
bigints = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
doubles = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e9, 1e9, allow_subnormal=False)
few_values = st.lists(st.sampled_from([-3.0, -0.5, 0.0, 0.25, 1.0, 7.5, 1e6, -1e300]), max_size=200)


@st.composite
def many_integers(draw: st.DrawFn) -> list[int]:
    """A range of integers, so that SET and HLL are reached as well, and some of their own."""
    size = draw(st.sampled_from([0, 1, 6, 7, 8, 30, 400, 3000]))
    start = draw(st.integers(-(10**6), 10**6))
    step = draw(st.sampled_from([1, 3, 10_007]))
    return [*range(start, start + size * step, step), *draw(st.lists(bigints, max_size=10))]


@st.composite
def splits(draw: st.DrawFn, values: Sequence[object] | int) -> list[int]:
    """For each value the part that it goes to."""
    size = values if isinstance(values, int) else len(values)
    parts = draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**32))
    return [(seed ^ (i * 2_654_435_761)) % (2**31) % parts for i in range(size)]


def hll(con: duckdb.DuckDBPyConnection, values: Sequence[int], lg_k: int = 12) -> bytes:
    sql = f"SELECT hll_sketch_agg(x, {lg_k}) FROM (SELECT unnest(list_prepend(NULL, $1::BIGINT[])) x)"
    return bytes(value(con, sql, list(values)))


def histogram(con: duckdb.DuckDBPyConnection, values: Sequence[float], bins: int = 50) -> bytes:
    sql = f"SELECT approx_histogram_agg(x, {bins}) FROM (SELECT unnest(list_prepend(NULL, $1::DOUBLE[])) x)"
    return bytes(value(con, sql, list(values)))


def hll_union(con: duckdb.DuckDBPyConnection, a: bytes, b: bytes) -> bytes:
    return bytes(value(con, "SELECT hll_union($1, $2)", a, b))


def histogram_union(con: duckdb.DuckDBPyConnection, a: bytes, b: bytes) -> bytes:
    return bytes(value(con, "SELECT approx_histogram_union($1, $2)", a, b))


@law
@given(values=many_integers(), lg_k=lg_ks, data=st.data())
def test_hll_merge_of_any_split_is_the_whole(
    con: duckdb.DuckDBPyConnection, values: list[int], lg_k: int, data: st.DataObject
) -> None:
    parts = data.draw(splits(values))
    merged = value(
        con,
        f"""
        WITH parts AS (
            SELECT hll_sketch_agg(x, {lg_k}) AS s
            FROM (SELECT unnest($1::BIGINT[]) x, unnest($2::INTEGER[]) part) GROUP BY part
        ) SELECT hll_union_agg(s) FROM (FROM parts UNION ALL SELECT hll_sketch_agg(NULL::BIGINT, {lg_k}))
        """,
        values,
        parts,
    )
    assert merged == hll(con, values, lg_k)


@law
@given(values=st.lists(texts, max_size=60), data=st.data())
def test_hll_order_and_repetition_do_not_matter(
    con: duckdb.DuckDBPyConnection, values: list[str], data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*values, *values]))
    one, other = (
        value(con, "SELECT hll_sketch_agg(x) FROM (SELECT unnest($1::VARCHAR[]) x)", v) for v in (values, again)
    )
    assert one == other


@law
@given(a=many_integers(), b=many_integers(), c=many_integers(), lg_k=lg_ks)
def test_hll_union_is_commutative_associative_and_idempotent(
    con: duckdb.DuckDBPyConnection, a: list[int], b: list[int], c: list[int], lg_k: int
) -> None:
    x, y, z = (hll(con, values, lg_k) for values in (a, b, c))
    assert hll_union(con, x, y) == hll_union(con, y, x)
    assert hll_union(con, hll_union(con, x, y), z) == hll_union(con, x, hll_union(con, y, z))
    assert hll_union(con, x, x) == x
    assert hll_union(con, hll_union(con, x, y), y) == hll_union(con, x, y)


@law
@given(values=many_integers(), lg_k=lg_ks, other_lg_k=st.integers(4, 21))
def test_hll_empty_is_neutral_whatever_its_lg_k(
    con: duckdb.DuckDBPyConnection, values: list[int], lg_k: int, other_lg_k: int
) -> None:
    """spark#57958: an empty sketch of another lg_k must neither block a merge nor lower it."""
    assume(values)
    sketch, empty = hll(con, values, lg_k), hll(con, [], other_lg_k)
    assert hll_union(con, sketch, empty) == hll_union(con, empty, sketch) == sketch
    for order in ([sketch, empty], [empty, sketch], [empty, sketch, empty, sketch]):
        assert value(con, "SELECT hll_union_agg(s) FROM (SELECT unnest($1::BLOB[]) s)", order) == sketch


@law
@given(values=many_integers(), coarse=st.integers(4, 9), fine=st.integers(10, 14), data=st.data())
def test_hll_lowered_is_as_if_built_low(
    con: duckdb.DuckDBPyConnection, values: list[int], coarse: int, fine: int, data: st.DataObject
) -> None:
    assume(len(values) > 1)
    cut = data.draw(st.integers(1, len(values) - 1))
    parts = [hll(con, values[:cut], coarse), hll(con, values[cut:], fine)]
    for order in (parts, parts[::-1]):
        assert value(con, "SELECT hll_union($1, $2, true)", *order) == hll(con, values, coarse)


@law
@given(n=st.integers(0, 7), lg_k=lg_ks)
def test_hll_estimate_of_few_values_is_their_number(con: duckdb.DuckDBPyConnection, n: int, lg_k: int) -> None:
    assert value(con, "SELECT hll_sketch_estimate($1)", hll(con, range(n), lg_k)) == n


@law
@given(values=many_integers(), lg_k=st.integers(8, 14))
def test_hll_bounds_widen_with_the_deviations(con: duckdb.DuckDBPyConnection, values: list[int], lg_k: int) -> None:
    bounds = rows(
        con,
        "SELECT unnest(b) FROM (SELECT n, hll_sketch_bounds($1, n) b FROM range(1, 4) t(n)) ORDER BY n",
        hll(con, values, lg_k),
    )
    (lower1, estimate, upper1), (lower2, _, upper2), (lower3, _, upper3) = bounds
    assert lower3 <= lower2 <= lower1 <= estimate <= upper1 <= upper2 <= upper3


@pytest.mark.parametrize(
    "expression", ["i % 200_000", "'user ' || (i % 50_000)", "(i % 300)::DOUBLE", "(i * i)::HUGEINT"]
)
def test_hll_bytes_do_not_depend_on_threads(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    """Eight row groups: enough for several threads to hold a part each."""
    con.execute(f"CREATE TABLE t AS SELECT {expression} AS x, i % 7 AS g FROM range(1_000_000) r(i)")
    seen = set()
    for threads in (1, 2, 8):
        con.execute(f"SET threads = {threads}")
        groups = rows(con, "SELECT g, hll_sketch_agg(x) s FROM t GROUP BY g ORDER BY g")
        whole = value(con, "SELECT hll_sketch_agg(x) FROM t")
        shuffled = value(con, "SELECT hll_sketch_agg(x) FROM (FROM t ORDER BY hash(x, g))")
        union = value(con, "SELECT hll_union_agg(s) FROM (SELECT hll_sketch_agg(x) s FROM t GROUP BY hash(x) % 100)")
        assert whole == shuffled == union
        seen.add((whole, tuple(groups)))
    assert len(seen) == 1


@law
@given(values=few_values, bins=st.integers(8, 60), data=st.data())
def test_histogram_merge_of_any_split_is_the_whole_while_it_is_exact(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, data: st.DataObject
) -> None:
    parts = data.draw(splits(values))
    merged = value(
        con,
        f"""
        WITH parts AS (
            SELECT approx_histogram_agg(x, {bins}) AS h
            FROM (SELECT unnest($1::DOUBLE[]) x, unnest($2::INTEGER[]) part) GROUP BY part
        ) SELECT approx_histogram_union_agg(h)
        FROM (FROM parts UNION ALL SELECT approx_histogram_agg(NULL::DOUBLE, {bins}))
        """,
        values,
        parts,
    )
    assert merged == histogram(con, values, bins)


@law
@given(a=few_values, b=few_values, c=few_values)
def test_histogram_union_is_commutative_and_associative_while_it_is_exact(
    con: duckdb.DuckDBPyConnection, a: list[float], b: list[float], c: list[float]
) -> None:
    x, y, z = (histogram(con, values, 8) for values in (a, b, c))
    assert histogram_union(con, x, y) == histogram_union(con, y, x)
    left, right = (
        histogram_union(con, histogram_union(con, x, y), z),
        histogram_union(con, x, histogram_union(con, y, z)),
    )
    assert left == right


@law
@given(a=st.lists(doubles, max_size=100), b=st.lists(doubles, max_size=100), bins=st.integers(2, 20))
def test_histogram_union_is_commutative(
    con: duckdb.DuckDBPyConnection, a: list[float], b: list[float], bins: int
) -> None:
    x, y = histogram(con, a, bins), histogram(con, b, bins)
    assert histogram_union(con, x, y) == histogram_union(con, y, x)


@law
@given(values=st.lists(doubles, max_size=200), bins=st.integers(2, 60))
def test_histogram_empty_is_neutral(con: duckdb.DuckDBPyConnection, values: list[float], bins: int) -> None:
    whole, empty = histogram(con, values, bins), histogram(con, [], bins)
    assert histogram_union(con, whole, empty) == histogram_union(con, empty, whole) == whole


def assert_same_totals(con: duckdb.DuckDBPyConnection, image: bytes, values: Sequence[float]) -> None:
    stats = value(con, "SELECT approx_histogram_stats($1)", image)
    assert (stats["count"], stats["min"], stats["max"]) == (len(values), min(values), max(values))
    mean = float(sum(map(Fraction, values)) / len(values))
    assert stats["mean"] == pytest.approx(mean, rel=1e-9, abs=1e-12 * max(abs(min(values)), abs(max(values))) + 5e-324)


def rank_errors(con: duckdb.DuckDBPyConnection, image: bytes, values: Sequence[float]) -> list[float]:
    """For each value how far its rank is off, as a fraction of the count."""
    ordered = sorted(values)
    below = value(con, "SELECT approx_histogram_count_below($1, $2::DOUBLE[])", image, ordered)
    return [abs(got - bisect_right(ordered, x)) / len(ordered) for got, x in zip(below, ordered, strict=True)]


def assert_proven(con: duckdb.DuckDBPyConnection, image: bytes, values: Sequence[float]) -> None:
    """Ranks are within `rank_error`; brackets hold the true quantiles."""
    assert_same_totals(con, image, values)
    n, ordered = len(values), sorted(values)
    rank_error = value(con, "SELECT approx_histogram_stats($1).rank_error", image)
    assert max(rank_errors(con, image, values)) <= rank_error + 1e-9
    qs = [rank / n for rank in range(1, n + 1)]
    query = (
        "SELECT unnest(b) FROM (SELECT approx_histogram_quantile_bounds($1, q) b FROM (SELECT unnest($2::DOUBLE[]) q))"
    )
    for exact, (lower, estimate, upper) in zip(ordered, rows(con, query, image, qs), strict=True):
        assert lower <= exact <= upper
        assert lower <= estimate <= upper


@law
@given(values=st.lists(doubles, min_size=1, max_size=300), bins=st.integers(2, 60))
def test_histogram_ranks_are_within_what_is_proven(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int
) -> None:
    image = histogram(con, values, bins)
    assert_proven(con, image, values)
    # Cut once, no group of values is larger than twice the mean; rounded outwards, two of them may overlap.
    assert value(con, "SELECT approx_histogram_stats($1).rank_error", image) <= 4 / bins


@law
@given(values=st.lists(moderate, min_size=1, max_size=300), bins=st.integers(2, 60), data=st.data())
def test_histogram_ranks_of_a_merge_are_within_what_is_proven(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, data: st.DataObject
) -> None:
    parts = data.draw(splits(values))
    merged = value(
        con,
        f"""
        SELECT approx_histogram_union_agg(h) FROM (
            SELECT approx_histogram_agg(x, {bins}) AS h
            FROM (SELECT unnest($1::DOUBLE[]) x, unnest($2::INTEGER[]) part) GROUP BY part)
        """,
        values,
        parts,
    )
    assert_proven(con, merged, values)


@law
@given(values=st.lists(doubles, min_size=1, max_size=100), bins=st.integers(2, 60), q=st.floats(0, 1))
def test_quantile_and_count_below_are_inverses(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, q: float
) -> None:
    """The quantile is the least number up to which there are at least q of all."""
    image = histogram(con, values, bins)
    n = len(values)
    x = value(con, "SELECT approx_histogram_quantile($1, $2)", image, q)
    assert min(values) <= x <= max(values)
    assert value(con, "SELECT approx_histogram_count_below($1, $2)", image, x) >= q * n - 1e-6
    if x > min(values):
        # Of a bin as narrow as rounding, the number before may already be in the next.
        exact = value(con, "SELECT approx_histogram_stats($1).exact", image)
        before = value(con, "SELECT approx_histogram_count_below($1, $2)", image, math.nextafter(x, -math.inf))
        assert before <= q * n + (1e-6 if exact else n * 2 / bins)


@law
@given(values=st.lists(st.floats(0, 1000), min_size=3, max_size=100), bins=st.integers(2, 30), share=st.floats(0, 1))
def test_count_below_of_a_quantile_is_its_rank_inside_a_spread_bin(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, share: float
) -> None:
    image = histogram(con, values, bins)
    least, greatest = min(values), max(values)
    x = least + share * (greatest - least)
    rank = value(con, "SELECT approx_histogram_cdf($1, $2)", image, x)
    again = value(con, "SELECT approx_histogram_quantile($1, $2)", image, rank)
    # `again` is the least number of that rank.
    assert again <= x + 1e-6 * (1 + greatest)
    assert value(con, "SELECT approx_histogram_cdf($1, $2)", image, again) == pytest.approx(rank, abs=1e-6)


@law
@given(values=st.lists(doubles, min_size=1, max_size=200), bins=st.integers(2, 60), qs=st.lists(st.floats(0, 1)))
def test_quantiles_ascend(con: duckdb.DuckDBPyConnection, values: list[float], bins: int, qs: list[float]) -> None:
    qs = sorted([0.0, 1.0, *qs])
    quantiles = value(con, "SELECT approx_histogram_quantile($1, $2::DOUBLE[])", histogram(con, values, bins), qs)
    assert quantiles == sorted(quantiles)
    assert (quantiles[0], quantiles[-1]) == (min(values), max(values))


@law
@given(values=st.lists(doubles, min_size=1, max_size=200), bins=st.integers(2, 60), xs=st.lists(doubles, min_size=1))
def test_cdf_ascends_from_0_to_1(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, xs: list[float]
) -> None:
    image = histogram(con, values, bins)
    cdf = value(con, "SELECT approx_histogram_cdf($1, $2::DOUBLE[])", image, sorted(xs))
    assert all(a <= b + 1e-12 for a, b in pairwise(cdf))
    assert all(0 <= share <= 1 for share in cdf)
    assert value(con, "SELECT approx_histogram_cdf($1, $2)", image, max(values)) == 1
    if min(values) > -1.7e308:
        below = math.nextafter(min(values), -math.inf)
        assert value(con, "SELECT approx_histogram_cdf($1, $2)", image, below) == 0


@law
@given(
    values=st.lists(doubles, min_size=1, max_size=200),
    bins=st.integers(2, 60),
    n=st.integers(1, 40),
    inner=st.lists(doubles, unique=True, max_size=10),
)
def test_buckets_share_out_every_value(
    con: duckdb.DuckDBPyConnection, values: list[float], bins: int, n: int, inner: list[float]
) -> None:
    image = histogram(con, values, bins)
    edges = sorted({-math.inf, math.inf, *inner})
    calls = {
        "equi_width": (f"approx_histogram_equi_width($1, {n})", ()),
        "equi_depth": (f"approx_histogram_equi_depth($1, {n})", ()),
        "buckets": ("approx_histogram_buckets($1, $2::DOUBLE[])", (edges,)),
    }
    for name, (call, extra) in calls.items():
        buckets = value(con, f"SELECT {call}", image, *extra)
        assert sum(bucket["count"] for bucket in buckets) == pytest.approx(len(values), rel=1e-9), name
        assert all(bucket["count"] >= 0 for bucket in buckets), name
        assert all(a["upper"] == b["lower"] for a, b in pairwise(buckets)), name
        if name != "buckets":
            assert (buckets[0]["lower"], buckets[-1]["upper"]) == (min(values), max(values)), name


@law
@given(values=st.lists(doubles, min_size=1, max_size=200), bins=st.integers(2, 60))
def test_bins_hold_every_value_and_their_mean(con: duckdb.DuckDBPyConnection, values: list[float], bins: int) -> None:
    found = value(con, "SELECT approx_histogram_bins($1)", histogram(con, values, bins))
    centers = [bin_["center"] for bin_ in found]
    assert centers == sorted(set(centers))
    assert len(centers) <= bins
    assert sum(bin_["count"] for bin_ in found) == len(values)
    assert min(values) <= centers[0]
    assert centers[-1] <= max(values)


def test_histogram_totals_do_not_depend_on_threads(con: duckdb.DuckDBPyConnection) -> None:
    """Beyond exactness the bins may differ with the order of merges; what must not, does not."""
    con.execute(
        "CREATE TABLE t AS SELECT exp(6 * ((i * 7919) % 1_000_003) / 1e6) AS x, i % 7 AS g FROM range(1_000_000) r(i)"
    )
    truth = column(con, "SELECT unnest(quantile_disc(x, [0.01, 0.25, 0.5, 0.75, 0.99])) FROM t")
    for threads in (1, 2, 8):
        con.execute(f"SET threads = {threads}")
        stats, cdf = rows(
            con,
            """
            SELECT approx_histogram_stats(h), approx_histogram_cdf(h, $1::DOUBLE[])
            FROM (SELECT approx_histogram_agg(x) h FROM t)
            """,
            truth,
        )[0]
        count, least, greatest, mean = rows(con, "SELECT count(*), min(x), max(x), avg(x) FROM t")[0]
        assert (stats["count"], stats["min"], stats["max"]) == (count, least, greatest)
        assert stats["mean"] == pytest.approx(mean, rel=1e-9)
        assert cdf == pytest.approx([0.01, 0.25, 0.5, 0.75, 0.99], abs=2 / 50)
