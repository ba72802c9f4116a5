"""Processor time of processes."""

from __future__ import annotations

import os
import time
from pathlib import Path


def cpu_seconds(processes: list[int]) -> float:
    """Seconds of processor time that the processes have used so far, on all cores together.

    Of this process to the nanosecond; of others in the kernel's ticks, and only on Linux.
    """
    return sum(time.process_time() if process == os.getpid() else _ticks(process) for process in processes)


def _ticks(process: int) -> float:
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    user, system = fields[11], fields[12]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
