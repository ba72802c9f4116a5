"""Values whose order is not by chance."""

from __future__ import annotations

import numpy as np

from benchmarks.columns.column import ORDERS, Column, columns_of
from benchmarks.distributions import Floats

Rng = np.random.Generator


def _ascending(rng: Rng, size: int) -> Floats:
    return np.sort(rng.lognormal(0, 1, size))


def _zigzag(rng: Rng, size: int) -> Floats:
    """The least, the greatest, the second least, …"""
    ordered = _ascending(rng, size)
    values = np.empty(size)
    values[::2] = ordered[: (size + 1) // 2]
    values[1::2] = ordered[::-1][: size // 2]
    return values


def _organ_pipe(rng: Rng, size: int) -> Floats:
    ordered = _ascending(rng, size)
    return np.concatenate([ordered[::2], ordered[1::2][::-1]])


def _blocks(rng: Rng, size: int) -> Floats:
    blocks = np.array_split(_ascending(rng, size), 100)
    return np.concatenate([blocks[i] for i in rng.permutation(100)])


def _way(size: int) -> Floats:
    """From 0 to 1 along the column."""
    return np.arange(size) / size


ORDERED: tuple[Column, ...] = columns_of(
    ORDERS,
    {
        "sorted": _ascending,
        "reverse-sorted": lambda rng, size: _ascending(rng, size)[::-1],
        "zigzag order": _zigzag,
        "organ-pipe order": _organ_pipe,
        "sorted integers": lambda rng, size: np.sort(rng.integers(0, 10_000, size)),
        "sorted, then shuffled in blocks": _blocks,
        "drift": lambda rng, size: rng.normal(0, 1, size) + 10 * _way(size),
        "seasons": lambda rng, size: rng.normal(0, 1, size) + 5 * np.sin(20 * np.pi * _way(size)),
        "a level that jumps": lambda rng, size: (
            rng.normal(0, 1, size) + rng.normal(0, 30, 40)[(40 * _way(size)).astype(int)]
        ),
        "sawtooth": lambda rng, size: np.arange(size) % 1009 + rng.random(size),
        "a variance that grows": lambda rng, size: rng.normal(0, 1, size) * np.exp(4 * _way(size)),
        "growing by e^8": lambda rng, size: rng.lognormal(0, 1, size) * np.exp(8 * _way(size)),
        "counters": lambda rng, size: np.cumsum(rng.exponential(1, size)),
    },
)
