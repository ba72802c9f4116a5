"""Files of an export's folder. Whoever may write there may leave symbolic links: none is followed, read or written.

Where the system has no `O_NOFOLLOW`, as on Windows, a link is looked for just before.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from duckdb_sketch._system import NO_FOLLOW, create_new, sync_folder

_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for whoever writes to a named pipe


def create(path: Path) -> BinaryIO:
    """A new file, open to be written, in place of what may have been left there: a link to elsewhere is removed.

    Raises:
        FileExistsError: If something else makes a file of this name at the same time.
        OSError: If it cannot be made.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    return create_new(path)


def open_file(path: Path) -> BinaryIO:
    """A file, open to be read.

    Raises:
        OSError: If it is a symbolic link, or cannot be read.
    """
    return _open(path, os.O_RDONLY, "rb")


def reopen(path: Path) -> BinaryIO:
    """An existing file, open to be read and written.

    Raises:
        OSError: If it is a symbolic link, or cannot be opened.
    """
    return _open(path, os.O_RDWR, "rb+")


def read_bytes(path: Path) -> bytes:
    """What a file holds.

    Raises:
        OSError: If it is a symbolic link, or cannot be read.
    """
    with open_file(path) as file:
        return file.read()


def put(temporary: Path, path: Path) -> None:
    """Put a file that is whole in place of another, so that even after a crash there is one of the two.

    Raises:
        OSError: If it cannot be put there.
    """
    with reopen(temporary) as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def require_no_link(path: Path) -> None:
    """See that a name is not that of a symbolic link.

    Raises:
        OSError: If it is.
    """
    if path.is_symlink():
        raise _is_link(path)


def require_same(path: Path, file: BinaryIO) -> None:
    """See that a name is still that of a file which is open.

    Raises:
        OSError: If it is another one's now.
    """
    if not os.path.samestat(os.lstat(path), os.fstat(file.fileno())):
        raise OSError(errno.ESTALE, "another process replaced the file", str(path))


def _open(path: Path, flags: int, mode: str) -> BinaryIO:
    require_no_link(path)
    try:
        descriptor = os.open(path, flags | NO_FOLLOW | _NO_WAIT)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_link(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a file, such as a named pipe", str(path))
    return os.fdopen(descriptor, mode)  # type: ignore[return-value]


def _is_link(path: Path) -> OSError:
    return OSError(errno.ELOOP, "it is a symbolic link, which an export does not follow: remove it", str(path))
