"""The golden corpus: HLL images of Apache DataSketches for C++ and for Java, and what these libraries say of them.

`make corpus` makes `hll_corpus.parquet` anew: the C++ images with the `datasketches` package, the
Java ones with the jars of `pyspark` and a JDK. The same versions always make the same rows.

A row is an image. Where both libraries write the same bytes and give the same answers, the row is of both. The file
covers, at every `lg_k` and in HLL_4, HLL_6 and HLL_8, compact and updatable: no value, LIST, SET with hash tables of
several sizes, HLL; from a stream (the HIP accumulator holds) and merged; with and without exceptions of HLL_4, with
`cur_min` 0 and more. HLL images of a large `lg_k` start full and count a few thousand values, so that they compress:
`tests/interop/test_written.py` has the crowded ones. Some streams start from a LIST of coupons made up here, since no
stream of this size has registers of 32 and more.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from datasketches import hll_sketch, hll_union, tgt_hll_type
from java_sketches import Answered, Answers, java_version, run_java
from our_images import CORPUS, RARE, coupon_limit

TYPES = {"HLL_4": tgt_hll_type.HLL_4, "HLL_6": tgt_hll_type.HLL_6, "HLL_8": tgt_hll_type.HLL_8}
PRECISIONS = range(4, 22)

MADE_UP = tuple(value << 26 | slot for value, slot in [(15, 1), (16, 3), (31, 5), (32, 6), (47, 12), (63, 15)])
"""Coupons of large registers; the slots differ at every `lg_k`."""
CROWDED_LG_K = 14
"""Up to here there are images with `cur_min` above 0. The registers of a crowded sketch do not compress."""
LARGE_LG_K = 17
"""From here on there are fewer images, for the sake of the time that it takes to unpack and read them."""


class Part(NamedTuple):
    """A sketch: `range(start, stop)`, the values, and what it started from."""

    lg_k: int
    start: int
    stop: int
    values: tuple[int, ...] = ()
    coupons: tuple[int, ...] = ()
    full: bool = False
    """Starts with registers, not with a list."""


class Recipe(NamedTuple):
    """How an image comes about."""

    name: str
    history: str
    """'stream', 'union', or 'gadget': the union itself is stored, and not its result."""
    target: str
    lg_k: int
    """Of a union the greatest that it allows."""
    parts: tuple[Part, ...]
    more: int = 0
    """`range(more)` is counted behind the merge."""

    @property
    def n(self) -> int:
        """What was counted is `range(n)`, the values and the coupons."""
        return max(self.more, *(part.stop for part in self.parts))

    @property
    def values(self) -> list[int]:
        return sorted({value for part in self.parts for value in part.values})

    @property
    def coupons(self) -> list[int]:
        return sorted({coupon for part in self.parts for coupon in part.coupons})


def streams(lg_k: int) -> Iterator[tuple[str, Part]]:
    """What is counted at a precision: sketches of every mode."""
    k, limit = 1 << lg_k, coupon_limit(lg_k)
    few = 12
    yield "empty", Part(lg_k, 0, 0)
    yield "list", Part(lg_k, 0, 7)
    yield "list of large registers", Part(lg_k, 0, 0, coupons=MADE_UP)
    if lg_k >= 8:
        # Tables of 32 slots, 64, 128, and the greatest; random coupons do not compress.
        for n in sorted({8, min(25, limit), min(49, limit), limit if lg_k <= few else 200}):
            yield f"set of {n}", Part(lg_k, 0, n)
        yield "set with large registers", Part(lg_k, 0, 6, coupons=MADE_UP)
    if lg_k < LARGE_LG_K:
        yield "empty registers", Part(lg_k, 0, 0, full=True)
    if lg_k <= few:
        yield "first registers", Part(lg_k, 0, limit + 1)
        yield "registers and exceptions", Part(lg_k, 0, max(limit - 4, 0), values=RARE)
        yield "large registers", Part(lg_k, 0, limit + 1, coupons=MADE_UP)
    else:
        yield "sparse registers", Part(lg_k, 0, 1500, full=True)
        yield "sparse registers and exceptions", Part(lg_k, 0, 1500, values=RARE, full=True)
    if 6 <= lg_k <= few:
        # Where the composite estimator turns from linear counting: 0.64 k.
        for share in (60, 64, 66, 70):
            yield f"{share} % of k", Part(lg_k, 0, share * k // 100)
    if lg_k <= CROWDED_LG_K:
        yield "crowded registers", Part(lg_k, 0, 3 * k)
        yield "cur_min above 0", Part(lg_k, 0, 16 * k)
    if lg_k <= few:
        yield "cur_min above 0, large registers", Part(lg_k, 0, 16 * k, coupons=MADE_UP)


def halves(part: Part) -> tuple[Part, Part]:
    """Two that overlap, and together counted the same."""
    first = part._replace(stop=2 * part.stop // 3, values=part.values[::2])
    return first, part._replace(start=part.stop // 3, values=part.values[1::2], coupons=part.coupons[2:])


def recipes(lg_k: int) -> Iterator[Recipe]:
    """All images of a precision."""
    fine = min(lg_k + 2, 21)
    for target in TYPES:
        for name, part in streams(lg_k):
            yield Recipe(name, "stream", target, lg_k, (part,))
            yield Recipe(name, "union", target, lg_k, halves(part))
            if target == "HLL_8" and lg_k < LARGE_LG_K:
                yield Recipe(name, "gadget", target, lg_k, halves(part))
        if lg_k >= LARGE_LG_K and target != "HLL_8":
            continue
        n = coupon_limit(lg_k) + 20 if lg_k <= 12 else 1500
        low, high = Part(lg_k, 0, n, full=lg_k > 12), Part(fine, n // 2, n + 99, full=lg_k > 12)
        yield Recipe("union of one", "union", target, lg_k, (low,))
        yield Recipe("union of an empty one and one", "union", target, lg_k, (Part(lg_k, 0, 0), low))
        yield Recipe("list into registers", "union", target, lg_k, (Part(lg_k, 0, 5), low))
        yield Recipe("registers into list", "union", target, lg_k, (low, Part(lg_k, n, n + 5)))
        yield Recipe("counted on behind a union", "union", target, lg_k, halves(low), more=n + 50)
        if fine > lg_k:
            yield Recipe("coarse, then fine", "union", target, fine, (low, high))
            yield Recipe("fine, then coarse", "union", target, fine, (high, low))
            yield Recipe("fine into a coarse union", "union", target, lg_k, (high._replace(start=0),))
            yield Recipe("coarse list, then fine", "union", target, fine, (Part(lg_k, 0, 5), high._replace(start=0)))
            yield Recipe("fine, then coarse list", "union", target, fine, (high._replace(start=0), Part(lg_k, 0, 5)))


def seed(part: Part, target: str) -> bytes:
    """The image that a sketch starts from."""
    if part.full:
        return hll_sketch(part.lg_k, TYPES[target], True).serialize_updatable()
    if part.coupons:
        kind = list(TYPES).index(target) << 2
        return struct.pack(f"<8B{len(part.coupons)}I", 2, 1, 7, part.lg_k, 3, 8, len(part.coupons), kind, *part.coupons)
    return b""


def cpp_answers(sketch: hll_sketch) -> Answers:
    """What the C++ library says of a sketch."""
    return Answers(
        sketch.get_estimate(),
        None,
        (sketch.get_lower_bound(1), sketch.get_lower_bound(2), sketch.get_lower_bound(3)),
        (sketch.get_upper_bound(1), sketch.get_upper_bound(2), sketch.get_upper_bound(3)),
    )


def _cpp_part(part: Part, target: str) -> hll_sketch:
    image = seed(part, target)
    sketch = hll_sketch.deserialize(image) if image else hll_sketch(part.lg_k, TYPES[target])
    for value in (*range(part.start, part.stop), *part.values):
        sketch.update(value)
    return sketch


def cpp(recipe: Recipe) -> Answered:
    """Make a sketch with the C++ library; it cannot serialize a union."""
    sketches = [_cpp_part(part, recipe.target) for part in recipe.parts]
    if recipe.history == "stream":
        (sketch,) = sketches
    else:
        union = hll_union(recipe.lg_k)
        for each in sketches:
            union.update(each)
        sketch = union.get_result(TYPES[recipe.target])
        for value in range(recipe.more):
            sketch.update(value)
    return Answered(cpp_answers(sketch), (sketch.serialize_compact(), sketch.serialize_updatable()))


def java_job(recipe: Recipe) -> str:
    """The same for the Java program."""
    parts = [
        f"{part.lg_k}:{part.start}:{part.stop}:{','.join(map(str, part.values))}:"
        f"{base64.b64encode(seed(part, recipe.target)).decode()}"
        for part in recipe.parts
    ]
    if recipe.history == "stream":
        return " ".join(["stream", recipe.target, *parts])
    return " ".join([recipe.history, recipe.target, str(recipe.lg_k), str(recipe.more), *parts])


def rows(lg_k: int) -> Iterator[dict[str, Any]]:
    """The rows of a precision."""
    every = list(recipes(lg_k))
    for recipe, java in zip(every, run_java(map(java_job, every)), strict=True):
        by_cpp = None if recipe.history == "gadget" else cpp(recipe)
        for form in (0, 1):
            if by_cpp is None:
                yield row(recipe, form, java, java_version=java_version())
            elif by_cpp.images[form] == java.images[form] and by_cpp.answers == java.answers._replace(
                composite_estimate=None
            ):
                yield row(recipe, form, java, cpp_version=version("datasketches"), java_version=java_version())
            else:
                yield row(recipe, form, by_cpp, cpp_version=version("datasketches"))
                yield row(recipe, form, java, java_version=java_version())


def row(
    recipe: Recipe, form: int, made: Answered, *, cpp_version: str | None = None, java_version: str | None = None
) -> dict[str, Any]:
    """A row of the file."""
    image = made.images[form]
    answers = made.answers
    registers = image[7] & 3 == 2
    return {
        "cpp": cpp_version,
        "java": java_version,
        "recipe": recipe.name,
        "history": recipe.history,
        "lg_k": image[3],
        "target_type": recipe.target,
        "form": ("compact", "updatable")[form],
        "mode": ("LIST", "SET", "HLL")[image[7] & 3],
        "out_of_order": bool(image[5] & 16),
        "cur_min": image[6] if registers else 0,
        "exceptions": struct.unpack_from("<I", image, 36)[0] if registers else 0,
        "n": recipe.n,
        "values": recipe.values,
        "coupons": recipe.coupons,
        "estimate": answers.estimate,
        "composite_estimate": answers.composite_estimate,
        "lower": list(answers.lower),
        "upper": list(answers.upper),
        "image": image,
    }


SCHEMA = pa.schema(
    [
        ("cpp", pa.string()),
        ("java", pa.string()),
        ("recipe", pa.string()),
        ("history", pa.string()),
        ("lg_k", pa.int32()),
        ("target_type", pa.string()),
        ("form", pa.string()),
        ("mode", pa.string()),
        ("out_of_order", pa.bool_()),
        ("cur_min", pa.int32()),
        ("exceptions", pa.int64()),
        ("n", pa.int64()),
        ("values", pa.list_(pa.int64())),
        ("coupons", pa.list_(pa.uint32())),
        ("estimate", pa.float64()),
        ("composite_estimate", pa.float64()),
        ("lower", pa.list_(pa.float64())),
        ("upper", pa.list_(pa.float64())),
        ("image", pa.binary()),
    ]
)


def write(path: Path) -> None:
    """Make the corpus: a row group a precision, each image column one page, so that like images compress."""
    with pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        write_statistics=False,
        data_page_size=1 << 30,
    ) as writer:
        for lg_k in PRECISIONS:
            # Like images side by side: zstd finds what it has seen within a few megabytes.
            made = sorted(rows(lg_k), key=lambda row: (row["target_type"], row["recipe"], row["history"]))
            writer.write_table(pa.Table.from_pylist(made, SCHEMA), row_group_size=len(made))
            print(f"lg_k {lg_k}: {len(made)} images, {sum(len(row['image']) for row in made):,} bytes", flush=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    write(CORPUS)
