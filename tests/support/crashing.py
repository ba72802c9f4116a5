"""Rollups that are made to fail: by an exception, by `kill -9`, by files that may not grow. Also a script, for child
processes:

python crashing.py ROWS NUMBER WHEN rollup refresh …
python crashing.py ROWS NUMBER WHEN append STATEMENT DATABASE EVENTS BATCH_ID

runs the command line, or appends, with at most ROWS rows a batch. If NUMBER is not 0, the process kills itself:
`before` or `after` the statement of that number; in the midst of the `write` that makes a file longer than so many
bytes; or, if WHEN is a folder, before it does something to the files in it for the NUMBERth time.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import duckdb

Fault = Callable[[int, str], None]

# What Python tells its audit hooks before it does so, and of whom the first argument is the path.
_CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Faulty:
    """A connection whose statements are counted, and `fault` is told before and after each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, fault: Fault) -> None:
        self.inner = connection
        self.texts: list[str] = []
        self.fault = fault

    def execute(self, query: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        self.texts.append(query)
        number = len(self.texts)
        self.fault(number, "before")
        result = self.inner.execute(query, parameters)
        self.fault(number, "after")
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _Watch:
    """What Python does to the files in a folder: counted, and `fault` is told before each."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self.folder = os.path.realpath(folder)
        self.done: list[str] = []
        self.fault = fault

    def __call__(self, event: str, path: object) -> None:
        if isinstance(path, (str, os.PathLike)) and str(path).startswith(self.folder):
            self.done.append(f"{event} {Path(path).name}")
            self.fault(len(self.done), "before")


_watch: _Watch | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch is not None and event in _CHANGES and (event != "open" or (arguments[2] or 0) & _WRITING):
        _watch(event, arguments[0])


@contextmanager
def watched(folder: Path, fault: Fault) -> Iterator[list[str]]:
    """Tell `fault` before anything is done to files in a folder, but for what DuckDB writes. Gives what was done."""
    global _watch
    if "crashing hook" not in sys.__dict__:
        sys.__dict__["crashing hook"] = True
        sys.addaudithook(_hook)  # which stays
    fsync = os.fsync

    def told(descriptor: int) -> None:
        watch("os.fsync", os.path.realpath(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    watch = _watch = _Watch(folder, fault)
    os.fsync = told
    try:
        yield watch.done
    finally:
        _watch = None
        os.fsync = fsync


class Unexpected(Exception):
    """Something that no one expects."""


KINDS: list[Callable[[], BaseException]] = [
    lambda: Unexpected("injected"),
    lambda: duckdb.TransactionException("TransactionContext Error: Conflict on update!"),
    lambda: KeyboardInterrupt(),
    lambda: duckdb.IOException("IO Error: Could not write file: No space left on device"),
    lambda: duckdb.OutOfMemoryException("Out of Memory Error: injected"),
]
KINDS_OF_FILES: list[Callable[[], BaseException]] = [
    lambda: OSError(errno.ENOSPC, "No space left on device"),
    lambda: PermissionError(errno.EACCES, "Permission denied"),
    lambda: KeyboardInterrupt(),
    lambda: OSError(errno.EIO, "Input/output error"),
    lambda: Unexpected("injected"),
    lambda: OSError(errno.ESTALE, "Stale file handle"),
]


class Injector:
    """Raises an exception at one statement, or before one file, once."""

    def __init__(self, at: int, when: str, error: BaseException | None) -> None:
        self.at, self.when, self.error = at, when, error

    def __call__(self, number: int, moment: str) -> None:
        if (number, moment) == (self.at, self.when) and self.error is not None:
            error, self.error = self.error, None
            raise error


class Clock(datetime):
    """A clock that is set by hand, to a day in February."""

    year_now = 2024

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime(cls.year_now, 2, 3, tzinfo=tz)


def causes(error: BaseException | None) -> list[BaseException]:
    return [error, *causes(error.__cause__ or error.__context__)] if error else []


def _append(statement: str, database: str, number: str, batch_id: str) -> None:
    from jobs import events

    from duckdb_sketch import Rollup

    with Rollup.from_sql(Path(statement), database=database) as rollup:
        rollup.append(events(int(number)), batch_id=batch_id)


def main() -> None:
    from duckdb_sketch import cli
    from duckdb_sketch.rollup import given_source, level, rollup

    rows, at, when = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    del sys.argv[1:4]

    def kill(number: int, moment: str) -> None:
        if number == at and (moment == when or os.path.isabs(when)):
            os.kill(os.getpid(), signal.SIGKILL)

    def open_faulty(*arguments: Any) -> Any:
        return Faulty(opened(*arguments), kill if when in ("before", "after") else lambda *_: None)

    opened = rollup.open_database
    rollup.open_database = level.open_database = open_faulty
    given_source.rows_that_fit = lambda *_: rows
    with ExitStack() as stack:
        if when == "write" and at:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (at, at))
        if os.path.isabs(when):
            stack.enter_context(watched(Path(when), kill))
        if sys.argv[1] == "append":
            _append(*sys.argv[2:])
        else:
            cli.main()


if __name__ == "__main__":
    main()
