"""Azure's store as a source and as the place of an export: Azurite, Microsoft's own server for tests, from npm."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import HOURLY, table, write_events

import duckdb_sketch
from duckdb_sketch.rollup import ChangedFilesError, LockedError, Rollup, SourceError
from duckdb_sketch.rollup.archive.stored_place import StoredPlace
from duckdb_sketch.rollup.sources.stores import remove_stored, version_of, write_stored

pytestmark = pytest.mark.slow

ACCOUNT = "devstoreaccount1"  # which Azurite has, with this key
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with an empty container `events`."""
    pytest.importorskip("obstore")
    command = shutil.which("azurite-blob") or install(tmp_path_factory.mktemp("azurite"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--blobHost", "127.0.0.1"]
    process = subprocess.Popen([command, *options, "--blobPort", str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        wait(port)
        create_container(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def install(folder: Path) -> str:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Azurite needs npm")
    subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "azurite"], cwd=folder, check=True)
    return str(folder / "node_modules" / ".bin" / "azurite-blob")


def wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("Azurite does not answer")


def create_container(url: str) -> None:
    """With the one request that a client of objects does not have; its signature is Azure's Shared Key."""
    date = email.utils.formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{VERSION}\n"
    text = "PUT" + "\n" * 12 + f"{headers}/{ACCOUNT}/{ACCOUNT}/events\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    given = {"x-ms-date": date, "x-ms-version": VERSION, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    request = urllib.request.Request(f"{url}/{ACCOUNT}/events?restype=container", method="PUT", headers=given)
    urllib.request.urlopen(request).close()


@pytest.fixture(autouse=True)
def credentials(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", server)


def put(url: str, folder: Path, first: int, last: int) -> None:
    known = version_of(url)
    write_stored(url, write_events(folder / "staged.parquet", first, last), known[1] if known else None)


def test_a_source(tmp_path: Path) -> None:
    con = duckdb_sketch.connect()
    put("az://events/in/a b#ü.parquet", tmp_path, 0, 40)
    with Rollup.from_sql(HOURLY, sources={"bids": "az://events/in/*.parquet"}, name="h", database=con) as rollup:
        assert rollup.refresh().rows == 40
        put("az://events/in/2.parquet", tmp_path, 40, 60)
        assert rollup.refresh().files == 1
        assert rollup.refresh().batches == []
        put("az://events/in/2.parquet", tmp_path, 41, 60)
        with pytest.raises(ChangedFilesError, match=r"az://events/in/2\.parquet"):
            rollup.refresh()
        rollup.refresh(on_change="rebuild")
        rollup.replay()
        assert rollup.verify(sample=1000).ok
    nowhere = Rollup.from_sql(HOURLY, sources={"bids": "az://nowhere/*.parquet"}, name="n", database=con)
    with nowhere, pytest.raises(SourceError, match="there is no bucket nowhere"):
        nowhere.refresh()


def test_an_export(tmp_path: Path) -> None:
    write_events(tmp_path / "in" / "1.parquet", 0, 90)
    with Rollup.from_sql(
        HOURLY, sources={"bids": tmp_path / "in"}, name="h", database=duckdb_sketch.connect(), wait=0
    ) as rollup:
        rollup.refresh()
        assert len(rollup.export("az://events/out", "day").written) == 3
        with (
            StoredPlace("az://events/out").alone(),
            pytest.raises(LockedError, match="another export to az://events/out"),
        ):
            rollup.export("az://events/out", "day")
        write_events(tmp_path / "in" / "2.parquet", 10, 11)
        rollup.refresh()
        assert len(rollup.export("az://events/out", "day").written) == 1
        with Rollup.from_export("az://events/out") as imported:
            assert table(imported) == table(rollup)
    remove_stored("az://events/out/none")  # which there is not
