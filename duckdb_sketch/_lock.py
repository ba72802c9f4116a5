"""One process at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from duckdb_sketch._system import NO_FOLLOW, lock_file, try_lock_file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other thread or process holds the lock file `path`, and hold it.

    The operating system lets go of it when the file is closed, even if the process is killed.

    Raises:
        OSError: If the file cannot be written or locked.
    """
    with _opened(path) as file:
        lock_file(file)
        yield


@contextmanager
def lock_or_fail(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, as `locked` does, or do not wait for whoever holds it.

    On a file system that has no locks there is nothing to hold.

    Raises:
        BlockingIOError: If another thread or process holds it.
        OSError: If the file cannot be written.
    """
    with _opened(path) as file:
        try_lock_file(file)
        yield


def _opened(path: Path) -> BinaryIO:
    """A lock file, which is made if it is not there. What it holds does not matter; a symbolic link is not followed."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link, which a lock does not follow: remove it", str(path))
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o666), "rb+")
