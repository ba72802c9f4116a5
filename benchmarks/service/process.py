"""The service as a process, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from benchmarks.service.questions import STATEMENT
from duckdb_sketch.remote import ServiceClient, connect_service

_CONFIGURATION = """
database = "rollups.duckdb"
log = "warning"
[listen]
port = {port}
[limits]
queries = 4
waiting = 256
[[rollup]]
name = "bids_by_minute"
statement = "bids_by_minute.sql"
sources = {{ bids = "in/*.parquet" }}
triggers = {{ files = true, every = "5 s" }}
[[rollup.level]]
name = "bids_by_hour"
every = "hour"
"""


class ServiceProcess:
    """A service over the files of a folder.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.files = folder / "in"
        self.files.mkdir(parents=True)
        self._folder = folder
        self._port = _free_port()
        (folder / "bids_by_minute.sql").write_text(STATEMENT)
        (folder / "rollups.toml").write_text(_CONFIGURATION.format(port=self._port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "duckdb_sketch", "serve", "rollups.toml"]
            self._process = subprocess.Popen(command, cwd=self._folder, stderr=log, env=dict(os.environ))
        self.connect().close()

    def connect(self) -> ServiceClient:
        return connect_service(self.url, wait=60)

    def resident(self) -> int:
        """Bytes of memory that it has."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def kill(self) -> None:
        """Kill it, without a chance to finish anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Have it stop, and say its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
