"""What operating systems do differently: locks, signals, links, new files, folders that outlast a crash.

Everything else in the package is written for all of them. The half for Windows has been run in simulation alone
(`tests/host/test_system.py`), never on Windows.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags of `os.open`: follow no symbolic link, where the system can refuse to; hand on to no child; change no bytes."""

_PAUSE = 0.1  # seconds
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock_file(file: BinaryIO) -> None:
    """Wait until no other thread or process has locked the file, and lock it until it is closed.

    Raises:
        OSError: If the file system has no locks.
    """
    if sys.platform == "win32":
        while True:  # LK_LOCK itself gives up after ten seconds
            with suppress(BlockingIOError):
                return try_lock_file(file)
            time.sleep(_PAUSE)
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock_file(file: BinaryIO) -> None:
    """Lock the file, as `lock_file` does, or do not wait. Where the file system has no locks, do nothing.

    Raises:
        BlockingIOError: If another thread or process has locked it.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            file.seek(0)  # what is locked are bytes from here on
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def create_new(path: Path) -> BinaryIO:
    """A new file, open to be written.

    Raises:
        FileExistsError: If there is a file, or a link, of that name.
        OSError: If it cannot be made.
    """
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666), "wb")


def sync_folder(folder: Path) -> None:
    """See that the names in a folder outlast a crash, where the system has a way to say so."""
    if sys.platform == "win32":
        return  # a folder cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems that are reached over a network have none
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stop_signals() -> dict[int, str]:
    """The signals that ask a process to end, with what they make of it."""
    signals: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
    if sys.platform == "win32":
        signals[signal.SIGBREAK] = "interrupted"  # Ctrl-Break; SIGTERM comes from this process alone
    return signals
