"""The suite of frequent items, from end to end on a toy's worth of rows. Nothing here looks at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.top_k import COLUMNS, FOUND

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.native, pytest.mark.thorough]


def test_every_column_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    assert main(["top-k", "--scale", "toy", "--output", str(tmp_path)]) == 0
    lines = {line["column"]: line for line in json.loads((tmp_path / "top_k.json").read_text())["top_k"]["lines"]}
    assert set(lines) == set(COLUMNS)
    assert lines["power law, BIGINT"]["found"] == FOUND
    report = (tmp_path / "top_k.md").read_text()
    assert all(column in report for column in COLUMNS)
