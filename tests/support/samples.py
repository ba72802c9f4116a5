"""How much tests try: the fast ones a few parameters, and every test that tries something again and again a few times.

`DUCKDB_SKETCH_SAMPLES=10 make test-slow` tries ten times as much.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

TIMES = int(os.environ.get("DUCKDB_SKETCH_SAMPLES", "1"))


def samples(count: int) -> int:
    """How many to try, where by default that many are."""
    return count * TIMES


def every(step: int) -> int:
    """Of how many places in a row one is tried, where by default that many are; all of them in a long run."""
    return max(1, step // TIMES)


def few_fast(parameters: Iterable[Any], *fast: Any) -> list[Any]:
    """Mark all parameters thorough but the `fast` ones, which have to be among them."""
    return few_fast_rows([(each,) for each in parameters], *((each,) for each in fast))


def few_fast_rows(parameters: Iterable[tuple[Any, ...]], *fast: tuple[Any, ...]) -> list[Any]:
    """The same for several names, of which each parameter has a value."""
    parameters = list(parameters)
    missing = [parameter for parameter in fast if parameter not in parameters]
    assert not missing, f"not among the parameters: {missing}"
    return [pytest.param(*each, marks=() if each in fast else pytest.mark.thorough) for each in parameters]
