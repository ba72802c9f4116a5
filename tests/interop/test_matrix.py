"""The matrices of `docs/INTEROP.md` are what comes out: `make interop` prints them."""

from __future__ import annotations

import pytest
from matrix import DOCUMENT, FAMILIES, NEED_JAVA, SPARK, TOP_K_FAMILY, documented, measured, systems
from processes import PROJECT, run_python

pytestmark = pytest.mark.newest_duckdb


@pytest.mark.thorough
@pytest.mark.parametrize("family", FAMILIES)
def test_the_cells_that_need_no_java(family: str) -> None:
    """Java's images of HLL and theta sketches are stored."""
    without = NEED_JAVA if family == TOP_K_FAMILY else (SPARK,)
    writers = tuple(system for system in systems(family) if system not in without)
    readers = tuple(system for system in systems(family) if system not in NEED_JAVA)
    cells = measured(family, writers, readers)
    assert len(cells) == (4 if family == TOP_K_FAMILY else 12)
    shown = documented(family)
    assert cells == {each: shown[each] for each in cells}


@pytest.mark.spark
def test_every_cell() -> None:
    """In a process of its own: what a session of Spark is like is decided once a process."""
    paths = ":".join(str(PROJECT / folder) for folder in (".", "tests/support"))
    printed = run_python("import runpy; runpy.run_module('matrix', run_name='__main__')", PYTHONPATH=paths)
    tables = printed.strip().split("\n\n")
    assert len(tables) == len(FAMILIES)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(table in text for table in tables)
