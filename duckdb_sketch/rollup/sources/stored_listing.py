"""Listing of URLs: which objects a pattern stands for, asked of their store or server, or of DuckDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile

import duckdb

from duckdb_sketch._glob import MAGIC, literal
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.file import READERS, File, ending_of
from duckdb_sketch.rollup.sources.found import Found
from duckdb_sketch.rollup.sources.name_pattern import NamePart, is_hidden
from duckdb_sketch.rollup.sources.object import Object
from duckdb_sketch.rollup.sources.objects import find_object, is_served
from duckdb_sketch.rollup.sources.secrets import use_secrets
from duckdb_sketch.rollup.sources.stores import is_store, list_store
from duckdb_sketch.rollup.sources.web import is_web

_UNSORTED = "--x-s3"  # what the names of buckets end in that list their keys in no order


def find_remote(
    connection: duckdb.DuckDBPyConnection, pattern: str, counted: Collection[str] = (), look_back: int | None = None
) -> list[Found]:
    """The objects that a URL stands for: those that it matches, or the one of that name, or the data files below it.

    Args:
        connection: Looks at URLs that nothing else can look at.
        pattern: The URL.
        counted: Paths that have been counted.
        look_back: How many of the newest folders that have been counted are listed again, where the names of folders
            sort by time; None lists all.

    Raises:
        SourceError: If they cannot be listed.
    """
    if is_store(pattern):
        use_secrets(connection)
    if is_served(pattern):
        return [_found(each) for each in _served(pattern, counted, look_back)]
    if MAGIC.search(pattern):
        return _objects(connection, pattern, pattern) or _objects(connection, literal(pattern), pattern)
    found = [] if pattern.endswith("/") else _objects(connection, pattern, pattern)
    if found or pattern.lower().startswith("http"):
        return found
    below = f"{pattern.rstrip('/')}/**"
    return [each for each in _objects(connection, below, below) if ending_of(each.name) in READERS]


def _found(each: Object) -> Found:
    return Found(each.url, File(each.url, each.size, each.modified, each.tag), each.url)


def _served(pattern: str, counted: Collection[str], look_back: int | None) -> list[Object]:
    """The objects that a URL stands for, from their store or server."""
    magic = None if is_web(pattern) else MAGIC.search(pattern)
    if magic is None:
        named = None if pattern.endswith("/") else find_object(pattern)
        if named is not None or is_web(pattern):
            return [named] if named is not None else []
        folder = pattern.rstrip("/") + "/"
        after = _after(folder, "", counted, look_back)
        return [each for each in list_store(folder, after) if _is_data(each.url[len(folder) :])]
    folder = pattern[: pattern.rfind("/", 0, magic.start()) + 1]
    start = "" if folder.split("/")[2].endswith(_UNSORTED) else pattern[len(folder) : magic.start()]
    parts = [NamePart(text) for text in pattern[len(folder) :].split("/")]
    if parts[-1].any_folders:
        parts.append(NamePart("*"))
    listed = _beginning(list_store(folder, _after(folder, start, counted, look_back)), folder + start)
    found = [each for each in listed if _fits(parts, each.url[len(folder) :].split("/"))]
    if not found and look_back is None and (named := find_object(pattern)) is not None:
        return [named]
    return found


def _after(folder: str, start: str, counted: Iterable[str], look_back: int | None) -> str:
    """The URL after which objects are listed; all of a folder if it is empty.

    Args:
        folder: The folder, with a slash at its end.
        start: What all names in it begin with that are wanted.
        counted: Paths that have been counted.
        look_back: How many of the folders of these are listed again; None lists all.
    """
    first = folder + start[:-1] + chr(ord(start[-1]) - 1) if start > " " else ""
    if look_back is None:
        return first
    names = [url[len(folder) :] for url in counted if url.startswith(folder)]
    flat = any("/" not in name for name in names)
    known = sorted(names if flat else {name.rpartition("/")[0] for name in names}, key=str.encode)
    back = look_back + flat  # the name of a folder comes before all that is in it, that of an object is its own
    return first if len(known) < back else max(first, folder + known[-back], key=str.encode)


def _beginning(objects: Iterable[Object], start: str) -> Iterator[Object]:
    """Of objects in the order of their URLs those up to the last one that begins so: no more pages are asked for."""
    wanted = start.encode()
    return takewhile(lambda each: each.url.encode()[: len(wanted)] <= wanted, objects)


def _is_data(name: str) -> bool:
    return ending_of(name) in READERS and not any(map(is_hidden, name.split("/")))


def _fits(parts: Sequence[NamePart], names: Sequence[str]) -> bool:
    """Whether the names of folders and of an object are what a pattern says."""
    if not parts or not names:
        return not parts and not names
    if not parts[0].any_folders:
        return parts[0].matches(names[0]) and _fits(parts[1:], names[1:])
    return _fits(parts[1:], names) or (not is_hidden(names[0]) and _fits(parts, names[1:]))


def _objects(connection: duckdb.DuckDBPyConnection, query: str, pattern: str) -> list[Found]:
    """The objects that DuckDB finds, but for those that are hidden from a pattern."""
    try:
        rows = fetch(
            connection, "SELECT filename, size, coalesce(epoch_ns(last_modified), 0) FROM read_blob(?)", [query]
        )
    except duckdb.IOException as error:
        if "No files found" in str(error) or getattr(error, "status_code", None) == 404:
            return []
        hint = "; pip install obstore reads it without" if "httpfs" in str(error) else ""
        raise SourceError(f"{pattern}: {error}{hint}") from error
    return [Found(row[0], File(*row), row[0]) for row in rows if not _hides(pattern, row[0])]


def _hides(pattern: str, url: str) -> bool:
    """Whether an object has a hidden name below the fixed part of a pattern, which the pattern does not have."""
    magic = MAGIC.search(pattern)
    fixed = pattern[: pattern.rfind("/", 0, magic.start()) + 1] if magic else url
    if not url.startswith(fixed):
        return False
    parts = [NamePart(text) for text in pattern[len(fixed) :].split("/") if text != "**"]
    hidden = [name for name in url[len(fixed) :].split("/") if is_hidden(name)]
    return not all(any(part.matches(name) for part in parts) for name in hidden)
