"""A soak in short: `make soak` works on jobs for hours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from samples import samples
from soak import Counts, SoakError, soak

pytestmark = pytest.mark.thorough


def test_a_few_steps_of_a_soak(tmp_path: Path) -> None:
    counts = Counts()
    soak(tmp_path / "soak", 5, lambda: counts.actions.total() >= 6, counts)
    assert counts.epochs == 1
    assert counts.faults.total() > 0
    assert counts.comparisons.total() > 0


@pytest.mark.slow
def test_seconds_of_a_soak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = time.monotonic() + samples(15)
    counts = Counts()
    soak(tmp_path / "soak", 2024, lambda: time.monotonic() >= end, counts)
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.comparisons["tables with a clean run"] > 0


def test_a_soak_that_finds_something_says_how_to_find_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from duckdb_sketch.rollup.ledger.ledger import Ledger

    monkeypatch.setattr(Ledger, "add_slices", lambda *_: None)  # each refresh counts all files again
    with pytest.raises(SoakError, match=r"^epoch 3/7, step \d+, "):
        soak(tmp_path / "soak", 3, lambda: False, Counts(), only=7)
    assert (tmp_path / "soak-failed" / "rollups.duckdb").exists()
