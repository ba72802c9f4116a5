"""The matrix of `docs/INTEROP.md` is what comes out: `make interop` prints it."""

from __future__ import annotations

import pytest
from matrix import DOCUMENT, NEED_JAVA, SPARK, SYSTEMS, documented, measured
from processes import PROJECT, run_python

pytestmark = pytest.mark.newest_duckdb


@pytest.mark.thorough
def test_the_cells_that_need_no_java() -> None:
    writers = tuple(system for system in SYSTEMS if system != SPARK)
    readers = tuple(system for system in SYSTEMS if system not in NEED_JAVA)
    cells = measured(writers, readers)
    assert len(cells) == 12
    shown = documented()
    assert cells == {each: shown[each] for each in cells}


@pytest.mark.spark
def test_every_cell() -> None:
    """In a process of its own: what a session of Spark is like is decided once a process."""
    paths = ":".join(str(PROJECT / folder) for folder in (".", "tests/support"))
    printed = run_python("import runpy; runpy.run_module('matrix', run_name='__main__')", PYTHONPATH=paths)
    assert printed in DOCUMENT.read_text(encoding="utf-8")
    assert printed.count("\n") == len(SYSTEMS) + 1
