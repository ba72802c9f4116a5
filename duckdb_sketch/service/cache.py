"""Answers of the last moment, which are given again to the same query."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable

from duckdb_sketch.service.formats import Body

_BYTES = 64 << 20


class AnswerCache:
    """Keeps answers for a moment, and not longer than until something was counted. For one thread.

    Args:
        seconds: For how long; 0 keeps none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: OrderedDict[Hashable, tuple[int, float, Body]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, version: int) -> Body | None:
        """The answer to a query, if there is one of this version that is not too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        known, since, body = entry
        return body if known == version and time.monotonic() - since <= self._seconds else None

    def put(self, key: Hashable, version: int, body: Body) -> None:
        """Keep an answer. Those that are too old go, and the oldest ones where they take too much memory."""
        if not self._seconds:
            return
        now = time.monotonic()
        self._drop(key)
        self._entries[key] = (version, now, body)
        self._bytes += len(body.content)
        while self._bytes > _BYTES or now - self._oldest > self._seconds:
            self._drop(next(iter(self._entries)))

    @property
    def _oldest(self) -> float:
        """When the oldest answer was put in; they are in that order."""
        _, since, _ = next(iter(self._entries.values()), (0, time.monotonic(), None))
        return since

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry[2].content)
