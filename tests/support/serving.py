"""A service in this process, on a free port, and requests to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from bids import HOURLY, Bids

from duckdb_sketch.service import Configuration, Limits, Listen, RollupSettings, Triggers
from duckdb_sketch.service.server import Serving

JSON = "application/json"


class Reply:
    """A response, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.content = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def kind(self) -> str:
        """The name of the error."""
        return str(self.json["error"]["kind"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


class Served:
    """A service that runs in a thread of this process."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.serving = Serving(configuration)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(lambda: self.serving.port is not None or self.error is not None)
        if self.error is not None:
            raise self.error

    @property
    def port(self) -> int:
        assert self.serving.port is not None
        return self.serving.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        try:
            asyncio.run(self.serving.run())
        except BaseException as error:
            self.error = error

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, None, headers)

    def query(self, sql: str, parameters: Any = None, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
        body = json.dumps({"sql": sql, "parameters": parameters, **more}).encode()
        return self.send("POST", "/query", body, {"Content-Type": JSON, **(headers or {})})

    def rows(self, sql: str, parameters: Any = None) -> list[list[Any]]:
        reply = self.query(sql, parameters)
        assert reply.status == 200, reply.content
        return list(reply.json["rows"])

    def worker(self, rollup: str = "hourly") -> dict[str, Any]:
        """How the worker of a rollup stands."""
        (found,) = (each for each in self.get("/status").json["rollups"] if each["rollup"] == rollup)
        return dict(found["worker"])

    def refreshed(self) -> Served:
        """The same, once every rollup was refreshed or has failed."""
        until(
            lambda: all(
                w["worker"]["state"] in ("waiting", "failing") and (w["worker"]["refreshes"] or w["worker"]["failures"])
                for w in self.get("/status").json["rollups"]
            )
        )
        return self

    def stop(self) -> None:
        self.serving.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for something that another thread does."""
    end = monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert monotonic() < end, "it did not happen"
        sleep(0.01)


def configuration(
    bids: Bids, *, limits: Limits | None = None, listen: Listen | None = None, **rollup: Any
) -> Configuration:
    """A service with the rollup `hourly` of some bids."""
    settings = RollupSettings("hourly", HOURLY, bids.sources, triggers=Triggers(files=True))
    return Configuration(
        bids.database,
        (replace(settings, **rollup),),
        replace(listen or Listen(), port=0),
        limits or Limits(),
        "warning",
    )


@contextmanager
def served(configured: Configuration) -> Iterator[Served]:
    """A service, for as long as this lasts."""
    service = Served(configured)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def served_bids(folder: Path, **options: Any) -> Iterator[Served]:
    """A service over the bids of a day, refreshed once."""
    bids = Bids(folder, days=["2026-01-01"])
    with served(configuration(bids, **options)) as service:
        yield service.refreshed()
