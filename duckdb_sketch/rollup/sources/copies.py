"""Copies of objects on this machine, for as long as a batch is read from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from duckdb_sketch._scratch import scratch_folder
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.events import Events, Extent
from duckdb_sketch.rollup.sources.file import File, ending_of
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.objects import download, is_served
from duckdb_sketch.rollup.sources.web import is_web

_AT_ONCE = 8
_LONGEST_NAME = 255  # bytes


@dataclass(frozen=True)
class Copies:
    """Files that DuckDB can read: those that are here, and copies of the others.

    Attributes:
        files: The files, in their order.
        originals: What the copies are of, by their paths.
        folder: Where the copies are; empty if there are none.
    """

    files: tuple[File, ...]
    originals: Mapping[str, File]
    folder: str

    def original(self, file: File) -> File:
        """What a file is a copy of; itself if it is none."""
        return self.originals.get(file.path, file)

    def named(self, sql: str) -> str:
        """A query with a column `FILE`, in which that is what the copies are of."""
        if not self.originals:
            return sql
        column = identifier(FILE)
        cases = [
            f"WHEN {column} = {quote(path)} THEN {quote(file.path)}"
            for path, file in self.originals.items()
            if self._plain(path) != file.path
        ]
        for scheme in sorted({file.path.partition("://")[0] for file in self.originals.values()}):
            start = os.path.join(self.folder, scheme, "")
            url = f"{quote(f'{scheme}://')} || {column}[{len(start) + 1}:]"
            cases.append(f"WHEN starts_with({column}, {quote(start)}) THEN {url}")
        return f"SELECT * REPLACE (CASE {' '.join(cases)} ELSE {column} END AS {column}) FROM ({sql})"

    def text(self, message: str) -> str:
        """A message in which copies are called what they are of, without the SQL that reads them."""
        message = message.partition("\n\nLINE ")[0] if self.originals else message
        for path in sorted(self.originals, key=len, reverse=True):
            message = message.replace(path, self.originals[path].path)
        return message

    @contextmanager
    def told(self) -> Iterator[None]:
        """Have errors name what the copies are of.

        Raises:
            SourceError: If there is an error, the same one.
        """
        try:
            yield
        except SourceError as error:
            if len(error.args) == 1:
                error.args = (self.text(str(error)),)
            raise

    def events(self, events: Events) -> Events:
        """The events of copies as those of what they are of."""
        if not self.originals:
            return events
        extents = events.extents

        def named_extents(column: str) -> Mapping[str, Extent] | None:
            found = extents(column)
            if found is None:
                return None
            return {self.originals[path].path if path in self.originals else path: each for path, each in found.items()}

        return replace(
            events,
            sql=self.named(events.sql),
            sample=self.named(events.sample) if events.sample else "",
            slices=tuple(self.original(each) if isinstance(each, File) else each for each in events.slices),
            culprit=_renaming(events.culprit, self.text),
            extents=named_extents,
        )

    def _plain(self, path: str) -> str:
        scheme, _, rest = os.path.relpath(path, self.folder).partition(os.sep)
        return f"{scheme}://{rest}"


@contextmanager
def copied(files: Sequence[File]) -> Iterator[Copies]:
    """Copies of the objects among some files, which are there until the context ends.

    Raises:
        SourceError: If an object is gone, changed or cannot be read.
    """
    served = [file for file in files if is_served(file.path)]
    if not served:
        yield Copies(tuple(files), {}, "")
        return
    with scratch_folder() as scratch:
        folder = str(scratch)
        places = {file.path: _place(folder, number, file.path) for number, file in enumerate(served)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda file: _copy(file, places[file.path]), served):
                pass
        yield Copies(
            tuple(replace(file, path=places.get(file.path, file.path)) for file in files),
            {places[file.path]: file for file in served},
            folder,
        )


def _copy(file: File, path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise SourceError(f"{file.path} cannot be copied to {path}: {error.strerror}") from error
    try:
        download(file.path, file.digest, path, file.size)
    except OSError as error:
        raise SourceError(f"{file.path} cannot be copied to {path}: {error.strerror}; TMPDIR says where to") from error


def _place(folder: str, number: int, url: str) -> str:
    """Where the copy of an object lies: under its own key, so that folders are columns, if that can be a path."""
    scheme, _, rest = url.partition("://")
    names = rest.split("/")
    if not is_web(url) and all(map(_is_sane, names)):
        return os.path.join(folder, scheme, *names)
    partitions = [name for name in names[:-1] if "=" in name and _is_sane(name)]
    ending = names[-1].partition("?")[0] if is_web(url) else names[-1]
    kind = ".".join(
        ["copy", ending_of(ending), *([] if ending.endswith(ending_of(ending)) else ending.split(".")[-1:])]
    )
    return os.path.join(folder, str(number), *partitions, kind)


def _is_sane(name: str) -> bool:
    return name not in ("", ".", "..") and "\\" not in name and len(name.encode()) <= _LONGEST_NAME


def _renaming(culprit: Callable[[], str], text: Callable[[str], str]) -> Callable[[], str]:
    return lambda: text(culprit())
