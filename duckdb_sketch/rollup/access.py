"""Who may use a connection: one thread at a time, in the process that opened it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from duckdb_sketch.rollup.errors import RollupError

_INSTEAD = "open the rollup in that process, after the fork, and close it before; or start processes with spawn"


class Access:
    """A turn at a connection. Entered again by the thread that has it, it is had already."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._process = os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a fork of the one that opened the connection."""
        return os.getpid() != self._process

    def __enter__(self) -> None:
        # Asked first: in a fork, the thread that holds the lock does not exist.
        if self.is_inherited:
            raise RollupError(
                f"process {self._process} opened this rollup, and process {os.getpid()} is a fork of it, whose "
                f"changes would be lost: {_INSTEAD}"
            )
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class _Accessed(Protocol):
    _access: Access


_S = TypeVar("_S", bound=_Accessed)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def exclusive(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """A method that takes its turn: what it does with the connection is not mixed with what other threads do."""

    @wraps(method)
    def within(self: _S, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        with self._access:
            return method(self, *arguments, **named)

    return within


# The regular files that this process got open from the one that it is a fork of, by their descriptors.
_INHERITED: dict[int, tuple[int, int]] = {}


def _remember_inherited() -> None:
    _INHERITED.clear()
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):
                found = os.fstat(int(name))
                if stat.S_ISREG(found.st_mode):
                    _INHERITED[int(name)] = (found.st_dev, found.st_ino)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remember_inherited)


def require_not_inherited(database: str | Path) -> None:
    """See that a database is not open in the process that this one is a fork of.

    DuckDB would take the copy of it that came with the fork, and two processes would write to one file.

    Raises:
        RollupError: If it is.
    """
    if not _INHERITED:
        return
    with suppress(OSError, ValueError):
        file = os.stat(database)
        for descriptor, identity in _INHERITED.items():
            if identity != (file.st_dev, file.st_ino):
                continue
            with suppress(OSError):  # closed meanwhile
                found = os.fstat(descriptor)
                if (found.st_dev, found.st_ino) == identity:
                    raise RollupError(
                        f"{database} was open when process {os.getpid()} was forked, and what it writes there would "
                        f"be lost: {_INSTEAD}"
                    )
