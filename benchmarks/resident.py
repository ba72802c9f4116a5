"""Resident memory of processes, as Linux counts it; elsewhere the peak of this process alone."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path


class PeakMemory:
    """By how many bytes the peak of some processes' resident memory grows from now on."""

    def __init__(self, processes: list[int]) -> None:
        self.processes = processes
        gc.collect()
        _give_back()
        for process in processes:
            _reset_peak(process)
        self.before = sum(_resident(process, "VmRSS") for process in processes)

    def growth(self) -> int:
        return sum(_resident(process, "VmHWM") for process in self.processes) - self.before


def _give_back() -> None:
    """Let the C library return what it holds free, so that later use of it counts as growth."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _reset_peak(process: int) -> None:
    """Reset VmHWM to the present size (proc(5), clear_refs)."""
    path = Path(f"/proc/{process}/clear_refs")
    if path.exists():
        path.write_text("5")


def _resident(process: int, field: str) -> int:
    status = Path(f"/proc/{process}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
