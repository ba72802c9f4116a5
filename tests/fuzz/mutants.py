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
from our_images import CORPUS
from queries import column

Field = tuple[int, str]
"""Where a number is, and how: a format of `struct`, or `varint`."""
PAST = Path(__file__).parent / "past"
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
    """The images of one kind of sketch."""

    name: str
    sound: Callable[[duckdb.DuckDBPyConnection], list[bytes]]
    fields: Callable[[bytes], list[Field]]


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
    if end > len(image):
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


HLL = Family("hll", _sound_hll, _hll_fields)
HISTOGRAM = Family("histogram", _sound_histograms, _histogram_fields)
FAMILIES = [HLL, HISTOGRAM]
