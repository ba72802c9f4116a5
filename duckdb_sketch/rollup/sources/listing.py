"""Listing: which files the patterns, folders and links of a source stand for, each file once."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import duckdb

from duckdb_sketch._glob import MAGIC
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.file import READERS, File, ending_of
from duckdb_sketch.rollup.sources.found import Found
from duckdb_sketch.rollup.sources.name_pattern import NamePart, is_hidden
from duckdb_sketch.rollup.sources.stored_listing import find_remote
from duckdb_sketch.rollup.sources.url import is_url, local_path


@dataclass(frozen=True)
class Listing:
    """The files of a source.

    Attributes:
        files: Each file once, by path.
        duplicates: The other names under which some were found: hard links, symbolic links, and names that several
            patterns match. They are left out.
    """

    files: Sequence[File]
    duplicates: Sequence[str] = ()


def find(
    connection: duckdb.DuckDBPyConnection,
    patterns: Sequence[str],
    counted: Collection[str] = (),
    look_back: int | None = None,
) -> Listing:
    """The files that match any of the patterns.

    A pattern is a path or a URL, in which `*`, `?`, `[…]` and `**` stand for names. A folder stands for the data files
    in it, at any depth. Names that begin with `_` or `.` are files in the making, as in Spark and Hive, and are left
    out unless the pattern has them; `_year=2026` is a folder of a partition, and is not.

    Args:
        connection: Looks at URLs.
        patterns: The patterns.
        counted: Paths that have been counted. Of several names of one file, such a one is taken, or else the first.
        look_back: Of object stores: how many of the newest folders that have been counted are listed again; None lists
            all.

    Raises:
        SourceError: If a pattern matches no file, or a folder cannot be listed.
    """
    same: dict[object, list[Found]] = {}
    for pattern in patterns:
        if "\0" in pattern:
            raise SourceError(f"{pattern!r}: a path cannot contain NUL")
        found = _find(connection, pattern, counted, look_back)
        if not found and (look_back is None or not counted):
            raise SourceError(f"{pattern}: {_nothing(pattern)}")
        for each in found:
            same.setdefault(each.identity, []).append(each)
    files: dict[str, File] = {}
    duplicates: list[str] = []
    for group in same.values():
        chosen = _chosen(group, counted)
        files |= chosen
        names = sorted(each.name for each in group)
        for path in chosen:
            names.remove(path if path in names else names[0])
        duplicates += names
    return Listing([files[path] for path in sorted(files)], sorted(duplicates))


def _chosen(group: Sequence[Found], counted: Collection[str]) -> dict[str, File]:
    """Of the names of one file those that have been counted, or else the first; by path."""
    files = {each.file.path: each.file for each in group}
    if len(files) == 1:
        return files
    known = {path: file for path, file in files.items() if path in counted}
    return known or {min(files): files[min(files)]}


def _nothing(pattern: str) -> str:
    path = _expanded(pattern)
    if path is not None and os.path.isdir(path):
        return f"there is no data file in this folder: no name ends in .{', .'.join(READERS)}, or these and .gz or .zst"
    return "there is no such file"


def _expanded(pattern: str) -> str | None:
    """A pattern of local files as a path; None if it is for DuckDB."""
    path = local_path(pattern)
    if path is None:
        return None if is_url(pattern) else os.path.expanduser(pattern)
    return path


def _find(
    connection: duckdb.DuckDBPyConnection, pattern: str, counted: Collection[str], look_back: int | None
) -> list[Found]:
    path = _expanded(pattern)
    if path is None:
        return find_remote(connection, pattern, counted, look_back)
    found = _Walk(path).files()
    if local_path(pattern) is None:
        return found
    if not found and "%" in path:
        found = _Walk(unquote(path)).files()
    return [_as_counted(each, counted) for each in found]


def _as_counted(found: Found, counted: Collection[str]) -> Found:
    """What was counted as file:///… before such URLs were paths keeps that name, so that it is not counted again."""
    file = found.file
    url = f"file://{file.path}"
    if url not in counted:
        return found
    return Found(found.name, File(url, file.size, file.modified // 1000 * 1000), found.identity)


class _Walk:
    """A walk through the folders that a pattern of local files reaches.

    Folders are known by their paths without links, and a folder is looked at once for what is left of the pattern, so
    that links that lead in circles end.
    """

    def __init__(self, pattern: str) -> None:
        base, self._parts = _split(pattern)
        self._wants_folders = pattern.endswith("/")
        self._stack: list[tuple[str, int]] = []
        self._seen: set[tuple[str, int]] = set()
        self._found: dict[str, Found] = {}
        if self._parts:
            self._push(os.path.realpath(base or "."), 0)
        elif base:
            self._take_named(base)

    def files(self) -> list[Found]:
        """All files, in no order."""
        while self._stack:
            folder, place = self._stack.pop()
            if place == len(self._parts):
                self._look_for_data(folder)
            elif self._parts[place].any_folders:
                self._push(folder, place + 1)
                self._descend(folder, place)
            elif self._parts[place].is_name(folder):
                self._step(os.path.join(folder, self._parts[place].text), place)
            else:
                self._match(folder, place)
        return list(self._found.values())

    def _push(self, folder: str, place: int) -> None:
        if (folder, place) not in self._seen:
            self._seen.add((folder, place))
            self._stack.append((folder, place))

    def _descend(self, folder: str, place: int) -> None:
        """Look into the folders of a folder, with the same part of the pattern left."""
        for entry in _entries(folder):
            if not is_hidden(entry.name) and _is_folder(entry):
                self._push(_resolved(folder, entry), place)

    def _step(self, path: str, place: int) -> None:
        """Follow the one name that this part of the pattern is."""
        if place == len(self._parts) - 1:
            self._take_named(path)
        elif os.path.isdir(path):
            self._push(os.path.realpath(path), place + 1)

    def _match(self, folder: str, place: int) -> None:
        """Follow the names in a folder that this part of the pattern matches."""
        part, last = self._parts[place], place == len(self._parts) - 1
        for entry in _entries(folder):
            if not part.matches(entry.name):
                continue
            if last:
                self._take(folder, entry)
            elif _is_folder(entry):
                self._push(_resolved(folder, entry), place + 1)

    def _look_for_data(self, folder: str) -> None:
        """Take the data files of a folder, and look into its folders."""
        for entry in _entries(folder):
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                self._push(_resolved(folder, entry), len(self._parts))
            elif ending_of(entry.name) in READERS:
                self._take(folder, entry)

    def _take(self, folder: str, entry: os.DirEntry[str]) -> None:
        """Add a file that was listed; of a folder that is called like a data file, the files in it."""
        status = _status(entry)
        if status is None:
            return
        if stat.S_ISREG(status.st_mode):
            name = f"{folder}/{entry.name}" if folder != "/" else f"/{entry.name}"
            self._add(name, os.path.realpath(name) if entry.is_symlink() else name, status)
        elif stat.S_ISDIR(status.st_mode) and (self._wants_folders or ending_of(entry.name) in READERS):
            self._push(_resolved(folder, entry), len(self._parts))

    def _take_named(self, path: str) -> None:
        """Add the file of a name; of a folder, the files in it."""
        status = _status(Path(path))
        if status is None:
            return
        if stat.S_ISREG(status.st_mode):
            self._add(os.path.abspath(path), os.path.realpath(path), status)
        elif stat.S_ISDIR(status.st_mode):
            self._push(os.path.realpath(path), len(self._parts))

    def _add(self, name: str, path: str, status: os.stat_result) -> None:
        file = File(_readable(path), status.st_size, status.st_mtime_ns)
        self._found[name] = Found(name, file, (status.st_dev, status.st_ino) if status.st_ino else path)


def _split(pattern: str) -> tuple[str, list[NamePart]]:
    """The fixed part of a pattern, and what is left of it."""
    base = "/" if pattern.startswith("/") else ""
    parts = [NamePart(text) for text in pattern.split("/") if text]
    while parts and parts[0].is_name(base):
        base = os.path.join(base, parts.pop(0).text)
    if parts and parts[-1].any_folders:
        parts.append(NamePart("*"))
    return base, parts


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder.

    Raises:
        SourceError: If it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return  # removed since it was listed
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be listed: {error.strerror}") from error


def _status(entry: os.DirEntry[str] | Path) -> os.stat_result | None:
    """What the file system says of a file; None if it is gone, or a link that leads nowhere.

    Raises:
        SourceError: If we are not allowed to ask.
    """
    try:
        return entry.stat()
    except PermissionError as error:
        raise SourceError(f"{os.fspath(entry)} cannot be read: {error.strerror}") from error
    except OSError:
        return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _resolved(folder: str, entry: os.DirEntry[str]) -> str:
    path = os.path.join(folder, entry.name)
    return os.path.realpath(path) if entry.is_symlink() else path


def _readable(path: str) -> str:
    """A path, if DuckDB can be told of it.

    Raises:
        SourceError: If it cannot.
    """
    if "\\" in path and MAGIC.search(path):
        raise SourceError(
            f"{path}: DuckDB cannot open a file whose path has both a backslash and one of * ? [: rename it"
        )
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError as error:
            shown = os.fsencode(path).decode(errors="backslashreplace")
            raise SourceError(f"{shown}: this name is not UTF-8, and DuckDB cannot open it: rename the file") from error
    return path
