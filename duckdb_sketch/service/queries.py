"""Queries of clients: each is checked, runs on its own snapshot, and is interrupted when its time is over."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from duckdb_sketch.cube import Answer, Cube, CubeError
from duckdb_sketch.cube.planner import Edges
from duckdb_sketch.cube.session import first_paragraph
from duckdb_sketch.errors import SketchError
from duckdb_sketch.service.configuration import Limits
from duckdb_sketch.service.formats import Body, encode
from duckdb_sketch.service.guard import Guard, RefusedError


class TimeLimitError(SketchError):
    """A query took too long, and was interrupted."""


class MemoryLimitError(SketchError):
    """A query needed too much memory."""


class NotYetError(SketchError):
    """A query asks about events of which none has been counted yet."""


class TooLargeError(SketchError):
    """A query, or its result, is larger than the service takes."""


@dataclass(frozen=True)
class Question:
    """A query as a client asks it, as `Cube.sql` takes it.

    Attributes:
        sql: The query.
        parameters: The values of its parameters, which JSON can hold.
        exact: Whether to refuse estimates.
        raw: Whether raw events may be read.
        errors: Whether to append the bounds of estimates.
        edges: What happens to partial buckets.
    """

    sql: str
    parameters: Any = None
    exact: bool = False
    raw: bool = True
    errors: bool = False
    edges: Edges = "exact"

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others."""
        return (self.sql, json.dumps(self.parameters, sort_keys=True), self.exact, self.raw, self.errors, self.edges)


class Running:
    """A query that runs, or waits to.

    Args:
        limit: The seconds that it has, for its message.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()
        self.stopped: str | None = None

    def watch(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Have a connection interrupted when it is stopped.

        Raises:
            TimeLimitError: If it has been.
        """
        with self._lock:
            self._connections.append(connection)
        self.check()

    def check(self) -> None:
        """Go on only if it has not been stopped.

        Raises:
            TimeLimitError: If it has.
        """
        if self.stopped is not None:
            raise TimeLimitError(self.stopped)

    def stop(self, why: str | None = None) -> None:
        """Interrupt it. What has not reached DuckDB yet notices at its next step; calling it again does no harm."""
        self.stopped = (
            self.stopped
            or why
            or (
                f"the query took more than {self._limit:g} s and was interrupted: ask for less time or fewer columns, "
                "or raise query_time of the service"
            )
        )
        with self._lock:
            for connection in self._connections:
                with suppress(duckdb.Error):
                    connection.interrupt()

    def close(self) -> None:
        """Close its connections, and with them drop its rows."""
        with self._lock:
            for connection in self._connections:
                with suppress(duckdb.Error):
                    connection.close()
            self._connections.clear()


class Queries:
    """Answers queries, on whatever thread it is called.

    Args:
        connection: To the database, of which cursors are taken.
        cube: Answers them.
        limits: What they may take.
        tables: Tells which tables they may read, in lower case.
        uncounted: Tells which of these are of events of which none has been counted yet.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        cube: Cube,
        limits: Limits,
        tables: Callable[[], frozenset[str]],
        uncounted: Callable[[], frozenset[str]],
    ) -> None:
        self._connection = connection
        self._cube = cube
        self._limits = limits
        self._tables = tables
        self._uncounted = uncounted
        guard = Guard(connection)
        # A dashboard asks the same queries again and again.
        self._checked = lru_cache(maxsize=1024)(lambda text, tables: self._check(guard, text, tables))

    def answer(self, question: Question, media_type: str, running: Running) -> Body:
        """Answer a query.

        Raises:
            RefusedError: If it is not one that the service answers.
            CubeError: If it is wrong.
            TimeLimitError: If it was stopped.
            MemoryLimitError: If it needs too much memory.
            TooLargeError: If it, or its result, is too large.
        """
        started = time.perf_counter()
        with self._told(running):
            self._checked(question.sql, self._tables())
            answer = self._ask(question, running)
            ((rows,),) = answer.relation.aggregate("count(*)").fetchall()
            if rows > self._limits.rows:
                raise TooLargeError(
                    f"the result has more than {self._limits.rows:,} rows: aggregate more, or add LIMIT"
                )
            body = encode(answer, media_type, time.perf_counter() - started)
        if len(body.content) > self._limits.result:
            raise TooLargeError(
                f"the result has {len(body.content):,} bytes, and may have {self._limits.result:,}: ask for fewer rows "
                "or columns"
            )
        return body

    def explain(self, question: Question, running: Running) -> dict[str, Any]:
        """How a query would be answered.

        Raises:
            RefusedError: If it is not one that the service answers.
            CubeError: If it is wrong.
            TimeLimitError: If it was stopped.
        """
        with self._told(running):
            self._checked(question.sql, self._tables())
            explanation = self._cube.explain(
                question.sql, question.parameters, exact=question.exact, edges=question.edges, watch=running.watch
            )
        return {**explanation.document(), "text": str(explanation), "routed": explanation.routed}

    def _ask(self, question: Question, running: Running) -> Answer:
        return self._cube.answer(
            question.sql,
            question.parameters,
            exact=question.exact,
            raw=question.raw,
            errors=question.errors,
            edges=question.edges,
            most_rows=self._limits.rows + 1,
            watch=running.watch,
        )

    def _check(self, guard: Guard, text: str, tables: frozenset[str]) -> None:
        if len(text) > self._limits.sql:
            raise TooLargeError(f"the query has {len(text):,} characters, and may have {self._limits.sql:,}")
        with self._connection.cursor() as cursor:
            guard.check(cursor, text, tables)
            # The cube has another parser. What that one reads has to be as harmless.
            guard.check_reading(cursor, text, tables)

    @contextmanager
    def _told(self, running: Running) -> Iterator[None]:
        """Tell errors of DuckDB as those of a query, and close its connections at the end."""
        try:
            running.check()
            yield
        except duckdb.Error as error:
            running.check()
            raise _error(error) from error
        except RecursionError as error:
            raise TooLargeError("the query is nested too deep") from error
        except CubeError as error:
            running.check()  # a question to DuckDB that was interrupted is told as one that failed
            self._require_counted(error)
            if isinstance(error.__cause__, duckdb.OutOfMemoryException):
                raise _error(error.__cause__) from error
            raise
        finally:
            running.close()

    def _require_counted(self, error: CubeError) -> None:
        """Tell a table of events that the cube does not know yet from one that there is not.

        Raises:
            NotYetError: If that is why it failed.
        """
        for name in self._uncounted():
            if f"Table with name {name} does not exist" in str(error):
                raise NotYetError(f"nothing of {name} has been counted yet: ask again, or see /status") from error


def _error(error: duckdb.Error) -> SketchError:
    text = first_paragraph(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryLimitError(
            f"the query needs more memory than the service has for it: ask for less, or raise memory ({text})"
        )
    if isinstance(error, duckdb.PermissionException):
        return RefusedError(text)
    return CubeError(text)
