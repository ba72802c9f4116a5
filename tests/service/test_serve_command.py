"""`duckdb-sketch serve`, as a process: how it starts and how it stops."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from bids import HOURLY, Bids, write_bids
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from serving import configuration, served, until

from duckdb_sketch.cli.serve import serve
from duckdb_sketch.cube import Cube
from duckdb_sketch.errors import SketchError
from duckdb_sketch.remote import ServiceError, connect_service
from duckdb_sketch.remote.discovery import socket_path
from duckdb_sketch.service import Listen


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
        ({"database": "r.duckdb", "refresh_every": "soon"}, "'soon' is not a width of time"),
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


def test_what_the_file_says_is_not_said_on_the_command_line(tmp_path: Path) -> None:
    for options, message in (({"watch": True}, "--watch"), ({"source": ["a=b"]}, "--source")):
        with pytest.raises(SketchError, match=f"{message} is for a statement: set it in .*rollups.toml"):
            serve(tmp_path / "rollups.toml", **options)  # type: ignore[arg-type]


def test_the_command_line_may_say_where_to_listen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hourly.sql").write_text(HOURLY)
    (tmp_path / "token").write_text("0123456789abcdef")
    toml = tmp_path / "rollups.toml"
    toml.write_text(TOML.format(rows=1) + '[listen]\nhost = "0.0.0.0"\n')
    with pytest.raises(SketchError, match="give a token"):
        serve(toml, check=True)
    serve(toml, token_file=tmp_path / "token", check=True)
    serve(toml, host="127.0.0.1", check=True)
    assert capsys.readouterr().out.count("is right: hourly") == 2


def test_check_says_what_would_be_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bids = Bids(tmp_path, days=[])
    statement = tmp_path / "hourly.sql"
    statement.write_text(HOURLY)
    serve(statement, bids.database, [f"bids={bids.sources['bids']}"], check=True)
    assert capsys.readouterr().out == f"{statement} is right: hourly\n"
    with pytest.raises(SketchError, match="say what bids stands for"):
        serve(statement, bids.database, check=True)
    assert not bids.database.exists()


TOML = """
database = "rollups.duckdb"
[[rollup]]
name = "hourly"
statement = "hourly.sql"
sources = {{ bids = "bids-*.parquet" }}
triggers = {{ files = true }}
[limits]
rows = {rows}
"""


def test_a_configuration_is_read_again_on_sighup(tmp_path: Path) -> None:
    """If it is right; else the one before holds."""
    bids = Bids(tmp_path, days=["2026-01-01"])
    (tmp_path / "hourly.sql").write_text(HOURLY)
    toml = tmp_path / "rollups.toml"
    toml.write_text(TOML.format(rows=1000))
    with process(tmp_path, str(toml)) as served:
        client = connect_service(served.url)
        until(lambda: client.status()[0]["worker"]["rows"] == 200)
        toml.write_text(TOML.format(rows=2) + "[limit]\n")
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "there is no limit; there is" in served.log.read_text())
        assert len(client.sql("SELECT ts FROM bids").fetchall()) == 200
        toml.write_text(TOML.format(rows=2))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "was read again" in served.log.read_text())
        with pytest.raises(ServiceError, match="more than 2 rows"):
            client.sql("SELECT ts FROM bids")
        toml.write_text(TOML.format(rows=2).replace("rollups.duckdb", "other.duckdb"))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "needs a restart" in served.log.read_text())
        write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
        until(lambda: client.sql("SELECT count(*) FROM bids").fetchall() == [(201,)])
        assert served.end() == 0
    with Cube(bids.database) as cube:
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(201,)]


def test_sigkill_leaves_a_database_that_is_served_again(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    (tmp_path / "hourly.sql").write_text(HOURLY)
    arguments = ("hourly.sql", "--source", f"bids={bids.sources['bids']}", "--database", str(bids.database), "--watch")
    with process(tmp_path, *arguments) as served:
        client = connect_service(served.url)
        until(lambda: client.status()[0]["worker"]["rows"] == 200)
        served.end(signal.SIGKILL)
    assert socket_path(bids.database).exists()
    with Cube(bids.database) as cube:  # nothing answers at the socket, and the file is opened
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
    with process(tmp_path, *arguments), Cube(bids.database) as cube:
        until(lambda: cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)])


def test_tls(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    write_certificate(certificate, key)
    bids = Bids(tmp_path, days=["2026-01-01"])
    token = "0123456789abcdef"
    listen = Listen(token=token, certificate=certificate, key=key)
    with served(configuration(bids, listen=listen)) as service:
        context = ssl.create_default_context(cafile=str(certificate))
        url = service.url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        with connect_service(url, token=token, context=context) as client:
            until(lambda: client.status()[0]["worker"]["rows"])
            assert client.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
        with pytest.raises(ServiceError, match="give the token"):
            connect_service(url, context=context).status()
        with pytest.raises(ServiceError, match="certificate verify failed"):
            connect_service(url, token=token).status()
        with Cube(bids.database) as cube:  # through the socket, which takes neither
            assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]


def write_certificate(certificate: Path, key: Path) -> None:
    """A certificate of localhost, signed by itself."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
