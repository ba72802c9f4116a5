"""A snapshot of a source's folders: while it is unchanged, so are the source's files."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from duckdb_sketch._glob import MAGIC
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.name_pattern import NamePart
from duckdb_sketch.rollup.sources.url import is_url, local_path

#: Paths of folders, and the name, device, inode, size, time and mode of each entry.
FolderSnapshot = tuple[Any, ...]


def snapshot_of(patterns: Sequence[str]) -> FolderSnapshot | None:
    """The entries of the folders that patterns name; None if these do not determine the files.

    They do if each pattern is the path of a folder and a pattern of file names, and every match is a regular file: then
    there is no link and no subfolder to follow. It is cheaper than a listing.
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


def files_in(patterns: Sequence[str], seen: FolderSnapshot, known: Mapping[str, File]) -> dict[str, File] | None:
    """The files that a listing would find, by path and in its order, of one folder; None if that takes a listing.

    That is where several patterns may name one file, a file has several names, or its name is one to look at closely.

    Args:
        patterns: The patterns.
        seen: The snapshot of them.
        known: Files of before, which are taken where nothing has changed: they know what they are read with.
    """
    split = _split(patterns[0]) if len(patterns) == 1 else None
    if split is None:
        return None
    (_, part), (_, folder, *entries) = split, seen
    place = folder.rstrip("/")
    found: dict[str, File] = {}
    identities = set()
    for name, device, inode, size, modified, _ in entries:
        if not part.matches(name):
            continue
        path = f"{place}/{name}"
        file = known.get(path)
        if file is None or (file.size, file.modified, file.digest) != (size, modified, ""):
            file = File(path, size, modified)
        found[path] = file
        identities.add((device, inode if inode else path))
    plain = all(path.isascii() and "\\" not in path for path in found)
    return dict(sorted(found.items())) if found and plain and len(identities) == len(found) else None


@lru_cache(maxsize=1_000)
def _split(pattern: str) -> tuple[str, NamePart] | None:
    """The folder of a pattern of local files, and the names in it; None if it is of another form."""
    if local_path(pattern) is not None or is_url(pattern) or "\0" in pattern:
        return None
    folder, _, name = os.path.expanduser(pattern).rpartition("/")
    part = NamePart(name)
    if part.any_folders or "[" in name or part.is_name(folder) or MAGIC.search(folder):
        return None
    return folder or ("/" if pattern.startswith("/") else "."), part
