"""`duckdb-sketch serve`, as a process: how it starts and how it stops."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bids import HOURLY, Bids
from serving import until

from duckdb_sketch.cli.serve import serve
from duckdb_sketch.cube import Cube
from duckdb_sketch.errors import SketchError
from duckdb_sketch.remote import connect_service
from duckdb_sketch.remote.discovery import socket_path


class Process:
    """A service that runs as a process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.log = folder / "log"
        self._log = self.log.open("w")
        command = [sys.executable, "-m", "duckdb_sketch", "serve", *arguments, "--port", "0"]
        self.process = subprocess.Popen(command, stderr=self._log, env=dict(os.environ), cwd=folder)
        until(lambda: self._url() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()
        self.url = str(self._url())

    def _url(self) -> str | None:
        found = re.search(r"listening on (\S+)", self.log.read_text())
        return found[1] if found else None

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        self._log.close()
        return code


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[Process]:
    """Such a process, for as long as this lasts."""
    found = Process(folder, *arguments)
    try:
        yield found
    finally:
        found.end(signal.SIGKILL)


def test_a_statement_is_served_until_sigterm(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    (tmp_path / "hourly.sql").write_text(HOURLY)
    arguments = ("hourly.sql", "--source", f"bids={bids.sources['bids']}", "--database", str(bids.database))
    with process(tmp_path, *arguments, "--refresh-every", "30 s") as served:
        client = connect_service(served.url)
        until(lambda: client.status()[0]["worker"]["rows"] == 200)
        assert client.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
        started = time.monotonic()
        assert served.end() == 0
        assert time.monotonic() - started < 10
        assert not socket_path(bids.database).exists()
    with Cube(bids.database) as cube:
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--database"),
        ({"database": "r.duckdb", "host": "0.0.0.0"}, "give a token"),
        ({"database": "r.duckdb", "port": 99999}, "a port is a number"),
        ({"database": "r.duckdb", "refresh_every": "soon"}, "'soon' is no width of time"),
        ({"database": "r.duckdb", "source": ["bids"]}, "write NAME=FILES"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path: Path, options: dict[str, object], message: str) -> None:
    statement = tmp_path / "hourly.sql"
    statement.write_text(HOURLY)
    if "database" in options:
        options = {**options, "database": tmp_path / "r.duckdb"}
    with pytest.raises(SketchError, match=message):
        serve(statement, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "r.duckdb").exists()


def test_check_says_what_would_be_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bids = Bids(tmp_path, days=[])
    statement = tmp_path / "hourly.sql"
    statement.write_text(HOURLY)
    serve(statement, bids.database, [f"bids={bids.sources['bids']}"], check=True)
    assert capsys.readouterr().out == f"{statement} is right: hourly\n"
    with pytest.raises(SketchError, match="say what bids stands for"):
        serve(statement, bids.database, check=True)
    assert not bids.database.exists()
