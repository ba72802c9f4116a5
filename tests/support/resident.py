"""How much memory this process has, whether it grows, and how much it takes meanwhile."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MB = 1e6
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads resident memory from /proc")


def resident(*, trim: bool = True) -> float:
    """Resident memory in MB, by default once the C library has given back what is free."""
    if trim:
        with suppress(AttributeError, OSError):  # the C library of GNU has it
            ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MB


def least_growth(work: Callable[[], object], *, warm_up: int, times: int, most: float) -> float:
    """That of the first round in which memory grows by less than `most` MB, or else of the last of three.

    A leak is in every round; what an allocator keeps for later is not.
    """
    for _ in range(3):
        found = growth(work, warm_up=warm_up, times=times)
        if found < most:
            break
    return found


def growth(work: Callable[[], object], *, warm_up: int, times: int) -> float:
    """By how many MB resident memory grows while `work` is done so many times, after a warm-up."""
    for _ in range(warm_up):
        work()
    before = resident()
    for _ in range(times):
        work()
    return resident() - before


class Peak:
    """The highest resident memory above that of the beginning, in MB, once the block is over."""

    growth = 0.0


@contextmanager
def peak() -> Iterator[Peak]:
    """Watch resident memory while the block runs."""
    found, start = Peak(), resident()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: proc(5)
    yield found
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    found.growth = int(kilobytes) * 1024 / MB - start
