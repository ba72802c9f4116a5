"""The pages of the site: mkdocs calls the functions `on_…`.

README.md is the first page. Long documents become a page per section, so that there is one per task and per function
family. Each command has a page, which is made from its help.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import commands
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify

PROJECT = Path(__file__).parents[1]
#: The documents, in their order, under the titles of the navigation.
SECTIONS = {
    "Guides": [
        "SQL",
        "SETS",
        "CUBE",
        "ROLLUPS",
        "DATAFRAMES",
        "SOURCES",
        "SERVICE",
        "SPARK",
        "CLIENTS",
        "PICTURES",
        "TALK",
    ],
    "Reference": ["REFERENCE", "FAMILIES", "STORAGE", "INTEROP"],
    "Background": ["CHOOSING", "ALGORITHMS", "BENCHMARKS"],
    "Development": ["ARCHITECTURE", "TESTING", "STYLE"],
}
#: Those that become a page per section.
SPLIT = ("ROLLUPS", "REFERENCE")

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)\s]+)\)")
_slug = slugify(case="lower")


@dataclass
class Page:
    """A page: its address, the document that it comes from, and its text."""

    address: str
    source: Path
    text: str


@dataclass
class Site:
    """All pages, and where what links name has come to be."""

    pages: list[Page] = field(default_factory=list)
    navigation: list[Any] = field(default_factory=list)
    places: dict[tuple[Path, str], str] = field(default_factory=dict)
    images: dict[str, Path] = field(default_factory=dict)

    def add(self, page: Page) -> str:
        """Add a page; its address."""
        self.pages.append(page)
        self.places.setdefault((page.source, ""), page.address)
        for _, title in _headings(page.text):
            anchor = _slug(title, "-")
            self.places.setdefault((page.source, anchor), f"{page.address}#{anchor}")
        return page.address

    def linked(self, page: Page) -> str:
        """The text of a page, with links to pages in place of those to files."""
        parts = re.split(rf"({_FENCE.pattern}|`[^`\n]*`)", page.text, flags=_FENCE.flags)
        for index in range(0, len(parts), 2):
            parts[index] = _LINK.sub(lambda found: self._link(page, found), parts[index])
        return "".join(parts)

    def _link(self, page: Page, found: re.Match[str]) -> str:
        picture, text, target = found.groups()
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        name, _, anchor = target.partition("#")
        source = (page.source.parent / name).resolve() if name else page.source
        if picture:
            address = posixpath.join("images", source.name)
            self.images[address] = source
        else:
            address = self.places.get((source, anchor), "")
        if not address:
            return text  # a file of the project that is not a page
        path, hash_, anchor = address.partition("#")
        relative = posixpath.relpath(path, posixpath.dirname(page.address) or ".")
        return f"{picture}[{text}]({relative}{hash_}{anchor})"


SITE = Site()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read everything, and make the navigation."""
    site = SITE
    site.navigation = [{"Start": site.add(Page("index.md", PROJECT / "README.md", _read(PROJECT / "README.md")))}]
    for title, names in SECTIONS.items():
        site.navigation.append({title: [_document(site, name) for name in names]})
    found = commands()
    for name, text in found.items():
        site.add(Page(_address(name), PROJECT / "commands" / name, text))
    site.navigation.append({"Commands": [{name: _address(name)} for name in found]})
    config.nav = site.navigation
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the pages in the place of the documents that they come from."""
    made = [File.generated(config, page.address, content=SITE.linked(page)) for page in SITE.pages]
    made += [
        File.generated(config, address, abs_src_path=str(source)) for address, source in sorted(SITE.images.items())
    ]
    return Files(made + [file for file in files if not file.src_uri.startswith("images/") and _is_of_theme(file)])


def _is_of_theme(file: File) -> bool:
    return Path(file.src_uri).suffix not in (".md", ".ipynb")


def _document(site: Site, name: str) -> dict[str, Any]:
    """The entry of a document in the navigation."""
    source = PROJECT / "docs" / f"{name}.md"
    text = _read(source)
    title = next(title for _, title in _headings(text))
    if name not in SPLIT:
        return {title: site.add(Page(f"{name.lower()}.md", source, text))}
    pages: list[Any] = []
    for heading, part in _parts(text):
        address = f"{name.lower()}/{_slug(heading, '-') if heading else 'index'}.md"
        site.add(Page(address, source, part))
        pages.append({heading: address} if heading else address)
    return {title: pages}


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The sections of a document, whose headings are a level higher; first what comes before them, without one."""
    starts = [start for start, title in _headings(text) if text.startswith("## ", start)]
    yield "", text[: starts[0]]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        for at, _ in reversed(list(_headings(part))):
            part = part[:at] + part[at + 1 :]
        yield part[2 : part.index("\n")].strip(), part


def _headings(text: str) -> Iterator[tuple[int, str]]:
    """Where headings begin, and what they say."""
    blank = _FENCE.sub(lambda fence: " " * len(fence[0]), text)
    for heading in _HEADING.finditer(blank):
        yield heading.start(), heading[2]


def _address(command: str) -> str:
    return f"commands/{command.replace(' ', '-')}.md"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
