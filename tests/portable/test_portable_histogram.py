"""The histogram: its rule of merging, its answers, its bytes."""

from __future__ import annotations

import math
import random
import struct
from itertools import pairwise

import numpy as np
import pytest

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable import answers, bounds
from duckdb_sketch.portable.bins import Bins, bins_of_unknown, bins_of_values, exact_bins, pool, united
from duckdb_sketch.portable.histogram import Histogram, histogram_of_values, union
from duckdb_sketch.portable.reduce import merged_by_gap, reduce_bins
from duckdb_sketch.portable.varint import decode_varint, encode_varint

pytestmark = pytest.mark.newest_duckdb

RANDOM = np.random.default_rng(9001)


def histogram(values: object, bins: int = 50) -> Histogram:
    """Through the bytes and back."""
    return Histogram.parse(histogram_of_values(np.asarray(values, np.float64), bins).to_bytes())


def quantile(histogram: Histogram, q: float) -> float | None:
    (x,) = answers.quantiles(histogram, [q])
    return x


def count_below(histogram: Histogram, x: float) -> float:
    (count,) = answers.counts_below(histogram, [x])
    assert count is not None
    return count


def pairs(bins: Bins) -> list[tuple[float, int]]:
    return list(zip(np.round(bins.centers, 3).tolist(), bins.counts.tolist(), strict=True))


def test_the_worked_example_of_the_paper() -> None:
    first = histogram([23, 19, 10, 16, 36, 2, 9], 5)
    assert pairs(first.bins) == [(2, 1), (9.5, 2), (17.5, 2), (23, 1), (36, 1)]
    both = union([first, histogram([32, 30, 45], 5)], None)
    assert pairs(both.bins) == [(2, 1), (9.5, 2), (19.333, 3), (32.667, 3), (45, 1)]
    assert count_below(both, 15) == pytest.approx(3.275065, abs=1e-6)
    edges = [bucket["upper"] for bucket in answers.equi_depth(both, 3)]
    assert edges == pytest.approx([15.222891, 28.962963, 45], abs=1e-6)


def one_by_one(bins: Bins, target: int) -> list[int]:
    """The counts that are left when the cheapest pair is merged, again and again."""
    centers, counts, cap = bins.centers.tolist(), bins.counts.tolist(), 2 * bins.total / target
    while len(centers) > target:
        allowed = [i for i in range(len(centers) - 1) if counts[i] + counts[i + 1] <= cap]
        best = min(allowed, key=lambda i: (centers[i + 1] - centers[i]) * (counts[i] + counts[i + 1]))
        share = counts[best + 1] / (counts[best] + counts[best + 1])
        centers[best] += (centers.pop(best + 1) - centers[best]) * share
        counts[best] += counts.pop(best + 1)
    return counts


