"""Links of README and docs lead somewhere: to a file of the project, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from processes import PROJECT

FILES = [*PROJECT.glob("*.md"), *sorted((PROJECT / "docs").glob("*.md")), *sorted((PROJECT / "examples").rglob("*.md"))]
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_WORDS_OF_README = 1_000


def prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The headings of a file, as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(re.sub(r"`[^`]*`", "", prose(path))):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{path.name}: {link}"


def test_the_readme_is_short() -> None:
    assert len(prose(PROJECT / "README.md").split()) <= _WORDS_OF_README
