"""A service from Python, with the methods of a cube."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, urlencode

import duckdb

from duckdb_sketch._loading import connect
from duckdb_sketch.errors import LoadError, MissingDependencyError
from duckdb_sketch.remote.errors import ServiceError
from duckdb_sketch.remote.parameters import plain_parameters
from duckdb_sketch.remote.transport import Transport

Edges = Literal["exact", "buckets"]

_JSON = "application/json"
_ARROW = "application/vnd.apache.arrow.stream"
_ANSWER = "duckdb_sketch_answer"
_PAUSE = 0.1  # seconds


def connect_service(
    url: str, *, token: str | None = None, context: ssl.SSLContext | None = None, wait: float = 0
) -> ServiceClient:
    """Connect to a service.

    >>> import duckdb_sketch
    >>> service = duckdb_sketch.connect_service("http://127.0.0.1:8123")
    >>> service.sql("SELECT country, count(DISTINCT user_id) FROM bids GROUP BY ALL")  # doctest: +SKIP

    Args:
        url: Its address.
        token: Its token; by default that of the environment variable DUCKDB_SKETCH_TOKEN, if there is one.
        context: How its certificate is checked; by default as the system does.
        wait: For how many seconds to wait until it answers, such as one that is just being started. With 0 it is first
            asked when you ask.

    Raises:
        ServiceError: If the address is none, or it does not answer within that time.
    """
    client = ServiceClient(Transport(url, token, context))
    if wait > 0:
        client.wait(wait)
    return client


@dataclass(frozen=True)
class RemoteExplanation:
    """How a service answers a query.

    Attributes:
        approximate: The names of the query's columns that are estimates.
        notes: What else is to be known.
        selects: How each SELECT over events is answered: dictionaries, as `Explanation.document` has them.
        sql: The statement that is run instead, where it was asked for.
        text: All of it for people, where it was asked for.
    """

    approximate: tuple[str, ...]
    notes: tuple[str, ...]
    selects: tuple[Mapping[str, Any], ...]
    sql: str = ""
    text: str = ""

    @property
    def routed(self) -> bool:
        """Whether a rollup answers at least a part of the query."""
        return any(part.get("table") for select in self.selects for part in select["parts"])

    @property
    def tables(self) -> list[str]:
        """The tables that are read."""
        parts = [part for select in self.selects for part in select["parts"]]
        return list(dict.fromkeys(part["table"] for part in parts if part["table"]))

    def document(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "sql": self.sql,
            "approximate": list(self.approximate),
            "notes": list(self.notes),
            "selects": list(self.selects),
        }

    def __str__(self) -> str:
        return self.text or "\n".join(self.tables)


@dataclass(frozen=True)
class RemoteAnswer:
    """The answer of a service, as a cube gives it.

    Attributes:
        relation: The rows, on a connection in memory.
        explanation: Which columns are estimates, and what was read.
    """

    relation: duckdb.DuckDBPyRelation
    explanation: RemoteExplanation


class ServiceClient:
    """A service. Several threads may use one.

    Args:
        transport: Sends requests to it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._connection: duckdb.DuckDBPyConnection | None = None

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        exact: bool = False,
        raw: bool = True,
        errors: bool = False,
        edges: Edges = "exact",
    ) -> duckdb.DuckDBPyRelation:
        """Answer a query over events, as `Cube.sql` does.

        Raises:
            ServiceError: If the service does not answer it.
            MissingDependencyError: If PyArrow is not installed, in which the rows come.
        """
        return self.answer(query, parameters, exact=exact, raw=raw, errors=errors, edges=edges).relation

    def answer(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        exact: bool = False,
        raw: bool = True,
        errors: bool = False,
        edges: Edges = "exact",
    ) -> RemoteAnswer:
        """Answer a query as `sql` does, and say how."""
        asked = _question(query, parameters, exact=exact, raw=raw, errors=errors, edges=edges)
        response = self._transport.send("POST", "/query", asked, {"Content-Type": _JSON, "Accept": _ARROW})
        return RemoteAnswer(self._relation(response.content), _explanation(json.loads(response.headers["x-route"])))

    def explain(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        exact: bool = False,
        edges: Edges = "exact",
    ) -> RemoteExplanation:
        """Say how a query would be answered: what is read, and why each other rollup is not."""
        asked = _question(query, parameters, exact=exact, edges=edges)
        return _explanation(self._transport.send("POST", "/explain", asked, {"Content-Type": _JSON}).json())

    def wait(self, seconds: float) -> None:
        """Wait until the service answers.

        Raises:
            ServiceError: If it does not within some seconds.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                self._transport.send("GET", "/healthz")
                return
            except ServiceError:
                if time.monotonic() >= end:
                    raise
            time.sleep(_PAUSE)

    def rollups(self) -> dict[str, Any]:
        """What there is to ask about: rollups, metrics, dimensions, as `GET /rollups` says it."""
        return dict(self._get("/rollups"))

    def metrics(self) -> list[dict[str, Any]]:
        """What the rollups hold: each aggregate over events with the tables that have it."""
        return list(self.rollups()["metrics"])

    def dimensions(self) -> list[dict[str, Any]]:
        """What queries may group and filter by."""
        return list(self.rollups()["dimensions"])

    def words(self) -> list[str]:
        """What the catalog adds to a completion."""
        return list(self.rollups()["words"])

    def status(self) -> list[dict[str, Any]]:
        """How the rollups stand, as `GET /status` says it."""
        return list(self._get("/status")["rollups"])

    def changes(self, rollup: str, since: int = 0) -> list[dict[str, Any]]:
        """The buckets of a rollup or level that changed after a batch."""
        return list(self._get(f"/changes?{urlencode({'rollup': rollup, 'since': since})}")["changes"])

    def refresh(self, rollup: str) -> dict[str, Any]:
        """Have a rollup refreshed now, and say what was counted."""
        path = f"/refresh/{quote(rollup, safe='')}"
        return dict(self._transport.send("POST", path, b"{}", {"Content-Type": _JSON}).json())

    def append(self, rollup: str, data: Any, *, batch_id: str | None = None) -> dict[str, Any]:
        """Have data counted that is in no file.

        Args:
            rollup: Into which rollup.
            data: Anything that DuckDB scans, such as a data frame or an Arrow table.
            batch_id: Your name for it. Data of a name that was counted is not counted again.

        Raises:
            ServiceError: If the service does not count it.
            MissingDependencyError: If PyArrow is not installed.
        """
        headers = {"Content-Type": _ARROW}
        if batch_id is not None:
            headers["Idempotency-Key"] = batch_id
        path = f"/append/{quote(rollup, safe='')}"
        return dict(self._transport.send_once(path, _stream(data), headers).json())

    def close(self) -> None:
        """Close the connections. Rows that were returned cannot be read after that."""
        self._transport.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _get(self, path: str) -> Any:
        return self._transport.send("GET", path).json()

    def _relation(self, content: bytes) -> duckdb.DuckDBPyRelation:
        """Rows as a relation, on a connection that reads sketches as the service does."""
        pyarrow = _pyarrow()
        with pyarrow.ipc.open_stream(content) as stream:
            table = stream.read_all()
        if self._connection is None:
            self._connection = duckdb.connect()
            with suppress(LoadError):
                loaded = connect()
                self._connection.close()
                self._connection = loaded
        cursor = self._connection.cursor()
        cursor.register(_ANSWER, table)
        cursor.execute(f"CREATE TEMP TABLE {_ANSWER}_rows AS FROM {_ANSWER}")
        cursor.unregister(_ANSWER)
        return cursor.table(f"{_ANSWER}_rows")


def _question(query: str, parameters: Any, **options: Any) -> bytes:
    plain = {name: value for name, value in options.items() if value != _DEFAULTS[name]}
    return json.dumps({"sql": query, "parameters": plain_parameters(parameters), **plain}).encode()


_DEFAULTS = {"exact": False, "raw": True, "errors": False, "edges": "exact"}


def _explanation(document: Mapping[str, Any]) -> RemoteExplanation:
    return RemoteExplanation(
        approximate=tuple(document["approximate"]),
        notes=tuple(document.get("notes", ())),
        selects=tuple(document["selects"]),
        sql=document.get("sql", ""),
        text=document.get("text", ""),
    )


def _stream(data: Any) -> bytes:
    """Data as an Arrow IPC stream."""
    pyarrow = _pyarrow()
    with duckdb.connect() as connection:
        if isinstance(data, duckdb.DuckDBPyRelation):
            reader = data.to_arrow_reader() if hasattr(data, "to_arrow_reader") else data.fetch_arrow_reader()
        else:
            try:
                connection.register("data", data)
            except (duckdb.Error, TypeError) as error:
                raise ServiceError(f"DuckDB cannot scan a {type(data).__name__}: {error}") from error
            relation = connection.table("data")
            reader = (
                relation.to_arrow_reader() if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader()
            )
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    return bytes(sink.getvalue())


def _pyarrow() -> Any:
    try:
        import pyarrow  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError(
            "the rows of a service come through PyArrow: pip install 'duckdb-sketch[arrow]'", name="pyarrow"
        ) from error
    return pyarrow
