"""One process at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other thread or process holds the lock file `path`, and hold it.

    The operating system lets go of it when the file is closed, even if the process is killed.

    Raises:
        OSError: If the file cannot be written or locked.
    """
    with _opened(path) as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
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
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                raise BlockingIOError(*error.args) from error
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
        yield


def _opened(path: Path) -> BinaryIO:
    """A lock file, which is made if it is not there. What it holds does not matter; a symbolic link is not followed."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link, and a lock follows none: remove it", str(path))
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.fdopen(os.open(path, flags, 0o666), "rb+")
