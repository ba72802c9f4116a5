"""An S3-compatible server on the loopback interface, which fails on demand."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Fault = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes] | None]
Carried = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Iterable[bytes] | None]


class ObjectStore:
    """The server, and a client of it that has nothing to do with the package's.

    Attributes:
        url: Of the server.
        bucket: The bucket that there is.
        requests: Method and path of each request, but for the client's own.
        faults: Each answers one request in the server's place, or returns None to let it through.
        meanwhile: Is asked of every request, as a fault is, and may have the server carry it out.
    """

    bucket = "events"

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        application = DomainDispatcherApplication(create_backend_app)
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.meanwhile: Carried = lambda *_: None

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if "boto" not in environ.get("HTTP_USER_AGENT", "").lower():
                self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}")
                if self.faults and (found := self.faults.pop(0)(environ, start)) is not None:
                    return found
                if (found := self.meanwhile(environ, start, application)) is not None:
                    return found
            return application(environ, start)

        self._server = make_server("127.0.0.1", 0, answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        reset = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST", headers={"User-Agent": "boto"})
        urllib.request.urlopen(reset).close()  # what the server has lasts as long as the process
        import boto3

        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.client.create_bucket(Bucket=self.bucket)

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object."""
        body = content.read_bytes() if isinstance(content, Path) else content
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def keys(self, prefix: str = "") -> dict[str, str]:
        """The keys that there are, and the ETags of the objects."""
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return {each["Key"]: each["ETag"] for each in found.get("Contents", ())}

    def get(self, key: str) -> bytes:
        """What an object holds."""
        content: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()


def unwell(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """A server that cannot answer just now."""
    start("500 Internal Server Error", [("Content-Length", "0")])
    return [b""]


def lost(environ: dict[str, Any], start: Callable[..., Any], application: Callable[..., Any]) -> Iterable[bytes]:
    """A server that does what it is asked to, and whose answer does not arrive."""
    list(application(environ, lambda *_: None))
    return unwell(environ, start)


def truncated(environ: dict[str, Any], start: Callable[..., Any], application: Callable[..., Any]) -> Iterable[bytes]:
    """A server whose answer breaks off in the middle."""
    body = b"".join(application(environ, start))
    return [body[: len(body) // 2]]


def slow(environ: dict[str, Any], start: Callable[..., Any], application: Callable[..., Any]) -> Iterable[bytes]:
    """A server whose answer comes byte by byte at first."""
    body = b"".join(application(environ, start))
    for place in range(5):
        time.sleep(0.02)
        yield body[place : place + 1]
    yield body[5:]


def denied(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """A server that does not know the key."""
    body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"
    start("403 Forbidden", [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
    return [body]


@contextmanager
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A server, and its credentials in the environment."""
    pytest.importorskip("obstore")
    pytest.importorskip("moto")
    store = ObjectStore()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    try:
        yield store
    finally:
        store.close()
