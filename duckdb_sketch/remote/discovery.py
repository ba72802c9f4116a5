"""The socket next to a database, by which programs of the same user find the service that has it open."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SUFFIX = ".socket"
_LONGEST = 100  # bytes of a path that every system takes; some take 108


def socket_path(database: str | Path) -> Path:
    """Where the socket of a database is."""
    path = Path(os.path.realpath(database))
    return path.with_name(path.name + _SUFFIX)


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name of a socket that the system takes, however long its path is, for as long as this lasts.

    Raises:
        OSError: If there is none.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"  # Linux alone; elsewhere nothing is there
    finally:
        os.close(folder)


@contextmanager
def listening(database: str | Path) -> Iterator[socket.socket]:
    """The socket next to a database, which only this user can connect to, and which is removed at the end.

    Whoever has the database open is the only one to have it: what is left of a service that was killed is replaced.

    Raises:
        OSError: If it cannot be made.
    """
    path = socket_path(database)
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no such sockets")
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} exists, and is not a socket")
        path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        before = os.umask(0o177)
        try:
            with reachable(path) as name:
                bound.bind(name)
        finally:
            os.umask(before)
        made = path.lstat()
        bound.listen(128)
        try:
            yield bound
        finally:
            with suppress(OSError):
                if path.lstat().st_ino == made.st_ino:  # not that of another service
                    path.unlink()


def find(database: str | Path) -> Path | None:
    """The socket of the service that has a database open; None if none answers.

    A socket of another user is not trusted.
    """
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        path = socket_path(database)
        found = path.lstat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in (os.getuid(), 0):
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, reachable(path) as name:
            probe.settimeout(1)
            probe.connect(name)
    except OSError:
        return None
    return path
