"""Disks that fill."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[str]:
    """Make a folder a disk of its own, of a size such as `64k`. Gives why that cannot be; nothing if it can."""
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        problem = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError:
        problem = "there is no mount"
    try:
        yield problem
    finally:
        if not problem:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str = "64k") -> Iterator[Path]:
    """A folder on a disk of its own, a small one."""
    folder.mkdir()
    with mounted(folder, size) as problem:
        if problem:
            pytest.skip(f"a small disk cannot be mounted: {problem}")
        yield folder


@contextmanager
def full(folder: Path, room: int) -> Iterator[None]:
    """Fill the disk that a folder is on, but for so many bytes."""
    filler = folder / "filler"
    filler.write_bytes(bytes(max(shutil.disk_usage(folder).free - room, 0) // 4096 * 4096))
    try:
        yield
    finally:
        filler.unlink()


def resize(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def limited(bytes_a_file: int) -> Callable[[], None]:
    """For the start of a process that may not let a file grow longer."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))