@pytest.mark.parametrize("kind", ["uniform", "lognormal", "evenly spaced", "geometric", "cents"])
def test_rounds_find_what_one_by_one_finds(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (3, 10, 200, 600):
        values = {
            "uniform": RANDOM.random(size),
            "lognormal": RANDOM.lognormal(0, 2, size),
            "evenly spaced": np.arange(size),
            "geometric": 1.02 ** np.arange(size),
            "cents": RANDOM.integers(0, 500, size) / 100,
        }[kind]
        bins = bins_of_values(np.repeat(values, RANDOM.integers(1, 5, size)))
        for target in (2, 7, 50):
            for worth in (1, 256):
                monkeypatch.setattr("duckdb_sketch.portable.reduce._WORTH_A_ROUND", worth)
                assert merged_by_gap(bins, target).tolist() == one_by_one(bins, target)


@pytest.mark.parametrize("target", [2, 7, 50])
def test_a_reduction_moves_no_more_values_than_it_says(target: int) -> None:
    for size in (3, 60, 600):
        bins = bins_of_values(np.repeat(RANDOM.lognormal(0, 2, size), RANDOM.integers(1, 9, size)))
        reduced, moved = reduce_bins(bins, target)
        up_to = bins.before[np.searchsorted(bins.centers, bins.centers, "right")]
        differences = np.abs(reduced.before[np.searchsorted(reduced.centers, bins.centers, "right")] - up_to)
        assert differences.max() <= moved < max(2 * bins.total / target, 1)
        assert (moved == 0) == (size <= target)


def test_slacks_add_up() -> None:
    cut = histogram([0] * 4 + [1] * 3 + [100] * 2, 2)
    assert (pairs(cut.bins), cut.slack) == ([(0.429, 7), (100, 2)], 4)
    both = union([cut, histogram([2] * 5), cut], 50)
    assert (pairs(both.bins), both.slack) == ([(0.429, 14), (2, 5), (100, 4)], 8)
    again = union([both], 2)
    assert (pairs(again.bins), again.slack) == ([(0.842, 19), (100, 4)], 8 + 14)
    assert union([again, again], None).slack == 44
    assert union([again, again, histogram([3], 2)], None).slack == 47, "no more than there are values"


def test_no_bin_of_different_values_is_above_the_cap() -> None:
    values = np.concatenate([RANDOM.lognormal(0, 3, 5000), np.full(3000, 7.0)])
    bins = histogram(values).bins
    assert (bins.exact | (bins.counts <= 2 * len(values) / 50)).all()
    assert bins.counts[bins.exact].max() == 3000


def test_values_at_the_ends_of_the_range_stay_finite() -> None:
    ends = histogram(np.arange(-10, 10) * 1.7e307, 3)
    assert np.isfinite(ends.bins.centers).all()
    for q in np.linspace(0, 1, 50):
        value = quantile(ends, q)
        assert value is not None
        assert math.isfinite(value)
        assert math.isfinite(count_below(ends, value))
    assert sum(bucket["count"] for bucket in answers.equi_width(ends, 7)) == pytest.approx(20)


def test_equal_centers_are_one_bin() -> None:
    exact = histogram([1, 2, 2, 3])
    both = united([exact.bins, histogram([2, 3, 4]).bins, histogram([2.5, 3.5] * 3 + [9, 9], 2).bins])
    assert pairs(both) == [(1, 1), (2, 3), (3, 8), (4, 1), (9, 2)]
    assert both.exact.tolist() == [True, True, False, True, True]


def test_a_heavy_value_stays_exact_beside_others_that_have_it_as_their_mean() -> None:
    heavy, others = (
        histogram([0, 2, *[5] * 40, 8]).bins,
        bins_of_unknown(np.array([5.0]), np.array([2]), np.array([False])),
    )
    both, moved = pool([heavy, others])
    assert (pairs(both), moved) == ([(0, 1), (4, 3), (5, 40), (8, 1)], 2)
    assert both.exact.tolist() == [True, False, True, True]
    lonely, moved = pool([histogram([5] * 3).bins, others])
    assert (pairs(lonely), lonely.exact.tolist(), moved) == ([(5, 5)], [False], 0)
    beside_heavy, moved = pool([histogram([4] * 9 + [5] * 9 + [6] * 9).bins, others])
    assert (pairs(beside_heavy), moved) == ([(4, 9), (5, 11), (6, 9)], 0)


def test_exact_histograms_answer_exactly() -> None:
    values = np.sort(RANDOM.integers(0, 50, 997)) / 7
    exact = histogram(values)
    assert exact.bins.exact.all()
    assert bounds.rank_error(exact) == 0
    for rank in range(1, 998):
        true = float(values[rank - 1])
        assert quantile(exact, rank / 997) == true
        assert bounds.quantile_bounds(exact, rank / 997) == {"lower": true, "estimate": true, "upper": true}
    for x in [*np.unique(values), -1, 3.3, 100]:
        assert count_below(exact, x) == np.searchsorted(values, x, "right")


@pytest.mark.parametrize("bins", [2, 5, 50])
def test_quantile_and_count_below_are_inverse(bins: int) -> None:
    values = np.concatenate([RANDOM.lognormal(0, 1, 500), np.full(200, 2.0)])
    parts = union([histogram(values, bins), histogram(values * 3, bins), histogram([2, 8, 1.25], bins)], None)
    total = parts.count
    for q in np.linspace(0, 1, 301):
        x = quantile(parts, q)
        assert x is not None
        assert parts.min <= x <= parts.max
        assert count_below(parts, x) >= q * total * (1 - 1e-9)
        if x > parts.min:
            assert count_below(parts, np.nextafter(x, -math.inf)) <= q * total * (1 + 1e-9)
    reached = [count_below(parts, x) for x in np.linspace(parts.min - 1, parts.max + 1, 2000)]
    assert reached == sorted(reached)
    assert (reached[0], reached[-1]) == (0, total)


def test_the_maximum_is_the_quantile_of_1_behind_an_exact_bin() -> None:
    """An inexact bin below an exact last one may hold the maximum."""
    both = union([histogram([4, 6, 4, 6, -50, -50], 2), histogram([5.5])], 50)
    assert (both.bins.centers[-1], bool(both.bins.exact[-1]), both.max) == (5.5, True, 6.0)
    assert quantile(both, 1) == 6
    assert quantile(both, 0) == -50


@pytest.mark.parametrize(
    "values",
    [RANDOM.random(20_000), RANDOM.lognormal(0, 2, 20_000), RANDOM.pareto(1.1, 20_000), np.arange(20_000)],
)
def test_ranks_are_close_after_many_merges(values: np.ndarray) -> None:
    merged = union([histogram(part) for part in np.array_split(values, 100)], None)
    assert len(merged.bins) <= 50
    assert len(merged.to_bytes()) <= 700
    ordered = np.sort(values)
    for q in np.linspace(0.01, 0.99, 99):
        x = quantile(merged, q)
        assert abs(np.searchsorted(ordered, x, "right") / len(values) - q) < 0.01


def test_buckets_share_out_every_value() -> None:
    values = RANDOM.integers(0, 137, 1000)
    cut = histogram(values, 10)
    for buckets in (answers.equi_width(cut, 7), answers.equi_depth(cut, 7), answers.buckets(cut, [-1, 3, 50, 1e9])):
        assert sum(bucket["count"] for bucket in buckets) == pytest.approx(1000)
        assert all(a["upper"] == b["lower"] for a, b in pairwise(buckets))
    exact = histogram([1, 1, 2, 3, 3, 3])
    counts = [bucket["count"] for bucket in answers.buckets(exact, [1, 2, 3])]
    assert counts == [3, 3], "the first bucket includes its lower edge"
    assert [bucket["count"] for bucket in answers.buckets(exact, [2, 3, math.inf])] == [4, 0]
    assert answers.equi_width(histogram([4, 4]), 3) == [{"lower": 4, "upper": 4, "count": 2}]


def test_non_finite_values_are_only_counted() -> None:
    some = histogram([math.nan, 1, math.inf, -math.inf, -0.0])
    assert (some.count, some.non_finite, some.min, some.max) == (2, 3, 0, 1)
    assert math.copysign(1, some.bins.centers[0]) == 1
    none = histogram([math.nan] * 3)
    assert (none.is_empty, none.non_finite) == (True, 3)
    assert union([some, none], None).non_finite == 6


def test_bytes() -> None:
    assert histogram_of_values(np.empty(0), 50).to_bytes().hex() == "4148010032000000" + "000000"
    three = histogram_of_values(np.array([1.0, 2.0, 2.0]), 50).to_bytes()
    assert three.hex() == "4148010032000200" + "030000" + struct.pack("<2d", 1, 2).hex() + "0204"
    merged = histogram_of_values(np.array([1.0, 3.0, 1.0, 3.0, 9.0, 9.0]), 2).to_bytes()
    # From the minimum to 8 steps of 1/8 above the center: the gap of 7 has steps of 2^(2 - 5).
    assert merged.hex() == "4148020102000200" + "060002" + struct.pack("<3d", 1, 2, 9).hex() + "0904" + "fe08"


def test_the_greatest_bins_win_and_counts_may_not_overflow() -> None:
    assert union([histogram([1], 5), histogram([2], 70)], None).max_bins == 70
    assert union([histogram([1], 5), histogram([], 70)], None).max_bins == 5, "an empty one says nothing"
    assert union([histogram([], 5), histogram([], 70)], None).max_bins == 70
    assert union([histogram([1], 5), histogram([], 70)], 6).max_bins == 6
    assert union([], None).max_bins == 50
    half = Histogram(50, 0, 0, 1.0, 1.0, exact_bins(np.array([1.0]), np.array([1 << 61])))
    assert union([half], None).count == 1 << 61
    with pytest.raises(InvalidInputError, match="overflows"):
        union([half, half], None)
    many = Histogram(50, (1 << 64) - 1, 0, 0.0, 0.0, histogram([]).bins)
    with pytest.raises(InvalidInputError, match="overflows"):
        union([many, histogram([math.nan])], None)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, (1 << 62) - 1, (1 << 64) - 1])
