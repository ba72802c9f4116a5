"""The other end of `benchmarks.worker`: a system's process, as the one that compares sees it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import Any

from benchmarks.folders import PROJECT
from benchmarks.scale import THREADS

_TIMEOUT = 900  # seconds
_LONGEST_MESSAGE = 300  # characters


class WorkerError(Exception):
    """What a system said instead of an answer, in one line."""


class Child:
    """A running system. Paused, it takes no time from the one whose turn it is."""

    def __init__(self, system: str, scale: str) -> None:
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 (as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", system, scale],
            cwd=PROJECT,
            env={**os.environ, **_two_threads()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
        )
        self.replies: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._receive()
        except WorkerError:
            self.close()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.replies.put(line)
        self.replies.put("")

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Send a request, wait for its reply.

        Raises:
            WorkerError: If the system fails, ends or takes too long.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"request": request, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(f"the process ended: {self._last_words()}") from None
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self.replies.get(timeout=_TIMEOUT)
        except queue.Empty:
            self.process.kill()
            raise WorkerError(f"no answer within {_TIMEOUT} s") from None
        if not line:
            raise WorkerError(f"the process ended: {self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        if not reply.pop("ok"):
            raise WorkerError(_one_line(reply["error"]))
        return reply

    def _last_words(self) -> str:
        code = self.process.wait()
        self.stderr.seek(0)
        lines = [line.strip() for line in self.stderr if line.strip()]
        return _one_line(f"{lines[-1] if lines else 'silently'} (exit code {code})")

    def pause(self) -> None:
        if hasattr(signal, "SIGSTOP"):
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        if hasattr(signal, "SIGCONT"):
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def close(self) -> None:
        self.resume()
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
            self.process.wait(timeout=20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.stderr.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _two_threads() -> dict[str, str]:
    """What tells a system's thread pools how many threads to take, where its configuration does not."""
    return {name: str(THREADS) for name in ("POLARS_MAX_THREADS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS")}


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 1]}…"
