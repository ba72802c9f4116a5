"""The law of sources: the same files give the same table in any order, any batches and any database.

It is that of `law.py`, which tries 20,000 examples in an hour; here are a few, which hypothesis makes smaller where
they fail, and some that failed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law import Dice, Law, case, main, pack
from samples import samples

T = TypeVar("T")


class Drawn:
    """Decisions by hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, options: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(options))

    def chance(self, percent: int) -> bool:
        return percent > 0 and self._data.draw(st.integers(0, 99)) >= 100 - percent


@pytest.fixture(scope="module")
def law() -> Iterator[Law]:
    law = Law()
    yield law
    law.close()


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_files_in_any_order_and_batches(law: Law, data: st.DataObject) -> None:
    assert law.difference(case(Drawn(data))) is None


@pytest.mark.parametrize("seed", [9, 23, 53, 58, 74, 212])
def test_files_that_once_differed(law: Law, seed: int) -> None:
    assert law.difference(case(Dice(seed))) is None


def test_packs_of_columns(law: Law) -> None:
    assert [difference for seed in range(2) if (difference := law.packed(pack(Dice(seed))))] == []


@pytest.mark.slow
def test_many_examples() -> None:
    assert main(samples(200), 1) == 0
