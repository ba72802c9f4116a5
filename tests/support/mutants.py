"""Images that no sketch writes: sound ones with a few fields or bytes changed. The same seed gives the same images.

The decoders themselves are fuzzed in Rust, millions of times (`extension/fuzz`); these few go through SQL.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from datasketches import update_theta_sketch
from our_images import CORPUS
from queries import column

Field = tuple[int, str]
"""Where a number is, and how: a format of `struct`, or `varint`."""
PAST = Path(__file__).parents[1] / "fuzz" / "past"
"""Images that once made something fail, or that look as if they could."""
EDGES = [0, 1, 2, 3, 15, 16, 63, 64, 127, 128, 255, 256, 65535, 2**31, 2**32 - 1, 2**62 - 1, 2**62, 2**63, 2**64 - 1]
DOUBLES = [
    0.0,
    1.0,
    0.5,
    1.7976931348623157e308,
    1e308,
    1e154,
    2.2250738585072014e-308,
    5e-324,
    float("inf"),
    float("nan"),
]


@dataclass(frozen=True)
class Family:
    """The images of one kind of sketch, and the SQL that reads an image `b`."""

    name: str
    sound: Callable[[duckdb.DuckDBPyConnection], list[bytes]]
    fields: Callable[[bytes], list[Field]]
    asked: list[str]
    """Questions; the first accepts most."""
    merged: list[str]
    """Merges with a sound image `other`."""
    written: list[str]
    """Other forms, which not every image has."""
    aggregated: str
    alone: str
    """What the aggregate makes of one image."""
    merges_to_one_image: bool
    """Whether a union depends on nothing but what was counted."""
    looks_later: bool
    """Whether only who merges an image looks at all of it."""
    portable: bool = True
    """Whether the portable backend has it."""
    all_merge: bool = True
    """Whether any two images that are accepted merge."""


def mutants(family: Family, sound: list[bytes], seed: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Changed images, and a sound one beside each to be merged with."""
    source = random.Random(seed)
    for _ in range(count):
        image, other = source.choice(sound), source.choice(sound)
        while source.random() < 0.7:
            fields = family.fields(image)
            if fields and source.random() < 0.6:
                image = _with_another_number(image, source.choice(fields[: source.choice([12, len(fields)])]), source)
            else:
                image = _with_other_bytes(image, other, source)
        yield image, other


def mutate(source: random.Random, image: bytes) -> bytes:
    """A few bytes changed, cut off, or put in."""
    changed = bytearray(image)
    for _ in range(source.randint(1, 5)):
        changed[source.randrange(min(len(changed), source.choice([12, 64, 4096])))] = source.randrange(256)
    if source.random() < 0.3:
        del changed[source.randrange(1, len(changed)) :]
    if source.random() < 0.1:
        changed[8:8] = source.randbytes(4)
    return bytes(changed)


def past() -> list[bytes]:
    """The images of earlier failures, of every family."""
    return [path.read_bytes() for path in sorted(PAST.glob("*.bin"))]


def _with_another_number(image: bytes, field: Field, source: random.Random) -> bytes:
    at, how = field
    if how == "varint":
        end = at + 1
        while end <= len(image) and image[end - 1] & 0x80:
            end += 1
        old = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(image[at:end]))
        return (
            image[:at]
            + _varint(source.choice([old + 1, max(old, 1) - 1, old ^ 1 << source.randrange(63), *EDGES]))
            + image[end:]
        )
    end = at + struct.calcsize(how)
    if at < 0 or end > len(image):  # of a field behind what was cut off
        return image
    if how[-1] in "df":
        double = source.choice([*DOUBLES, source.uniform(-100, 100), *(-double for double in DOUBLES)])
        if how[-1] == "f" and 3e38 < abs(double) < float("inf"):
            double = 3e38
        return image[:at] + struct.pack(how, double) + image[end:]
    (old,) = struct.unpack_from(how, image, at)
    new = source.choice([old + 1, old - 1, old ^ 1 << source.randrange(8 * (end - at)), *EDGES])
    return image[:at] + struct.pack(how.upper(), new % (1 << 8 * (end - at))) + image[end:]