def test_varints_come_back(value: int) -> None:
    assert decode_varint(encode_varint(value), 0) == (value, len(encode_varint(value)))


@pytest.mark.parametrize("blob", [b"\xff" * 10, b"\x80\x00", b"\xff" * 9 + b"\x02", b"\x80", b""])
def test_varints_that_overflow_or_pad_are_refused(blob: bytes) -> None:
    assert decode_varint(blob, 0) is None


IMAGE = histogram_of_values(RANDOM.random(500), 7).to_bytes()


def with_centers(*centers: float) -> bytes:
    n = len(centers)
    return struct.pack(f"<2s2B2H3B{n}d", b"AH", 1, 0, 50, n, n, 0, 0, *centers) + b"\x02" * n


def with_slack(slack: int, mass: int = 5) -> bytes:
    return struct.pack("<2s2B2H3BdB", b"AH", 1, 0, 50, 1, mass >> 1, 0, slack, 1.0, mass)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "it starts with nothing"),
        (b"\x02\x01\x07\x0c\x03\x0c\x00\x00", "this is an HLL sketch"),
        (b"AH", "truncated"),
        (b"AH\x03" + IMAGE[3:], "format version 3; versions 1 and 2"),
        (b"AH\x01\x04" + IMAGE[4:], "unknown flags"),
        (IMAGE[:4] + b"\x01\x00" + IMAGE[6:], "more bins than it allows"),
        (IMAGE[:6] + b"\xff\x00" + IMAGE[8:], "more bins than it allows"),
        (b"AH\x01\x01\x05\x00\x00\x00\x00\x00\x00" + bytes(8), "a minimum or a maximum"),
        (b"AH\x01\x00\xff\xff\xff\xff\x01\x00\x00", "truncated"),
        (IMAGE[:8] + b"\x80\x00" + IMAGE[10:], "varint"),
        (with_centers(1, 1), "ascending"),
        (with_centers(2, 1), "ascending"),
        (with_centers(1, math.inf), "ascending"),
        (with_centers(math.nan), "ascending"),
        (with_centers(-0.0), "ascending"),
        (with_centers(1)[:-1] + b"\x00", "its count is not the sum"),
        (with_centers(1)[:-1] + b"\x03", "a single value that is not exact"),
        (with_slack(3), "its slack is 3, of 2 values"),
        (with_slack(1, mass=4), "none is inexact"),
        (with_centers(1)[:8] + b"\x00" + with_centers(1)[9:-1] + b"\x00", "a bin of no value"),
    ],
)
def test_damage_is_named(blob: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Histogram.parse(blob)


@pytest.mark.parametrize("slack", [0, 1, 2])
def test_slack_comes_back(slack: int) -> None:
    read = Histogram.parse(with_slack(slack))
    assert (read.slack, read.to_bytes()) == (slack, with_slack(slack))


def test_every_truncation_and_trailing_byte_is_refused() -> None:
    for length in range(len(IMAGE)):
        with pytest.raises(InvalidInputError):
            Histogram.parse(IMAGE[:length])
    with pytest.raises(InvalidInputError, match="1 bytes follow"):
        Histogram.parse(IMAGE + b"\0")


def test_random_bytes_never_crash() -> None:
    generator = random.Random(9001)
    for _ in range(5000):
        blob = bytearray(IMAGE)
        for _ in range(generator.randint(1, 3)):
            blob[generator.randrange(len(blob))] = generator.randrange(256)
        try:
            read = Histogram.parse(bytes(blob))
        except InvalidInputError:
            continue
        assert Histogram.parse(union([read, read], None).to_bytes()).count == 2 * read.count
        x = quantile(read, 0.3)
        assert x is None or read.min <= x <= read.max


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan, math.inf])
def test_quantiles_outside_0_and_1_are_refused(q: float) -> None:
    for question in (quantile, bounds.quantile_bounds):
        with pytest.raises(InvalidInputError, match="from 0 to 1"):
            question(histogram([1]), q)
