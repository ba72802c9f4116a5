"""What is said of a request that cannot be answered: never more than a sentence."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import duckdb
from starlette.responses import JSONResponse, Response

from duckdb_sketch.cube import CubeError
from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup import LockedError, ManifestError, PrunedChangesError
from duckdb_sketch.service.dispatcher import BusyError
from duckdb_sketch.service.guard import RefusedError
from duckdb_sketch.service.queries import MemoryLimitError, NotYetError, TimeLimitError, TooLargeError

_log = logging.getLogger("duckdb_sketch.service")
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (BusyError, 503),
    (LockedError, 503),
    (NotYetError, 503),
    (TimeLimitError, 504),
    (MemoryLimitError, 507),
    (TooLargeError, 413),
    (RefusedError, 403),
    (ManifestError, 404),
    (PrunedChangesError, 410),
    (CubeError, 400),
    (SketchError, 400),
)
_RETRY_AFTER = "1"  # seconds


class Problem(Exception):
    """Why a request is not answered.

    Args:
        status: The status of HTTP.
        kind: A name for programs.
        message: A sentence for people.
        headers: Further headers.
    """

    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})


def problem_of(error: Exception) -> Problem:
    """What to say of an error. One that is not expected is logged, and its text stays here."""
    if isinstance(error, Problem):
        return error
    for kind, status in _STATUS:
        if isinstance(error, kind):
            headers = {"Retry-After": _RETRY_AFTER} if status == 503 else {}
            return Problem(status, type(error).__name__, str(error), headers)
    if isinstance(error, duckdb.InterruptException):
        return Problem(503, "Interrupted", "the service stops: ask again", {"Retry-After": _RETRY_AFTER})
    _log.error("a request failed", exc_info=error)
    return Problem(500, "InternalError", "the service failed; its log says why")


def respond(problem: Problem) -> Response:
    """The response."""
    document = {"error": {"kind": problem.kind, "message": problem.message}}
    return JSONResponse(document, problem.status, problem.headers)