def _with_other_bytes(image: bytes, other: bytes, source: random.Random) -> bytes:
    if not image:
        return other
    at = source.randrange(source.choice([min(len(image), 48), len(image)]))
    end = min(at + source.randint(1, 40), len(image))
    return source.choice(
        [
            image[:at] + bytes([image[at] ^ 1 << source.randrange(8)]) + image[at + 1 :],
            image[:at] + bytes([source.randrange(256)]) + image[at + 1 :],
            image[:at],
            image + source.choice([b"\0", b"\xff" * 4, bytes(8)]),
            image[:at] + image[end:],
            image[:end] + image[at:],
            image[:at] + bytes(end - at) + image[end:],
            image[:at] + other[at:],
        ]
    )


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _sound_hll(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """Of DataSketches C++ and Java in every form, and our own."""
    query = f"SELECT image FROM '{CORPUS}' WHERE lg_k <= 10 OR (lg_k = 21 AND mode <> 'HLL') ORDER BY image"
    ours = "SELECT hll_sketch_agg(i, 9) FROM range(3000) t(i) GROUP BY i % ?"
    return column(con, query) + column(con, ours, 3) + column(con, ours, 100)


def _hll_fields(image: bytes) -> list[Field]:
    words = [(at, "<I") for at in range(8, min(len(image) - 3, 64), 4)]
    if image[:1] == b"\x0a":
        exceptions = [(at, "<I") for at in range(max(len(image) - 12, 40), len(image) - 3, 4)]
        words = [(8, "<d"), (16, "<d"), (24, "<d"), (32, "<I"), (36, "<I"), *exceptions]
    return [*((at, "<B") for at in range(3, min(len(image), 8))), *words]


def _sound_histograms(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """Exact and inexact ones, of few bins and of many, at the ends of the range, and empty ones."""
    values = ["i", "i % 7", "sin(i) * 100", "exp(i % 600)", "(i - 50) * 1e307", "i * 5e-324", "NULL::DOUBLE", "-1 / i"]
    query = "SELECT unnest([{}]) FROM range(1, 3000) t(i) GROUP BY i % 5"
    calls = [f"approx_histogram_agg({value}, {bins})" for value in values for bins in (2, 10, 50, 65535)]
    return column(con, query.format(", ".join(calls)))


def _histogram_fields(image: bytes) -> list[Field]:
    at, fields = 8, [(2, "<B"), (3, "<B"), (4, "<H"), (6, "<H")]

    def varints(count: int) -> None:
        nonlocal at
        for _ in range(count):
            fields.append((at, "varint"))
            while at < len(image) and image[at] & 0x80:
                at += 1
            at += 1

    if len(image) < at:
        return fields
    varints(3)
    doubles = int.from_bytes(image[6:8], "little") + (image[3] & 3).bit_count()
    fields += [(at + 8 * i, "<d") for i in range(min(doubles, len(image) // 8))]
    at += 8 * doubles
    varints(min(len(image) - at, 100))
    return fields


def _sound_hyper_uniques(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """Sparse and dense ones."""
    query = "SELECT hyper_unique_agg(i::VARCHAR) FROM range(?) t(i) GROUP BY i % 7"
    return [b"", *(image for count in (7, 300, 3_000, 100_000) for image in column(con, query, count))]


def _hyper_unique_fields(image: bytes) -> list[Field]:
    header = [(0, ">B"), (1, ">B"), (2, ">H"), (4, ">B"), (5, ">H")]
    return [*header, *((at, ">H") for at in range(7, min(len(image) - 1, 60), 3))]


def _sound_thetas(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """Empty, exact and cut; in serial version 4, and in no order."""
    query = "SELECT theta_sketch_agg(i, 5) FROM range(?) t(i) GROUP BY i % 3"
    ours = [bytes(image) for count in (1, 3, 60, 500) for image in column(con, query, count)]
    theirs = update_theta_sketch(5)
    for i in range(200):
        theirs.update(i)
    forms = [theirs.compact().serialize(compress=True), theirs.compact(False).serialize()]
    return [*ours, *forms, update_theta_sketch(5).compact().serialize()]


def _theta_fields(image: bytes) -> list[Field]:
    header = [*((at, "<B") for at in range(6)), (6, "<H"), (8, "<I")]
    return [*header, *((at, "<Q") for at in range(8, len(image) - 7, 8))]


def _sound_druid_histograms(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """In all forms."""
    made = "SELECT approx_histogram_agg(i * i % 977, ?) AS h FROM range(?) t(i) GROUP BY i % 3"
    forms = (
        "approx_histogram_to_druid(h), approx_histogram_to_druid(h, 'dense'), approx_histogram_to_druid(h, 'sparse')"
    )
    query = f"SELECT unnest([{forms}]) FROM ({made})"
    return [bytes(3), *(image for bins in (3, 60) for count in (9, 900) for image in column(con, query, bins, count))]


def _druid_histogram_fields(image: bytes) -> list[Field]:
    if image[:1] >= b"\x80":
        return [(0, ">H"), (2, ">B"), *((at, ">f") for at in range(3, len(image) - 3, 4))]
    bins = max(len(image) - 16, 0) // 12
    positions = [(8 + 4 * i, ">f") for i in range(bins + 1)]
    counts = [(8 + 4 * bins + 8 * i, ">Q") for i in range(bins)]
    return [(0, ">I"), (4, ">I"), (len(image) - 8, ">f"), (len(image) - 4, ">f"), *positions, *counts]


def _sound_top_ks(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    """Empty, exact and purged, of numbers and of texts."""
    items = (
        "i * i % 60",
        "'text ' || i * i % 60",
        "(i * i % 60) / 8",
        "DATE '2026-01-01' + (i * i % 60)::INTEGER",
        "i % 2 = 0",
    )
    made = "SELECT approx_top_k_accumulate({}, 12) FROM range(?) t(i) GROUP BY i % 3"
    return [bytes(image) for item in items for count in (1, 30, 200) for image in column(con, made.format(item), count)]


def _top_k_fields(image: bytes) -> list[Field]:
    header = [*((at, "<B") for at in range(8)), (8, "<I"), (len(image) - 8, ">Q")]
    return [*header, *((at, "<Q") for at in range(16, len(image) - 7, 8))]


_OF_DRUID = "approx_histogram_from_druid(b)"
FAMILIES = [
    Family(
        name="hll",
        sound=_sound_hll,
        fields=_hll_fields,
        asked=["hll_sketch_estimate(b)", "hll_sketch_bounds(b, 2)", "hll_sketch_describe(b)"],
        merged=["hll_union(b, other, true)", "hll_union(other, b, true)"],
        written=[],
        aggregated="hll_union_agg(b, true)",
        alone="hll_union(b, b)",
        merges_to_one_image=True,
        looks_later=True,
    ),
    Family(
        name="histogram",
        sound=_sound_histograms,
        fields=_histogram_fields,
        asked=[
            "approx_histogram_stats(b)",
            "approx_histogram_bins(b)",
            "approx_histogram_quantile(b, 0.3)",
            "approx_histogram_quantile(b, [0, 0.01, 0.5, 0.99, 1])",
            "approx_histogram_cdf(b, 0.5)",
            "approx_histogram_cdf(b, [-1e308, 0, 1, 1e308])",
            "approx_histogram_count_below(b, 3)",
            "approx_histogram_count_below(b, [-1, 0, 1])",
            "approx_histogram_quantile_bounds(b, 0.7)",
            "approx_histogram_equi_width(b, 3)",
            "approx_histogram_equi_depth(b, 3)",
            "approx_histogram_buckets(b, [-1e300, 0, 1, 1e300])",
        ],
        merged=["approx_histogram_union(b, other)", "approx_histogram_union(other, b)"],
        written=["approx_histogram_to_druid(b)", "approx_histogram_to_druid(b, 'compact')"],
        aggregated="approx_histogram_union_agg(b)",
        alone="approx_histogram_union(b, (SELECT approx_histogram_agg(NULL, 2)))",
        merges_to_one_image=False,
        looks_later=False,
    ),
    Family(
        name="hyper_unique",
        sound=_sound_hyper_uniques,
        fields=_hyper_unique_fields,
        asked=["hyper_unique_estimate(b)"],
        merged=[],
        written=[],
        aggregated="hyper_unique_union_agg(b)",
        alone="(SELECT hyper_unique_union_agg(x) FROM (SELECT unnest([b, b]) AS x))",
        merges_to_one_image=True,
        looks_later=False,
    ),
    Family(
        name="theta",
        sound=_sound_thetas,
        fields=_theta_fields,
        asked=["theta_sketch_estimate(b)", "theta_sketch_bounds(b, 2)", "theta_sketch_describe(b)"],
        merged=[
            "theta_union(b, other)",
            "theta_union(other, b, 4)",
            "theta_intersection(b, other)",
            "theta_intersection(other, b)",
            "theta_difference(b, other)",
            "theta_difference(other, b)",
            "theta_jaccard(b, other)",
        ],
        written=[],
        aggregated="theta_union_agg(b)",
        alone="theta_union(b, b)",
        merges_to_one_image=True,
        looks_later=True,
    ),
    Family(
        name="top_k",
        sound=_sound_top_ks,
        fields=_top_k_fields,
        asked=["approx_top_k_describe(b)", "approx_top_k_estimate(b)", "approx_top_k_estimate(b, 1000)"],
        merged=["approx_top_k_agree(b, other)", "approx_top_k_agree(other, b)"],
        written=["approx_top_k_union(b, other)", "approx_top_k_union(other, b, 1)"],
        aggregated="approx_top_k_combine(b, 12)",
        alone="approx_top_k_union(b, (SELECT approx_top_k_accumulate(NULL) WHERE false), 12)",
        merges_to_one_image=False,
        looks_later=False,
        portable=False,
        all_merge=False,
    ),
    Family(
        name="druid_histogram",
        sound=_sound_druid_histograms,
        fields=_druid_histogram_fields,
        asked=[_OF_DRUID, f"approx_histogram_stats({_OF_DRUID})", f"approx_histogram_quantile({_OF_DRUID}, 0.3)"],
        merged=[f"approx_histogram_union({_OF_DRUID}, approx_histogram_from_druid(other))"],
        written=[f"approx_histogram_to_druid({_OF_DRUID}, 'compact')"],
        aggregated=f"approx_histogram_union_agg({_OF_DRUID})",
        alone=f"approx_histogram_union({_OF_DRUID}, (SELECT approx_histogram_agg(NULL, 2)))",
        merges_to_one_image=False,
        looks_later=False,
    ),
]
