"""How a service answers a query, as an explanation of a cube."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from duckdb_sketch.cube.bounds import End, Moment, Range
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Route
from duckdb_sketch.cube.reason import Reason, Rejection

if TYPE_CHECKING:
    from duckdb_sketch.remote import RemoteExplanation


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
