"""The bodies of requests, bounded in size and time."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, cast, get_args

from starlette.requests import ClientDisconnect, Request

from duckdb_sketch.cube.planner import Edges
from duckdb_sketch.service.problem import Problem
from duckdb_sketch.service.queries import Question

_FIELDS = {"sql", "parameters", "exact", "raw", "errors", "edges"}


async def read_body(request: Request, most: int, time: timedelta) -> bytes:
    """The body of a request.

    Args:
        request: The request.
        most: The bytes that it may have.
        time: Until it has to be there.

    Raises:
        Problem: If it is too large, too slow, or broken off.
    """
    length = request.headers.get("content-length")
    if length is not None and (not length.isdigit() or len(length) > 18 or int(length) > most):
        raise _too_large(most)
    try:
        return await asyncio.wait_for(_collect(request, most), time.total_seconds())
    except asyncio.TimeoutError:
        message = f"the body was not there within {time.total_seconds():g} s"
        raise Problem(408, "TooSlow", message, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "BrokenOff", "the request was broken off") from None


async def _collect(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def _too_large(most: int) -> Problem:
    return Problem(413, "TooLarge", f"the body may have {most:,} bytes", {"Connection": "close"})


def require_type(request: Request, *kinds: str) -> str:
    """The media type of a body, which has to be one of some: a form on a page elsewhere cannot send these.

    Raises:
        Problem: If it is not.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Problem(
            415, "UnsupportedType", f"send {' or '.join(kinds)} (Content-Type), not {kind[:100] or 'nothing'}"
        )
    return kind


def question_of(body: bytes) -> Question:
    """The query in the body of a request.

    Raises:
        Problem: If it is none.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("the body is not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("sql"), str):
        raise _wrong("the body has no sql")
    unknown = sorted(set(document) - _FIELDS)
    if unknown:
        raise _wrong(f"there is no {unknown[0][:100]} in a query; there is {', '.join(sorted(_FIELDS))}")
    for name in ("exact", "raw", "errors"):
        if not isinstance(document.get(name, False), bool):
            raise _wrong(f"{name} is true or false")
    if document.get("edges", "exact") not in get_args(Edges):
        raise _wrong(f"edges is {' or '.join(get_args(Edges))}")
    parameters = document.get("parameters")
    if parameters is not None and not isinstance(parameters, (list, dict)):
        raise _wrong("parameters are a list, or an object with their names")
    return Question(**cast("dict[str, Any]", document))


def _wrong(what: str) -> Problem:
    return Problem(400, "BadRequest", f'{what}: send {{"sql": "SELECT …", "parameters": […]}}')
