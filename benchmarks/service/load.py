"""Files that arrive, clients that ask, and what is measured meanwhile."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

import duckdb

import duckdb_sketch
from benchmarks.service.arrivals import Arrivals
from benchmarks.service.clients import results_of, run_clients
from benchmarks.service.process import ServiceProcess
from benchmarks.service.questions import COUNT, EXACT, QUESTIONS, parameters
from duckdb_sketch.remote import ServiceError

ROWS_A_SECOND = 10_000
CLIENTS = 32
_PAUSE = 1.0  # of a client, in seconds: a dashboard that shows the last second
_KILLS = 10


def under_load(folder: Path, seconds: int) -> dict[str, Any]:
    """Arrival to answer, response times and memory under load, and whether the table is right at the end."""
    with _Running(folder) as service:
        arrivals = Arrivals(service.files, ROWS_A_SECOND, seconds)
        answered, memory = _Watched(service, lambda: service.resident()), []
        arrivals.start()
        answered.start()
        answered.wait_for(1)
        found = results_of(run_clients(service.url, CLIENTS, seconds, _PAUSE))
        arrivals.join()
        answered.until(arrivals.total)
        memory = answered.memory
        fresh = sorted(answered.first(total) - time for total, time in arrivals.times.items())
        different = differences(service)
        code = service.stop()
    quarter = max(len(memory) // 4, 1)
    return {
        "seconds": seconds,
        "rows": arrivals.total,
        "queries": len(found["times"]),
        "refused": found["refused"],
        "answer": _percentiles(found["times"]),
        "arrival": _percentiles(fresh),
        "memory": {
            "second_quarter": median(memory[quarter : 2 * quarter] or memory),
            "last_quarter": median(memory[-quarter:]),
            "most": max(memory),
        },
        "differences": different,
        "exit_code": code,
    }


def killed(folder: Path, seconds: int) -> dict[str, Any]:
    """Kill the service ten times under that load, and see whether the table is right at the end."""
    with _Running(folder) as service:
        arrivals = Arrivals(service.files, ROWS_A_SECOND, seconds)
        arrivals.start()
        clients = run_clients(service.url, CLIENTS, seconds, _PAUSE)
        starts = []
        for _ in range(_KILLS):
            sleep(seconds / (_KILLS + 1))
            service.kill()
            begun = perf_counter()
            service.start()
            starts.append(perf_counter() - begun)
        found = results_of(clients)
        arrivals.join()
        watched = _Watched(service, lambda: service.resident())
        watched.start()
        watched.until(arrivals.total)
        different = differences(service)
        service.stop()
    return {
        "seconds": seconds,
        "rows": arrivals.total,
        "kills": _KILLS,
        "starts": _percentiles(starts),
        "queries": len(found["times"]),
        "differences": different,
    }


def throughput(folder: Path, seconds: int) -> dict[str, Any]:
    """Queries per second of clients that do not pause, and of DuckDB in process with the statements that are run."""
    with _Running(folder) as service:
        arrivals = Arrivals(service.files, ROWS_A_SECOND, 10)
        arrivals.start()
        arrivals.join()
        watched = _Watched(service, lambda: service.resident())
        watched.start()
        watched.until(arrivals.total)
        found = results_of(run_clients(service.url, CLIENTS, seconds, 0))
        with service.connect() as client:
            routed = [client.explain(q, parameters(q, number)).sql for q in QUESTIONS for number in range(8)]
        service.stop()
        in_process = _in_process(folder / "rollups.duckdb", routed, seconds)
    return {
        "seconds": seconds,
        "service": len(found["times"]) / seconds,
        "answer": _percentiles(found["times"]),
        "in_process": in_process,
    }


def differences(service: ServiceProcess) -> int:
    """How many rows differ between the service's table and one plain query of the files."""
    with service.connect() as client:
        ours = [tuple(row) for row in client.sql(EXACT, raw=False).fetchall()]
    with duckdb_sketch.connect() as connection:
        connection.execute(f"CREATE VIEW bids AS FROM read_parquet('{service.files}/*.parquet')")
        plain = [tuple(row) for row in connection.execute(EXACT).fetchall()]
    return len(set(ours) ^ set(plain)) + abs(len(ours) - len(plain))


class _Running:
    """A service over an empty folder, which is stopped whatever happens."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._service = ServiceProcess(folder)

    def __enter__(self) -> ServiceProcess:
        self._service.start()
        return self._service

    def __exit__(self, *_: object) -> None:
        self._service.kill()


class _Watched(threading.Thread):
    """Asks again and again how many bids there are."""

    def __init__(self, service: ServiceProcess, resident: Callable[[], int]) -> None:
        super().__init__(daemon=True)
        self._client = service.connect()
        self._resident = resident
        self._seen: list[tuple[float, int]] = []
        self._last = 0.0
        self._done = threading.Event()
        self.memory: list[int] = []

    def run(self) -> None:
        while not self._done.is_set():
            try:
                rows = self._client.sql(COUNT).fetchall()
                self._seen.append((monotonic(), int(rows[0][0])))
            except ServiceError:
                pass  # nothing has been counted yet
            if monotonic() - self._last >= 1:
                self._last = monotonic()
                self.memory.append(self._resident())
            self._done.wait(0.1)

    def wait_for(self, rows: int) -> None:
        """Return once that many rows are answered."""
        end = monotonic() + 120
        while not self._seen or self._seen[-1][1] < rows:
            if monotonic() > end:
                raise RuntimeError(f"{rows:,} rows were not answered: {self._seen[-1:]}")
            sleep(0.05)

    def until(self, rows: int) -> None:
        """Go on until that many rows are answered."""
        self.wait_for(rows)
        self._done.set()
        self.join()

    def first(self, rows: int) -> float:
        """When that many rows were first answered."""
        return next(time for time, seen in self._seen if seen >= rows)


def _in_process(database: Path, statements: Sequence[str], seconds: int) -> float:
    """Statements per second of DuckDB in this process, from as many threads as the machine has processors."""
    with duckdb_sketch.connect(database, read_only=True) as connection:
        end = monotonic() + seconds
        counts: list[int] = []

        def ask(number: int) -> None:
            with connection.cursor() as cursor:
                count = 0
                while monotonic() < end:
                    cursor.execute(statements[(number + 7 * count) % len(statements)]).fetchall()
                    count += 1
                counts.append(count)

        (threads,) = duckdb.sql("SELECT current_setting('threads')").fetchall()[0]
        workers = [threading.Thread(target=ask, args=[number]) for number in range(int(threads))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return sum(counts) / seconds


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {name: ordered[ceil(len(ordered) * share) - 1] for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1))}
