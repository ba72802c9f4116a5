"""The matrix of `docs/INTEROP.md` is what comes out: `make interop` prints it."""

from __future__ import annotations

import pytest
from matrix import NEED_JAVA, SPARK, SYSTEMS, documented, measured


def test_the_cells_that_need_no_java() -> None:
    writers = tuple(system for system in SYSTEMS if system != SPARK)
    readers = tuple(system for system in SYSTEMS if system not in NEED_JAVA)
    cells = measured(writers, readers)
    assert len(cells) == 12
    shown = documented()
    assert cells == {each: shown[each] for each in cells}


@pytest.mark.spark
def test_every_cell() -> None:
    assert measured(SYSTEMS, SYSTEMS) == documented()
