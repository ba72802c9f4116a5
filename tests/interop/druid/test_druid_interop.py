"""Druid's own classes read what is written here, and what they write is read here: `make test-druid`.

They come from Maven Central, and answer in one Java process, `Druid.java`. Where there is no Java or no Maven, or Maven
Central cannot be reached, nothing runs, and the reason is printed.
"""

from __future__ import annotations

import itertools
import math
import random
import struct
from collections.abc import Iterator

import duckdb
import pytest
from druid_process import DruidProcess
from queries import column, value

from benchmarks.druid.classes import Unavailable

pytestmark = pytest.mark.druid


@pytest.fixture(scope="module")
def druid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DruidProcess]:
    try:
        process = DruidProcess(tmp_path_factory.mktemp("druid"))
    except Unavailable as reason:
        pytest.skip(f"the tests against Druid's own classes did not run: {reason}")
    with process:
        yield process


def agg(con: duckdb.DuckDBPyConnection, texts: list[str]) -> bytes:
    image: bytes = value(con, "SELECT hyper_unique_agg(x) FROM (SELECT unnest($1::VARCHAR[]) AS x)", texts)
    return image


def union(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> bytes:
    image: bytes = value(con, "SELECT hyper_unique_union_agg(h) FROM (SELECT unnest($1::BLOB[]) AS h)", images)
    return image


def estimate(con: duckdb.DuckDBPyConnection, image: bytes) -> float:
    number: float = value(con, "SELECT hyper_unique_estimate($1::BLOB)", image)
    return number


def overflows(image: bytes) -> bool:
    """Whether a rank stands beside the pairs: there Druid's bytes depend on the order of what it saw."""
    return len(image) > 4 and image[4] > 0


TEXTS = [
    "",
    "a",
    "1",
    "-0.5",
    "é",
    "日本語",
    "🦆",
    " ",
    "twelve bytes",
    "sixteen bytes ..",
    "seventeen bytes..",
    "long " * 100,
]


def test_every_text_hashes_alike(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    rng = random.Random(1)
    texts = TEXTS + ["".join(rng.choices("abcé日🦆", k=rng.randrange(60))) for _ in range(500)]
    different = [text for text in texts if agg(con, [text]) != druid.hll_of([text])]
    # A rank of more than 15 is an overflow alone to Druid, and 15 in its pair as well here.
    assert all(overflows(druid.hll_of([text])) for text in different)
    assert len(set(different)) < 5


def test_many_texts_have_the_same_bytes(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """And either estimates the other's alike; where Druid has had to drop a rank, they are near each other."""
    same = 0
    counts = [0, 1, 50, 126, 127, 128, 150, 1_000, 5_000, 16_000, 100_000, 1_000_000]
    for prefix, count in itertools.product(["x", "", "é-"], counts):
        theirs = druid.hll_of_range(prefix, count)
        ours = value(con, f"SELECT hyper_unique_agg('{prefix}' || i) FROM range({count}) t(i)")
        same += ours == theirs
        assert ours == theirs or overflows(theirs)
        for image in (ours, theirs):
            if len(image) == 1031 or not overflows(image):
                assert estimate(con, image) == pytest.approx(druid.hll_estimate(image), rel=1e-14)
        assert estimate(con, ours) == pytest.approx(druid.hll_estimate(theirs), rel=0.01, abs=2)
    assert same > 24


def random_ranks(rng: random.Random, count: int) -> list[tuple[int, int]]:
    """Registers and ranks as hashes give them, or with more that overflow."""
    steepness = rng.choice([math.log(2), 0.2])
    return [(rng.randrange(2048), min(1 + int(rng.expovariate(steepness)), 64)) for _ in range(count)]


def test_every_image_of_druid_is_estimated_alike(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """Sparse, dense, with offsets and overflows; of few values with an overflow Druid may miss one or two."""
    rng = random.Random(2)
    kinds = set()
    for count in [1, 5, 90, 127, 128, 300, 2_000, 8_000, 30_000] * 20:
        image = druid.hll_of_ranks(random_ranks(rng, count))
        kind = (len(image) == 1031, overflows(image), image[1] > 0)
        kinds.add(kind)
        loose = 2.5 if kind[:2] == (False, True) else 0
        assert estimate(con, image) == pytest.approx(druid.hll_estimate(image), rel=1e-14, abs=loose)
    assert len(kinds) >= 5


def test_unions_either_way(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """Druid folds what is written here to the same registers, and here its folds are merged, in any order."""
    for parts, count in [(2, 30), (5, 60), (3, 1_000), (20, 2_000), (4, 50_000)]:
        part = f"SELECT hyper_unique_agg('p' || i) FROM range($1 * {count}, ($1 + 2) * {count}) t(i)"
        ours = [value(con, part, i) for i in range(parts)]
        theirs = [druid.hll_fold([image]) for image in ours]
        assert [union(con, [image]) for image in theirs] == ours
        whole = value(con, f"SELECT hyper_unique_agg('p' || i) FROM range({(parts + 1) * count}) t(i)")
        assert union(con, ours) == union(con, theirs[::-1])
        if not any(map(overflows, [*ours, whole])):
            assert union(con, ours) == whole
        folded = druid.hll_fold(ours)
        # Once more, since Druid leaves an overflow beside its pairs though they have come to hold it.
        assert registers(union(con, [folded])) == registers(whole)


def registers(image: bytes) -> bytes:
    """What the image says but for its overflow."""
    return image[1:2] + image[7:]


def test_folds_of_images_that_overflow(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """What either has merged, the other reads; the greatest rank is never lost."""
    rng = random.Random(3)
    for _ in range(100):
        images = [druid.hll_of_ranks(random_ranks(rng, rng.choice([3, 100, 3_000]))) for _ in range(4)]
        ours = union(con, images)
        theirs = druid.hll_fold(images)
        greatest = max(image[4] for image in images)
        assert ours[4] in (greatest, 0)
        assert druid.hll_fold([ours])[4] == ours[4]
        assert estimate(con, ours) == pytest.approx(estimate(con, theirs), rel=0.02, abs=4)
        assert estimate(con, druid.hll_fold([ours])) == pytest.approx(estimate(con, ours), abs=0)


def from_druid(con: duckdb.DuckDBPyConnection, image: bytes) -> bytes:
    histogram: bytes = value(con, "SELECT approx_histogram_from_druid($1::BLOB)", image)
    return histogram


def to_druid(con: duckdb.DuckDBPyConnection, histogram: bytes, form: str | None = None) -> bytes:
    call = "approx_histogram_to_druid($1::BLOB)" if form is None else f"approx_histogram_to_druid($1::BLOB, '{form}')"
    image: bytes = value(con, f"SELECT {call}", histogram)
    return image


def as_float(number: float) -> float:
    (rounded,) = struct.unpack(">f", struct.pack(">f", number))
    return float(rounded)


def samples(rng: random.Random) -> Iterator[tuple[int, list[float]]]:
    """Numbers of bins, and values for them."""
    for count in [0, 1, 3, 20, 127, 128, 300, 2_000] * 5:
        draw = rng.choice(
            [rng.random, lambda: rng.gauss(0, 100), lambda: rng.lognormvariate(0, 3), lambda: rng.randrange(40)]
        )
        yield rng.choice([2, 3, 5, 50, 200]), [as_float(draw()) for _ in range(count)]


def test_every_form_of_a_histogram_of_druid_is_read(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """The same from each form, merged ones included, and Druid reads the same bins of what is written of them."""
    rng = random.Random(4)
    forms_seen = set()
    for size, values in samples(rng):
        parts = [druid.histogram_of(size, values[part::3]) for part in range(3)]
        for image in (druid.histogram_of(size, values), druid.histogram_fold(size, parts)):
            theirs = druid.histogram_read(image)
            forms = {form: druid.histogram_write(form, image) for form in ("dense", "sparse", "compact")}
            if not theirs.bins:
                del forms["sparse"]  # it is none that Druid could read
            histograms = {from_druid(con, written) for written in forms.values() if written is not None}
            assert len(histograms) == 1
            histogram = histograms.pop()
            forms_seen |= {form for form, written in forms.items() if written is not None}
            bins = column(con, "SELECT unnest(approx_histogram_bins($1::BLOB))", histogram)
            assert [(each["center"], each["count"]) for each in bins] == theirs.bins
            stats = value(con, "SELECT approx_histogram_stats($1::BLOB)", histogram)
            assert stats["count"] == theirs.count == len(values)
            if values:
                assert (stats["min"], stats["max"]) == (theirs.min, theirs.max) == (min(values), max(values))
            for form in (None, *[form for form, written in forms.items() if written is not None]):
                ours = to_druid(con, histogram, form)
                again = druid.histogram_read(ours)
                assert (again.count, again.bins) == (theirs.count, theirs.bins)
                assert (again.min, again.max) == (theirs.min, theirs.max)
            if theirs.exact == theirs.count:
                assert to_druid(con, histogram) == image
    assert forms_seen == {"dense", "sparse", "compact"}


def test_druid_reads_our_histograms(con: duckdb.DuckDBPyConnection, druid: DruidProcess) -> None:
    """Built and merged here, in every form; and Druid merges them on."""
    for bins, rows in [(50, 0), (50, 20), (5, 100), (50, 10_000), (1_000, 10_000), (40_000, 3)]:
        query = f"SELECT approx_histogram_agg(exp(sin(i * 12.9898) * 4), {bins}) AS h FROM range({rows}) t(i)"
        ours = value(con, f"SELECT approx_histogram_union_agg(h) FROM ({query} UNION ALL {query})")
        written = to_druid(con, ours)
        read = druid.histogram_read(written)
        expected = column(con, "SELECT unnest(approx_histogram_bins($1::BLOB))", ours)
        assert read.bins == [(as_float(each["center"]), each["count"]) for each in expected]
        assert read.count == 2 * rows
        if rows:
            assert druid.histogram_read(to_druid(con, ours, "dense")).bins == read.bins
            assert druid.histogram_read(druid.histogram_fold(50, [written, written])).count == 4 * rows
