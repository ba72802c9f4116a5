"""A column of values to be sketched, and which kind it is of."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.distributions import SEED, Floats

Draw = Callable[[np.random.Generator, int], Floats]

SMOOTH = "smooth"
TAILS = "heavy tails"
SCALES = "scales"
CLUSTERS = "clusters"
ATOMS = "heavy values"
INTEGERS = "integers"
DECIMALS = "decimals"
ORDERS = "orders"
KINDS = (SMOOTH, TAILS, SCALES, CLUSTERS, ATOMS, INTEGERS, DECIMALS, ORDERS)


@dataclass(frozen=True)
class Column:
    """That many values of one description, in the order in which they are fed."""

    kind: str
    """One of `KINDS`."""
    name: str
    draw: Draw

    def values(self, size: int) -> Floats:
        """`size` values: the same ones each time, whatever other columns there are."""
        rng = np.random.default_rng([SEED, zlib.crc32(self.name.encode())])
        values = np.asarray(self.draw(rng, size), dtype=np.float64)
        assert len(values) == size
        return values


def columns_of(kind: str, draws: dict[str, Draw]) -> tuple[Column, ...]:
    """Columns of one kind, by name."""
    return tuple(Column(kind, name, draw) for name, draw in draws.items())
