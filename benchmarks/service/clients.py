"""Clients of a dashboard, in a process of their own."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import threading
from time import monotonic, perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

from benchmarks.service.questions import QUESTIONS, parameters


def run_clients(url: str, clients: int, seconds: float, pause: float) -> subprocess.Popen[str]:
    """Start them; `results_of` waits for them.

    Args:
        url: The service.
        clients: How many.
        seconds: For how long they ask.
        pause: Seconds between a client's queries.
    """
    command = [sys.executable, "-m", "benchmarks.service.clients", url, str(clients), str(seconds), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def results_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The seconds of each query that was answered, and what others were answered with."""
    out, _ = process.communicate()
    return dict(json.loads(out))


class _Client(threading.Thread):
    def __init__(self, url: str, number: int, end: float, pause: float) -> None:
        super().__init__()
        self._address = urlsplit(url)
        self._number = number
        self._end = end
        self._pause = pause
        self._random = random.Random(number)
        self._connection: http.client.HTTPConnection | None = None
        self.times: list[float] = []
        self.refused: dict[str, int] = {}

    def run(self) -> None:
        sleep(self._random.uniform(0, self._pause))
        number = self._number
        while monotonic() < self._end:
            question = QUESTIONS[number % len(QUESTIONS)]
            started = perf_counter()
            status = self._ask(question, number)
            taken = perf_counter() - started
            if status == "200":
                self.times.append(taken)
            else:
                self.refused[status] = self.refused.get(status, 0) + 1
            number += 7
            sleep(max(0.0, self._pause - taken) * self._random.uniform(0.8, 1.2))

    def _ask(self, question: str, number: int) -> str:
        body = json.dumps({"sql": question, "parameters": parameters(question, number)})
        try:
            if self._connection is None:
                host, port = self._address.hostname or "", self._address.port
                self._connection = http.client.HTTPConnection(host, port, timeout=30)
            self._connection.request("POST", "/query", body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            response.read()
            return str(response.status)
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            sleep(0.05)
            return "no connection"


def _main() -> None:
    url, clients, seconds, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    end = monotonic() + seconds
    threads = [_Client(url, number, end, pause) for number in range(clients)]
    for thread in threads:
        thread.start()
    refused: dict[str, int] = {}
    times: list[float] = []
    for thread in threads:
        thread.join()
        times += thread.times
        for status, count in thread.refused.items():
            refused[status] = refused.get(status, 0) + count
    json.dump({"times": times, "refused": refused}, sys.stdout)


if __name__ == "__main__":
    _main()
