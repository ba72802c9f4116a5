"""Images made by DataSketches' C++ library, to read and to estimate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from datasketches import hll_sketch, hll_union, tgt_hll_type

TARGET_TYPES = {"HLL_4": tgt_hll_type.HLL_4, "HLL_6": tgt_hll_type.HLL_6, "HLL_8": tgt_hll_type.HLL_8}


def sketch_of(lg_k: int, target_type: str, values: Iterable[object]) -> hll_sketch:
    """A sketch of one stream."""
    sketch = hll_sketch(lg_k, TARGET_TYPES[target_type])
    for value in values:
        sketch.update(value)
    return sketch


def merged(lg_k: int, target_type: str, parts: Iterable[hll_sketch]) -> hll_sketch:
    """A sketch of several streams: out of order where it has registers."""
    union = hll_union(lg_k)
    for part in parts:
        union.update(part)
    return union.get_result(TARGET_TYPES[target_type])


def images(lg_k: int, target_type: str, count: int) -> Iterator[tuple[hll_sketch, bytes]]:
    """One stream and three merged, each compact and updatable."""
    stream = sketch_of(lg_k, target_type, range(count))
    cuts = [0, count // 3, count // 2, count]
    parts = [sketch_of(lg_k, target_type, range(start, end)) for start, end in pairwise(cuts)]
    for sketch in (stream, merged(lg_k, target_type, parts)):
        yield sketch, sketch.serialize_compact()
        yield sketch, sketch.serialize_updatable()
