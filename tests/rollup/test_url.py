"""Which paths are URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from duckdb_sketch.rollup.sources.url import is_url


@pytest.mark.parametrize("path", ["s3://bucket/a.parquet", "https://host/*.csv", "hf://datasets/x", "abfss://a@b/c"])
def test_urls(path: str) -> None:
    assert is_url(path)


@pytest.mark.parametrize("path", ["data/*.parquet", "/data/a.parquet", Path("a.parquet"), "C:\\a", "odd/s3://name", ""])
def test_paths(path: str | Path) -> None:
    assert not is_url(path)
