"""Answers that are given again: not longer than they may, and not after something was counted."""

from __future__ import annotations

import pytest

from duckdb_sketch.service import cache as module
from duckdb_sketch.service.cache import AnswerCache
from duckdb_sketch.service.formats import Body


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def body(size: int = 1) -> Body:
    return Body(b"x" * size, "text/csv")


def test_an_answer_is_kept_for_its_time_and_version(clock: Clock) -> None:
    cache, kept = AnswerCache(1), body()
    cache.put("a", 7, kept)
    assert cache.get("a", 7) is kept
    assert cache.get("a", 8) is None
    assert cache.get("b", 7) is None
    clock.now += 1.01
    assert cache.get("a", 7) is None


def test_old_answers_take_no_memory(clock: Clock) -> None:
    cache = AnswerCache(1)
    for number in range(1000):
        cache.put(number, 1, body())
        clock.now += 0.1
    assert len(cache._entries) <= 11


def test_answers_are_kept_within_bounds(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BYTES", 100)
    cache = AnswerCache(60)
    for number in range(5):
        cache.put(number, 1, body(40))
    assert [cache.get(number, 1) is not None for number in range(5)] == [False, False, False, True, True]
    cache.put("large", 1, body(1000))
    assert cache.get("large", 1) is None


def test_nothing_is_kept_for_no_time() -> None:
    cache = AnswerCache(0)
    cache.put("a", 1, body())
    assert cache.get("a", 1) is None
