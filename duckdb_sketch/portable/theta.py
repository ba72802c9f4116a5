"""Theta sketches built, united, intersected and subtracted: of the same values always the same bytes.

A sketch has the hashes below theta: all of them, or the `2^lg_nom_entries` least, with theta at the one that follows.
Why that makes the bytes canonical is in `extension/src/sketch/theta/sketch.rs`.
"""

from __future__ import annotations

from collections.abc import Sequence

import mmh3
import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.portable.coupon import SEED, hashes_of_words
from duckdb_sketch.portable.theta_bounds import bounds_of_proportion
from duckdb_sketch.portable.theta_image import DEFAULT_LG_NOM, MAX_THETA, Entries, ThetaImage, theta_image


def entry_of_bytes(data: bytes) -> int:
    """Return the entry of a value's bytes: the upper 63 bits of the first half of its hash."""
    return int(mmh3.hash64(data, SEED, x64arch=True, signed=False)[0]) >> 1


def entries_of_words(words: NDArray[np.uint64]) -> Entries:
    """Return the entries of values of eight bytes."""
    return hashes_of_words(words)[0] >> np.uint64(1)


def sketch_of_entries(lg_nom: int, entries: Entries) -> bytes:
    """Return the canonical image of entries, in any order, repeated or not."""
    different = np.unique(entries)
    kept = (different > 0) & (different < MAX_THETA)  # as in DataSketches
    return _cut(lg_nom, MAX_THETA, different[kept])


def union(images: Sequence[ThetaImage], lg_nom: int | None = None) -> bytes:
    """Return the canonical image of what any of them has seen.

    Args:
        images: The sketches.
        lg_nom: The precision of the union; by default the least of those that are not empty, or of empty ones
            the greatest.
    """
    full = [image for image in images if not image.is_empty]
    if lg_nom is None:
        lg_nom = min((image.lg_nom for image in full), default=None) or max(
            (image.lg_nom for image in images), default=DEFAULT_LG_NOM
        )
    theta = min((image.theta for image in full), default=MAX_THETA)
    entries = np.unique(np.concatenate([np.empty(0, np.uint64), *(image.entries for image in full)]))
    return _cut(lg_nom, theta, _below(entries, theta))


def intersection(images: Sequence[ThetaImage]) -> bytes | None:
    """Return the canonical image of what all of them have seen; None of no images."""
    if not images:
        return None
    lg_nom = min(image.lg_nom for image in images)
    if any(image.is_empty for image in images):
        return theta_image(lg_nom, MAX_THETA, np.empty(0, np.uint64))
    theta = min(image.theta for image in images)
    entries = images[0].entries
    for image in images[1:]:
        entries = np.intersect1d(entries, image.entries, assume_unique=True)
    return theta_image(lg_nom, theta, _below(entries, theta))


def difference(a: ThetaImage, b: ThetaImage) -> bytes:
    """Return the canonical image of what `a` has seen and `b` has not."""
    if a.is_empty or b.is_empty:
        return theta_image(a.lg_nom, a.theta, a.entries)
    theta = min(a.theta, b.theta)
    entries = np.setdiff1d(a.entries, b.entries, assume_unique=True)
    return theta_image(min(a.lg_nom, b.lg_nom), theta, _below(entries, theta))


def jaccard(a: ThetaImage, b: ThetaImage) -> dict[str, float]:
    """Return how much of what either has seen both have seen, with bounds of two standard deviations."""
    if a.is_empty or b.is_empty:
        lower = estimate = upper = 1.0 if a.is_empty and b.is_empty else 0.0
    elif a.theta == b.theta and np.array_equal(a.entries, b.entries):
        lower = estimate = upper = 1.0
    else:
        theta = min(a.theta, b.theta)
        left, right = _below(a.entries, theta), _below(b.entries, theta)
        common = len(np.intersect1d(left, right, assume_unique=True))
        either = len(left) + len(right) - common
        lower, estimate, upper = bounds_of_proportion(common, either, float(theta) / float(MAX_THETA))
    return {"lower": lower, "estimate": estimate, "upper": upper}


def _cut(lg_nom: int, theta: int, entries: Entries) -> bytes:
    nominal = 1 << lg_nom
    if len(entries) > nominal:
        theta, entries = int(entries[nominal]), entries[:nominal]
    return theta_image(lg_nom, theta, entries)


def _below(entries: Entries, theta: int) -> Entries:
    return entries[: int(np.searchsorted(entries, np.uint64(theta)))]
