"""What operating systems do differently; the half for Windows in simulation, as no test has run there."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from duckdb_sketch import _system
from duckdb_sketch._files import replace_file
from duckdb_sketch._lock import lock_or_fail, locked


class Msvcrt(SimpleNamespace):
    """Windows' locks of bytes, over files of this process."""

    LK_LOCK, LK_NBLCK = 1, 2

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], int] = {}
        self.asked = 0

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0
        self.asked += 1
        status = os.fstat(descriptor)
        file = (status.st_dev, status.st_ino)
        owner = self.held.get(file)
        if owner is not None and owner != descriptor and self._is_open(owner, file):
            raise OSError(errno.EACCES, "Permission denied")
        self.held[file] = descriptor

    @staticmethod
    def _is_open(descriptor: int, file: tuple[int, int]) -> bool:
        try:
            status = os.fstat(descriptor)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == file


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Msvcrt:
    """A process that takes itself to be on Windows, without what that lacks."""
    msvcrt = Msvcrt()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    monkeypatch.setattr(_system, "_PAUSE", 0.01)
    return msvcrt


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    assert_one_at_a_time(tmp_path / "lock")


def test_a_lock_is_held_by_one_at_a_time_on_windows(windows: Msvcrt, tmp_path: Path) -> None:
    assert_one_at_a_time(tmp_path / "lock")
    assert windows.asked > 2


def assert_one_at_a_time(path: Path) -> None:
    order = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with locked(path):
            order.append("second")

    with locked(path):
        other = threading.Thread(target=wait)
        other.start()
        waiting.wait()
        with pytest.raises(BlockingIOError), lock_or_fail(path):
            pass
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    with lock_or_fail(path):
        pass


def test_a_file_system_without_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def flock(file: BinaryIO, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with lock_or_fail(tmp_path / "lock"):
        pass
    with pytest.raises(OSError, match="No locks available"), locked(tmp_path / "lock"):
        pass


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    with _system.create_new(tmp_path / "file") as file:
        file.write(b"line\r\n")
    assert (tmp_path / "file").read_bytes() == b"line\r\n"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            _system.create_new(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_folders_are_not_opened_on_windows(windows: Msvcrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened a folder"))
    _system.sync_folder(tmp_path)


def test_signals(windows: Msvcrt) -> None:
    assert _system.stop_signals() == {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", 21: "interrupted"}


def test_a_library_that_is_loaded_stays_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library"
    path.write_bytes(b"build 1")
    inode = path.stat().st_ino
    replace_file(path, b"build 1")
    assert path.stat().st_ino == inode
    replace_file(path, b"build 2")
    assert path.read_bytes() == b"build 2"

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Access is denied", str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        replace_file(path, b"build 3")
    assert os.listdir(tmp_path) == ["library"]
