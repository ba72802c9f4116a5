"""Services in the place of a database: what they are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_sketch.cube.bounds import End, Moment, Range
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Route
from duckdb_sketch.cube.reason import Reason, Rejection
from duckdb_sketch.remote import ServiceError, find_service

if TYPE_CHECKING:
    from duckdb_sketch.remote import RemoteExplanation, ServiceClient


def service_of(database: str | Path | duckdb.DuckDBPyConnection | ServiceClient) -> ServiceClient | None:
    """The service that is asked in the place of a database; None if none has that open."""
    if isinstance(database, (str, Path)):
        return find_service(database)
    return None if isinstance(database, duckdb.DuckDBPyConnection) else database


def require_plain(sources: Mapping[str, Any], time_zone: str | None) -> None:
    """See that a service can do what a cube was asked to.

    Raises:
        CubeError: If it cannot.
    """
    if time_zone is not None:
        raise CubeError("a service has the database open, and answers in the time zone of its rollups: leave time_zone")
    data = [name for name, given in sources.items() if not isinstance(given, (str, Path, list, tuple))]
    if data:
        raise CubeError(f"a service has the database open, and cannot read {data[0]}, which is data of this process")


@contextmanager
def told() -> Iterator[None]:
    """Tell a service's errors about queries as the cube's own."""
    try:
        yield
    except ServiceError as error:
        if error.kind == CubeError.__name__:
            raise CubeError(str(error)) from error
        raise


def frozen(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object whose lists cannot be changed, as the fields of a dataclass."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}


def explanation_of(query: str, remote: RemoteExplanation) -> Explanation:
    """The explanation of a query from what a service says of it: without the SQL of each part."""
    routes = tuple(_route(select) for select in remote.selects)
    return Explanation(query, remote.sql, routes, remote.approximate, remote.notes)


def _route(select: Mapping[str, Any]) -> Route:
    return Route(
        select["source"],
        parts=[_part(part) for part in select["parts"]],
        rejected=[_rejection(rejection) for rejection in select.get("rejected", ())],
    )


def _part(part: Mapping[str, Any]) -> Part:
    files = part.get("files", ())
    return Part(
        name=part["table"],
        within=Range(_end(part.get("from")), _end(part.get("to"))),
        sql="",
        rows=part.get("rows"),
        bytes=part.get("bytes", 0),
        paths=tuple(files) if isinstance(files, list) else (),
        why=part.get("why") or "",
    )


def _end(text: str | None) -> End:
    return None if text is None else Moment(datetime.fromisoformat(text))


def _rejection(rejection: Mapping[str, Any]) -> Rejection:
    reason = Reason[rejection["reason"]]
    name, text = rejection["table"], rejection["text"]
    said = f"{name}: {reason.value}" if name else reason.value
    return Rejection(name, reason, text.removeprefix(said).removeprefix(": "))
