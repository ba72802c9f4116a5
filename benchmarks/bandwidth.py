"""What the machine's memory allows: a plain copy, measured in a process of its own.

Run as `python -m benchmarks.bandwidth BYTES RUNS`; prints bytes read a second (as many are written) by threads.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.folders import PROJECT
from benchmarks.scale import THREADS, Scale


def measure_bandwidth(scale: Scale) -> dict[str, float]:
    """Bytes that a plain copy reads in a second, with one thread and with two."""
    command = [sys.executable, "-m", "benchmarks.bandwidth", str(scale.copy_bytes), str(scale.runs)]
    process = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(process.stdout)
    return measured


def _copy_speed(threads: int, size: int, runs: int) -> float:
    import numpy as np

    pairs = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(runs + 1):
            start = time.perf_counter()
            # NumPy lets go of the interpreter's lock while it copies.
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
            best = max(best, threads * size / (time.perf_counter() - start))
    return best


def main() -> None:
    size, runs = (int(argument) for argument in sys.argv[1:])
    print(json.dumps({"one_thread": _copy_speed(1, size, runs), "all_threads": _copy_speed(THREADS, size, runs)}))


if __name__ == "__main__":
    main()
