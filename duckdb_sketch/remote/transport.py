"""Requests to a service, over TCP, TLS or a socket of this machine."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from duckdb_sketch.remote.discovery import reachable
from duckdb_sketch.remote.errors import ServiceBusyError, ServiceError

#: The environment variable with the token of a service, where none is given.
TOKEN = "DUCKDB_SKETCH_TOKEN"
_TIMEOUT = 300.0  # seconds; the service interrupts queries long before


@dataclass(frozen=True)
class Response:
    """What a service answers.

    Attributes:
        content: The body.
        media_type: What it is.
        headers: The headers, with lower-case names.
    """

    content: bytes
    media_type: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


class Transport:
    """Sends requests, each thread over a connection of its own, which is kept.

    Args:
        url: The address, `http://host:port` or `https://host:port`; or the path of a socket.
        token: The token of the service; None for that of the environment, if there is one.
        context: How certificates are checked; None for the usual way.

    Raises:
        ServiceError: If the address is none.
    """

    def __init__(self, url: str | Path, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        self._local = threading.local()
        self._headers: dict[str, str] = {}
        self._context = context
        self._socket = url if isinstance(url, Path) else None
        self.name = str(url)
        self._host, self._path, self._is_tls = "localhost", "", False
        self._port: int | None = None
        if not isinstance(url, Path):
            self._read_url(url)
            token = token if token is not None else os.environ.get(TOKEN)
            if token:
                self._headers["Authorization"] = f"Bearer {token}"

    def _read_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as error:
            raise ServiceError(f"{url} is not an address: {error}") from error
        if parts.scheme not in ("http", "https") or not self._host:
            raise ServiceError(f"{url} is not an address of a service: write it as http://127.0.0.1:8123")
        self._is_tls = parts.scheme == "https"
        self._path = parts.path.rstrip("/")

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request, and read the response to its end.

        A connection that was kept may have been closed meanwhile; then the request is sent again over a new one.

        Args:
            method: `GET` or `POST`.
            path: The path.
            body: The body.
            headers: Further headers.

        Raises:
            ServiceBusyError: If the service has too much to do.
            ServiceError: If it cannot be reached, or answers with an error.
        """
        for attempt in (1, 2):
            connection, is_new = self._connection()
            try:
                connection.request(method, self._path + path, body, {**self._headers, **(headers or {})})
                answer = connection.getresponse()
                content = answer.read()
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if attempt == 1 and not is_new:  # it was closed by the service meanwhile
                    continue
                raise ServiceError(f"the service at {self.name} cannot be reached: {error}") from error
            return _checked(answer, content)
        raise AssertionError

    def send_once(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send a POST that must not come twice: over a new connection, so that nothing is sent again.

        Raises:
            ServiceBusyError: If the service has too much to do.
            ServiceError: If it cannot be reached, or answers with an error.
        """
        self.close()
        return self.send("POST", path, body, headers)

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            return connection, False
        if self._socket is not None:
            connection = _SocketConnection(self._socket)
        elif self._is_tls:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT, context=self._context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        self._local.connection = connection
        return connection, True


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        with reachable(self._path) as name:
            self.sock.connect(name)


def _checked(answer: http.client.HTTPResponse, content: bytes) -> Response:
    media_type = (answer.getheader("Content-Type") or "").partition(";")[0].strip()
    if answer.status < 400:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(content, media_type, headers)
    kind, message = "", f"the service answers {answer.status} {answer.reason}"
    try:
        error = json.loads(content)["error"]
        kind, message = str(error["kind"]), str(error["message"])
    except (ValueError, TypeError, KeyError):
        pass
    raise (ServiceBusyError if answer.status == 503 else ServiceError)(message, answer.status, kind)
