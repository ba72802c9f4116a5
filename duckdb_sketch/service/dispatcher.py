"""Turns of queries: that many run, that many wait, and more are refused. Each has its time, waiting included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from duckdb_sketch.errors import SketchError
from duckdb_sketch.service.cache import AnswerCache
from duckdb_sketch.service.configuration import Limits
from duckdb_sketch.service.formats import Body
from duckdb_sketch.service.queries import Queries, Question, Running

_AGAIN = 0.05  # seconds; a query that is between two calls of DuckDB is not interrupted by the first attempt
_T = TypeVar("_T")


class BusyError(SketchError):
    """The service has too much to do; the same request may work a moment later."""


class Dispatcher:
    """Gives queries their turns. Its methods are those of one event loop.

    Args:
        queries: Answers them.
        limits: How many, and how long.
        version: Tells a number that changes whenever something was counted.
    """

    def __init__(self, queries: Queries, limits: Limits, version: Callable[[], int]) -> None:
        self._queries = queries
        self._seconds = limits.query_time.total_seconds()
        self._most = limits.queries + limits.waiting
        self._version = version
        self._cache = AnswerCache(limits.cache.total_seconds())
        self._pool = ThreadPoolExecutor(limits.queries, thread_name_prefix="query")
        self._pending: dict[Hashable, tuple[asyncio.Task[Body], Running]] = {}
        self._waiters: dict[Hashable, int] = {}
        self._running: set[Running] = set()

    @property
    def active(self) -> int:
        """How many queries run or wait."""
        return len(self._running)

    async def answer(self, question: Question, media_type: str) -> Body:
        """Answer a query. Equal ones that come while it runs get the same answer.

        Raises:
            BusyError: If too many wait.
            SketchError: Whatever `Queries.answer` raises.
        """
        version = self._version()
        key = (*question.key, media_type)
        known = self._cache.get(key, version)
        if known is not None:
            return known
        shared = (version, *key)
        if shared not in self._pending:
            running = self._begin()
            work = self._run(running, lambda: self._queries.answer(question, media_type, running))
            self._pending[shared] = asyncio.ensure_future(work), running
            self._waiters[shared] = 0
        task, running = self._pending[shared]
        self._waiters[shared] += 1
        try:
            body = await asyncio.shield(task)
            self._cache.put(key, version, body)
            return body
        finally:
            self._leave(shared, task, running)

    async def explain(self, question: Question) -> dict[str, Any]:
        """Explain a query.

        Raises:
            BusyError: If too many wait.
            SketchError: Whatever `Queries.explain` raises.
        """
        running = self._begin()
        return await self._run(running, lambda: self._queries.explain(question, running))

    async def stop(self) -> None:
        """Interrupt all queries, and take no more; return when the last one is over."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._running:
            for running in list(self._running):
                running.stop("the service stops, and interrupted the query: ask again")
            await asyncio.sleep(_AGAIN)

    def _begin(self) -> Running:
        if len(self._running) >= self._most:
            raise BusyError(f"{len(self._running)} queries run or wait, the maximum: try again in a moment")
        running = Running(self._seconds)
        self._running.add(running)
        return running

    async def _run(self, running: Running, action: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._pool, action)
        except RuntimeError as error:
            self._running.discard(running)
            raise BusyError("the service is stopping") from error
        timer = loop.call_later(self._seconds, self._stop_again, running, loop)
        try:
            return await future
        finally:
            timer.cancel()
            self._running.discard(running)

    def _stop_again(self, running: Running, loop: asyncio.AbstractEventLoop) -> None:
        if running in self._running:
            running.stop()
            loop.call_later(_AGAIN, self._stop_again, running, loop)

    def _leave(self, shared: Hashable, task: asyncio.Task[Body], running: Running) -> None:
        """Interrupt a query that nobody waits for any more."""
        self._waiters[shared] -= 1
        if self._waiters[shared]:
            return
        del self._waiters[shared], self._pending[shared]
        if not task.done():
            running.stop("the client is gone")
            self._stop_again(running, asyncio.get_running_loop())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
