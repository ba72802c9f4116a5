"""A glimpse of a source's folders: as long as it looks the same, the source has the same files."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import lru_cache

from duckdb_sketch._glob import MAGIC
from duckdb_sketch.rollup.sources.name_pattern import NamePart
from duckdb_sketch.rollup.sources.url import is_url, local_path

#: What the file system says of what is in a folder: names, numbers, sizes and times.
Glimpse = tuple[object, ...]


def glimpse(patterns: Sequence[str]) -> Glimpse | None:
    """What there is in the folders of patterns; None if that does not say which files they stand for, and how they are.

    It says so where each pattern is a folder's path and a pattern of names, and whatever has such a name is a plain
    file: there is nothing in it to follow. To look takes a third of the time that a listing takes.
    """
    found: list[object] = []
    for pattern in patterns:
        split = _split(pattern)
        if split is None:
            return None
        folder, part = split
        try:
            with os.scandir(folder) as entries:
                there = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        except OSError:
            return None
        if any(not stat.S_ISREG(status.st_mode) and part.matches(name) for name, status in there):
            return None
        found += (folder, os.path.realpath(folder))
        found += [(name, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode) for name, s in there]
    return tuple(found)


@lru_cache(maxsize=1_000)
def _split(pattern: str) -> tuple[str, NamePart] | None:
    """The folder of a pattern of local files, and the names in it; None if it is of another form."""
    if local_path(pattern) is not None or is_url(pattern) or "\0" in pattern:
        return None
    folder, _, name = os.path.expanduser(pattern).rpartition("/")
    part = NamePart(name)
    if (
        part.any_folders
        or part.is_name(folder)
        or any(mark in pattern for mark in ("[", "/**"))
        or MAGIC.search(folder)
    ):
        return None
    return folder or ("/" if pattern.startswith("/") else "."), part
