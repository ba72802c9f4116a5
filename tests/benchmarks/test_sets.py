"""The suite of set operations runs from end to end on a toy's worth of data. Nothing here looks at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.native, pytest.mark.thorough]


def test_the_suite_measures_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    assert main(["sets", "--scale", "toy", "--runs", "1", "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "sets.json").read_text())
    assert all(line["seconds"] > 0 for line in found["speed"]["lines"])
    points = found["accuracy"]["points"]
    assert [point["likeness"] for point in points] == sorted(point["likeness"] for point in points)
    for point in points:
        for each in point["found"]:
            if each["how"] == "theta" and each["what"] == "union":
                assert each["error"] == 0, "up to 4,096 values are exact"
    assert (tmp_path / "sets.png").stat().st_size > 10_000
    assert "| union, Jaccard |" in (tmp_path / "sets.md").read_text()
