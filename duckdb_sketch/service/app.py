"""What the service answers over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from duckdb_sketch.rollup import Change
from duckdb_sketch.rows import plain
from duckdb_sketch.service.body import question_of, read_body, require_type
from duckdb_sketch.service.changes import change_document, stream
from duckdb_sketch.service.events import MEDIA_TYPES, events_table
from duckdb_sketch.service.formats import JSON, chosen_format
from duckdb_sketch.service.host import Host
from duckdb_sketch.service.metrics import TEXT
from duckdb_sketch.service.openapi import DESCRIPTION
from duckdb_sketch.service.page import page
from duckdb_sketch.service.problem import Problem, problem_of, respond

_LONGEST_ID = 256
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_Handler = Callable[[Request], Awaitable[Response]]


class App:
    """The routes, over a host.

    Args:
        host: The service that is open.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._streams = 0

    def build(self) -> Starlette:
        """The application."""
        routes = [
            self._route("/", self.page),
            self._route("/query", self.query, "POST"),
            self._route("/explain", self.explain, "POST"),
            self._route("/rollups", self.rollups),
            self._route("/status", self.status),
            self._route("/changes", self.changes),
            self._route("/append/{rollup}", self.append, "POST"),
            self._route("/refresh/{rollup}", self.refresh, "POST"),
            self._route("/healthz", self.healthz),
            self._route("/metrics", self.metrics),
            self._route("/openapi.json", self.openapi),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _not_found})

    def _route(self, path: str, handler: _Handler, method: str = "GET") -> Route:
        name = path.partition("/{")[0]

        async def answered(request: Request) -> Response:
            started = time.perf_counter()
            try:
                response = await handler(request)
            except Exception as error:
                response = respond(problem_of(error))
            response.headers.update({key: value for key, value in _HEADERS.items() if key not in response.headers})
            self._host.metrics.count(name, response.status_code, time.perf_counter() - started)
            return response

        return Route(path, answered, methods=[method])

    async def query(self, request: Request) -> Response:
        """Answer a query."""
        media_type = chosen_format(request.headers.get("accept"))
        if media_type is None:
            raise Problem(406, "NotAcceptable", "accept application/json, text/csv or an Arrow stream")
        require_type(request, JSON)
        limits = self._host.limits
        question = question_of(await read_body(request, limits.body, limits.body_time))
        body = await _unless_gone(request, self._host.dispatcher.answer(question, media_type))
        return Response(body.content, media_type=body.media_type, headers=dict(body.headers))

    async def explain(self, request: Request) -> Response:
        """Say how a query would be answered."""
        require_type(request, JSON)
        limits = self._host.limits
        question = question_of(await read_body(request, limits.body, limits.body_time))
        return JSONResponse(await _unless_gone(request, self._host.dispatcher.explain(question)))

    async def rollups(self, request: Request) -> Response:
        """Say what there is to ask about."""
        return _json(await self._host.read(self._host.service.rollups))

    async def status(self, request: Request) -> Response:
        """Say how the rollups stand."""
        return _json({"rollups": await self._host.status()})

    async def changes(self, request: Request) -> Response:
        """Say what changed after a batch, once or as it comes."""
        name = self._rollup_of(request)
        given = request.headers.get("last-event-id") or request.query_params.get("since", "0")
        if not given.isdigit() or len(given) > 18:
            raise Problem(400, "BadRequest", "since is the number of a batch")
        pane = request.query_params.get("pane")
        if pane not in (None, "early", "on time", "late"):
            raise Problem(400, "BadRequest", "pane is early, on time or late")
        if "text/event-stream" in request.headers.get("accept", ""):
            return await self._stream(name, int(given), pane)
        found = await self._read_changes(name, int(given))
        return _json({"rollup": name, "changes": [change_document(c) for c in found if pane in (None, c.pane)]})

    def _rollup_of(self, request: Request) -> str:
        name = request.query_params.get("rollup")
        known = list(self._host.service.workers)
        if name is None and len(known) > 1:
            raise Problem(400, "BadRequest", f"say of which rollup: ?rollup={known[0]}")
        return known[0] if name is None else name

    async def _read_changes(self, name: str, since: int) -> list[Change]:
        service = self._host.service
        return await self._host.read(lambda: service.changes(name, since))

    async def _stream(self, name: str, since: int, pane: str | None) -> Response:
        if self._streams >= self._host.limits.streams:
            raise Problem(503, "BusyError", "as many streams as may be are open", {"Retry-After": "5"})
        await self._read_changes(name, since)  # so that an error has its status

        async def counted() -> Any:
            self._streams += 1
            try:
                async for text in stream(lambda s: self._read_changes(name, s), since, self._host.bell, pane):
                    yield text
            finally:
                self._streams -= 1

        return StreamingResponse(counted(), media_type="text/event-stream")

    async def append(self, request: Request) -> Response:
        """Count data that the request brings."""
        worker = self._host.service.worker(request.path_params["rollup"])
        kind = require_type(request, *MEDIA_TYPES)
        batch_id = request.headers.get("idempotency-key")
        if batch_id is not None and not 0 < len(batch_id) <= _LONGEST_ID:
            raise Problem(400, "BadRequest", f"an Idempotency-Key has up to {_LONGEST_ID} characters")
        limits = self._host.limits
        body = await read_body(request, limits.append, limits.body_time)

        def count() -> Any:
            return worker.append(events_table(body, kind, worker.rollup.input_types()), batch_id)

        refreshed = await self._host.write(count)
        return _json({"rollup": refreshed.rollup, "rows": refreshed.rows, "batches": refreshed.batches})

    async def refresh(self, request: Request) -> Response:
        """Refresh a rollup now."""
        worker = self._host.service.worker(request.path_params["rollup"])
        require_type(request, JSON)
        refreshed = await self._host.write(worker.refresh)
        return _json(vars(refreshed))

    async def healthz(self, request: Request) -> Response:
        """Say whether the database answers."""
        await self._host.read(self._host.service.check)
        return PlainTextResponse("ok\n")

    async def metrics(self, request: Request) -> Response:
        """Say what was counted of requests and rollups."""
        status = await self._host.status()
        memory = await self._host.read(self._host.service.memory)
        text = self._host.metrics.text(status, self._host.dispatcher.active, self._streams, memory)
        return Response(text, media_type=TEXT)

    async def openapi(self, request: Request) -> Response:
        """Describe all this for programs."""
        return JSONResponse(DESCRIPTION)

    async def page(self, request: Request) -> Response:
        """Show how the rollups stand."""
        return HTMLResponse(page(await self._host.status()))


async def _unless_gone(request: Request, work: Any) -> Any:
    """Wait for something, unless the client is gone before."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not task.done():
        task.cancel()
        raise Problem(499, "Gone", "the client is gone")
    return task.result()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = {404: "there is nothing here; see /openapi.json", 405: "this takes another method; see /openapi.json"}
    return respond(Problem(status, "NotFound" if status == 404 else "Refused", message.get(status, "not answered")))


def _json(document: Any) -> Response:
    text = json.dumps(plain_document(document), ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(errors="replace"), media_type=JSON)


def plain_document(value: Any) -> Any:
    """A document whose values are DuckDB's or Python's, as JSON has it."""
    if isinstance(value, dict):
        return {key: plain_document(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_document(item) for item in value]
    return plain(value)
