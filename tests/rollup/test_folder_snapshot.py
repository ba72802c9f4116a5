"""A snapshot of folders is another one wherever a listing might be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from duckdb_sketch.rollup.sources.folder_snapshot import files_in, snapshot_of
from duckdb_sketch.rollup.sources.listing import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv", "other.txt"):
        (tmp_path / name).write_text("x\n1\n")
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    return tmp_path


CHANGES: list[Callable[[Path], object]] = [
    lambda folder: (folder / "c.csv").write_text("x\n1\n"),
    lambda folder: (folder / "a.csv").unlink(),
    lambda folder: (folder / "a.csv").rename(folder / "d.csv"),
    lambda folder: (folder / "a.csv").write_text("x\n2\n"),  # of the same size
    lambda folder: os.utime(folder / "a.csv", ns=(10**18, 10**18 + 1)),
    lambda folder: os.replace(folder / "b.csv", folder / "a.csv"),
    lambda folder: os.link(folder / "a.csv", folder / "e.csv"),
    lambda folder: (folder / "l.csv").symlink_to(folder / "a.csv"),
    lambda folder: (folder / "folder.csv").mkdir(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_listing_would_tell_a_snapshot_does(folder: Path, change: Callable[[Path], object]) -> None:
    pattern = [f"{folder}/*.csv"]
    before, listed = snapshot_of(pattern), find(duckdb.connect(), pattern)
    assert before is not None
    assert snapshot_of(pattern) == before
    change(folder)
    assert snapshot_of(pattern) != before
    assert find(duckdb.connect(), pattern) != listed or (folder / "folder.csv").exists()


OTHERS: list[Callable[[Path], object]] = [
    lambda folder: (folder / "_b.csv").write_text("hidden"),
    lambda folder: (folder / ".c.csv").write_text("hidden"),
    lambda folder: (folder / "z*[1].csv").write_text("x\n1\n"),
    lambda folder: (folder / "größe.csv").write_text("x\n1\n"),
    lambda folder: (folder / "A.csv").write_text("x\n1\n"),
    lambda folder: (folder / "a.csv").rename(folder / "a.txt"),
]


@pytest.mark.parametrize("change", [*CHANGES, *OTHERS])
def test_the_files_in_a_snapshot_are_those_of_a_listing(folder: Path, change: Callable[[Path], object]) -> None:
    pattern = [f"{folder}/*.csv"]
    before = snapshot_of(pattern)
    assert before is not None
    known = files_in(pattern, before, {})
    assert known is not None
    assert list(known.values()) == list(find(duckdb.connect(), pattern).files)
    change(folder)
    seen = snapshot_of(pattern)
    listed = find(duckdb.connect(), pattern).files
    found = None if seen is None else files_in(pattern, seen, known)
    assert found is None or list(found.items()) == [(file.path, file) for file in listed]
    names = os.listdir(folder)
    assert (found is None) == bool({"e.csv", "l.csv", "folder.csv", "größe.csv"} & {*names})


def test_files_of_several_patterns_take_a_listing(folder: Path) -> None:
    patterns = [f"{folder}/*.csv", f"{folder}/a*"]
    seen = snapshot_of(patterns)
    assert seen is not None
    assert files_in(patterns, seen, {}) is None


def test_a_folder_that_is_a_link_may_lead_to_other_names_of_the_same_files(folder: Path) -> None:
    link, other = folder / "link", folder / "other"
    for place in (folder / "one", other):
        place.mkdir()
        os.link(folder / "a.csv", place / "a.csv")
    link.symlink_to(folder / "one")
    before = snapshot_of([f"{link}/*.csv"])
    link.unlink()
    link.symlink_to(other)
    assert snapshot_of([f"{link}/*.csv"]) != before


@pytest.mark.parametrize(
    "pattern",
    [
        "{}/a.csv",
        "{}",
        "{}/**",
        "{}/**/*.csv",
        "{}/*/*.csv",
        "{}/[ab].csv",
        "file://{}/*.csv",
        "s3://bucket/*.csv",
        "*.csv\0",
    ],
)
def test_patterns_that_more_than_one_folder_answers_have_no_snapshot(folder: Path, pattern: str) -> None:
    assert snapshot_of([pattern.format(folder)]) is None


def test_links_and_folders_that_match_have_no_snapshot(folder: Path) -> None:
    assert snapshot_of([f"{folder}/*.csv", f"{folder}/*.txt"]) is not None
    (folder / "link.txt").symlink_to(folder / "a.csv")
    assert snapshot_of([f"{folder}/*.csv"]) is not None
    assert snapshot_of([f"{folder}/*.csv", f"{folder}/*.txt"]) is None
