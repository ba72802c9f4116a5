"""Turns of queries: equal ones run once, those that nobody waits for are interrupted."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from serving import served_bids, until

from duckdb_sketch.service.configuration import Limits
from duckdb_sketch.service.dispatcher import BusyError, Dispatcher
from duckdb_sketch.service.formats import Body
from duckdb_sketch.service.queries import Question, Running, TimeLimitError


class Slow:
    """Queries that take until the test lets them go on, or they are stopped."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()

    def answer(self, question: Question, media_type: str, running: Running) -> Body:
        self.asked.append(question.sql)
        while not self.go_on.wait(0.01):
            running.check()
        return Body(question.sql.encode(), media_type)


def dispatcher(queries: Any, version: list[int], **limits: Any) -> Dispatcher:
    return Dispatcher(queries, Limits(**{"queries": 2, "waiting": 2, **limits}), lambda: version[0])


def test_equal_queries_run_once_and_others_by_themselves() -> None:
    async def run() -> None:
        queries, version = Slow(), [1]
        turns = dispatcher(queries, version)
        waiting = [asyncio.ensure_future(turns.answer(Question(sql), "text/csv")) for sql in "aaab"]
        await asyncio.sleep(0.05)
        queries.go_on.set()
        assert [body.content for body in await asyncio.gather(*waiting)] == [b"a", b"a", b"a", b"b"]
        assert sorted(queries.asked) == ["a", "b"]
        await turns.answer(Question("a"), "text/csv")
        assert queries.asked.count("a") == 1
        version[0] = 2
        await turns.answer(Question("a"), "text/csv")
        await turns.answer(Question("a", parameters=[1]), "text/csv")
        await turns.answer(Question("a"), "application/json")
        assert queries.asked.count("a") == 4
        await turns.stop()

    asyncio.run(run())


def test_more_than_may_wait_are_refused_and_time_runs_while_they_wait() -> None:
    async def run() -> None:
        queries = Slow()
        turns = dispatcher(queries, [1], query_time=timedelta(seconds=0.2))
        waiting = [asyncio.ensure_future(turns.answer(Question(sql), "text/csv")) for sql in "abcd"]
        await asyncio.sleep(0.02)
        with pytest.raises(BusyError, match="4 queries run or wait"):
            await turns.answer(Question("e"), "text/csv")
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in found] == [TimeLimitError] * 4
        assert turns.active == 0
        await turns.stop()

    asyncio.run(run())


def test_a_query_that_everybody_has_left_is_interrupted() -> None:
    async def run() -> None:
        queries = Slow()
        turns = dispatcher(queries, [1])
        one, other = (asyncio.ensure_future(turns.answer(Question("a"), "text/csv")) for _ in range(2))
        await asyncio.sleep(0.02)
        one.cancel()
        await asyncio.sleep(0.05)
        assert turns.active == 1
        other.cancel()
        while turns.active:
            await asyncio.sleep(0.01)
        await turns.stop()

    asyncio.run(run())


def test_stopping_interrupts_what_runs() -> None:
    async def run() -> None:
        turns = dispatcher(Slow(), [1])
        waiting = asyncio.ensure_future(turns.answer(Question("a"), "text/csv"))
        await asyncio.sleep(0.02)
        await turns.stop()
        with pytest.raises(TimeLimitError, match="the service stops"):
            await waiting
        with pytest.raises(BusyError):
            await turns.answer(Question("b"), "text/csv")

    asyncio.run(run())


def test_a_client_that_is_gone_does_not_keep_its_query_running(tmp_path: Path) -> None:
    with served_bids(tmp_path) as service:
        body = b'{"sql": "SELECT count(*) FROM range(100000000000) AS a(x) WHERE hash(x) % 7 = 1"}'
        head = (
            f"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        turns = service.serving.host.dispatcher
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
            until(lambda: turns.active == 1)
        until(lambda: turns.active == 0, seconds=10)
