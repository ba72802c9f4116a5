"""The words of docs/STYLE.md that do not occur: in documentation, help texts, messages, docstrings and comments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from processes import PROJECT

_AVOIDED = re.compile(
    r"\banew\b|\bmend(s|ed|ing)?\b|\babsurd\b|brought up to date|\bmay not (know|depend)\b|Args follow|"
    r"\bdifferent (users|values|aircraft)\b|\ba (file|row) an? (day|hour|group)\b|\bmany minutes late\b|"
    r"[Nn]othing is said of",
)
_FOLDERS = (
    "duckdb_sketch",
    "extension/src",
    "extension_file",
    "benchmarks",
    "examples",
    "sql",
    "docs",
    ".github",
    "integrations",
)
_KINDS = {".py", ".rs", ".md", ".sql", ".yml", ".toml", ".html"}
_SELF = "STYLE.md"


def files() -> list[Path]:
    found = [path for folder in _FOLDERS for path in (PROJECT / folder).rglob("*") if path.suffix in _KINDS]
    return sorted([*found, *PROJECT.glob("*.md"), PROJECT / "Makefile"])


@pytest.mark.parametrize("folder", [*_FOLDERS, "."])
def test_words_that_do_not_occur(folder: str) -> None:
    here = [path for path in files() if path.relative_to(PROJECT).parts[0] == folder.split("/")[0]]
    if folder == ".":
        here = [path for path in files() if path.parent == PROJECT]
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {match[0]}"
        for path in here
        if path.name != _SELF
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := _AVOIDED.search(line))
    ]
    assert not found, "docs/STYLE.md has better words:\n" + "\n".join(found)
