"""The words of docs/STYLE.md that do not occur: in documentation, help texts, messages, docstrings and comments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from processes import PROJECT

#: What is avoided, and what to write instead. docs/STYLE.md has the same list for people.
WORDS = {
    r"\banew\b": "rebuilt, recomputed",
    r"\bmend(s|ed|ing)?\b": "fixed",
    r"\b(brought|brings?) (\w+ ){0,4}up to date\b": "updated",
    r"\babsurd\b": "out of range, rejected",
    r"\bmay not (know|depend)\b": "must not depend on",
    r"\bdifferent (users|values|aircraft|texts|visitors|ones)\b": "distinct",
    r"\b(file|row) (for each|an?) (day|hour|group)\b": "one file per day, one row per group",
    r"\b(merges|users|flights|aircraft|bytes|[kMG]?B|values|events|bids|objects|keys|row|rows)"
    r" an? (second|minute|hour|day|week|month|group|core|value|sketch|entry|request|state)\b|\brows? a group\b": "per",
    r"\b(second|minute) and core\b": "per second per core",
    r"\b(so|how) many minutes late\b|\bso many\b": "5 minutes late; that many",
    r"nothing is said of|\bsays? nothing of\b": "is undocumented, has no statistics",
    r"\band it is in it\b": "lies outside its own statistics",
    r"\bcomments are none\b": "are ignored",
    r"Args follow|\b(Whose|Of what)\.$": "name what it is, or leave it out",
    r"\bthat (it|this|a \w+( worker)?)( and a \w+)? may use\b": "limit",
    r"\berrors? of rank\b": "rank error",
    r"\bheld against\b": "compared with",
    r"\bthat (is|are) there\b": "existing",
    r"\b(put|puts|set) (\w+ )?right\b": "repair",
    r"\bsays what stands\b": "",
    r"\bso as to\b": "to",
    r"(?<!here )\bis no (?!longer\b|more\b|less\b|later\b|greater\b|wider\b|such\b|use\b|proof\b|secret\b|reason\b"
    r"|gain\b|fault\b|evidence\b|end\b)": "is not a",
}
_AVOIDED = re.compile("|".join(f"(?:{pattern})" for pattern in WORDS), re.IGNORECASE)
_FOLDERS = (
    "duckdb_sketch",
    "extension/src",
    "extension_file",
    "benchmarks",
    "examples",
    "sql",
    "docs",
    "website",
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


@pytest.mark.parametrize(
    "avoided",
    [
        "the table is made anew",
        "Mended: damaged images",
        "brings days and months up to date",
        "Event times before it are absurd",
        "which may not know byte layouts",
        "different aircraft",
        "Some events, in a file for each day",
        "2.5 million merges a second and core",
        "one row a group",
        "Departures at most so many minutes late",
        "its statistics say nothing of ts",
        "Spaces and comments are none.",
        '"""Args follow."""',
        "That it may use, such as 2GB.",
        "'x' is no time zone",
    ],
)
def test_what_the_style_names_is_found(avoided: str) -> None:
    assert _AVOIDED.search(avoided)


def test_what_is_plain_is_not() -> None:
    plain = "There is no rollup bids; it is no longer kept. One file per day has distinct users, 5 minutes late."
    assert not _AVOIDED.search(plain)
