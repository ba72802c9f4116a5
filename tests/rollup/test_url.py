"""Which paths are URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from duckdb_sketch.rollup.sources.url import is_url, local_path


@pytest.mark.parametrize("path", ["s3://bucket/a.parquet", "https://host/*.csv", "hf://datasets/x", "abfss://a@b/c"])
def test_urls(path: str) -> None:
    assert is_url(path)


@pytest.mark.parametrize("path", ["data/*.parquet", "/data/a.parquet", Path("a.parquet"), "C:\\a", "odd/s3://name", ""])
def test_paths(path: str | Path) -> None:
    assert not is_url(path)


@pytest.mark.parametrize(
    "url", ["file:///a b/*.csv", "file://localhost/a b/*.csv", "file:/a b/*.csv", "FILE:///a b/*.csv"]
)
def test_urls_of_files_are_paths(url: str) -> None:
    assert local_path(url) == "/a b/*.csv"


@pytest.mark.parametrize("path", ["file://host/a.csv", "s3://b/a.csv", "/a.csv", "file.csv"])
def test_what_is_on_no_disk_of_ours_is_no_path(path: str) -> None:
    assert local_path(path) is None
