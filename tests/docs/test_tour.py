"""docs/tour.ipynb runs from its first cell to its last, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from processes import PROJECT

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

TOUR = PROJECT / "docs" / "tour.ipynb"


def test_the_tour_runs_and_looks_as_it_is_kept(tmp_path: Path) -> None:
    kept = nbformat.read(TOUR, as_version=4)
    notebook = nbformat.read(TOUR, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [kinds_of(cell) for cell in notebook.cells]
    assert kinds == [kinds_of(cell) for cell in kept.cells], "make tour runs it again, and keeps what it shows"
    assert sum("image/png" in kind for kind in kinds) == 3
    assert any("text/html" in kind for kind in kinds)


def kinds_of(cell: nbformat.NotebookNode) -> list[str]:
    """What the outputs of a cell are: streams by their names, data by their types."""
    outputs = cell.get("outputs", [])
    return sorted(kind for output in outputs for kind in output.get("data", [output.get("name", "error")]))
