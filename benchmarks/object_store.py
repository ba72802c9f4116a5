"""An object store on the loopback interface: gofakes3 where there is Go, which answers in no time, else moto."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks.suite import Unavailable

_GOFAKES3 = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"
_PORT = 5_931
_BUCKET = "bench"
#: Requests that read, in the logs of the two servers.
_READS = re.compile(rf'"(?:GET|HEAD) /{_BUCKET}|INFO (?:LIST BUCKET|GET OBJECT|HEAD OBJECT)')


class ObjectStore:
    """The bucket of a server.

    Args:
        name: The server.
        log: Its log.
    """

    def __init__(self, name: str, log: Path) -> None:
        from obstore.store import S3Store  # type: ignore[import-not-found,unused-ignore]

        self.name = name
        self._log = log
        self._store = S3Store(_BUCKET, client_options={"allow_http": True})

    def put(self, key: str, content: bytes) -> None:
        self._store.put(key, content)

    def requests(self) -> int:
        """How many requests that read the server has logged."""
        return len(_READS.findall(self._log.read_text(errors="replace")))


@contextmanager
def object_store(folder: Path, log: Path) -> Iterator[ObjectStore]:
    """Start a server, and stop it in the end.

    Args:
        folder: Keeps the server that was built.
        log: A file for its log.
    """
    url = f"http://127.0.0.1:{_PORT}"
    given = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
    os.environ |= {**given, "AWS_ENDPOINT_URL": url}
    name, command = _server(folder)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            _wait(url)
            if name == "moto":
                put = urllib.request.Request(f"{url}/{_BUCKET}", method="PUT", headers={"Host": "s3.amazonaws.com"})
                urllib.request.urlopen(put).close()
            yield ObjectStore(name, log)
        finally:
            process.terminate()
            process.wait()


def _server(folder: Path) -> tuple[str, list[str]]:
    """The name of a server, and the command that starts it."""
    built = folder / "gofakes3"
    if not built.exists() and shutil.which("go"):
        environment = {**os.environ, "GOBIN": str(folder.absolute())}
        subprocess.run(["go", "install", _GOFAKES3], env=environment, capture_output=True, check=False)
    if built.exists():
        return "gofakes3", [
            *(str(built), "-backend", "memory", "-initialbucket", _BUCKET),
            *("-host", f"127.0.0.1:{_PORT}"),
        ]
    if not find_spec("moto"):
        raise Unavailable("neither Go, which builds gofakes3, nor moto[server] is installed")
    return "moto", [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(_PORT)]


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise Unavailable("the server of the object store does not answer")
