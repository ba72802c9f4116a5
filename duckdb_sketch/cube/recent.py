"""What was found out lately, by what it depends on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Values by key; of too many, those that were found first are forgotten.

    Threads may share it. Two that look for the same value at once may both compute it.

    Args:
        most: How many values are kept.
    """

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._found: dict[_Key, _Value] = {}
        self._lock = Lock()

    def find(self, key: _Key) -> _Value | None:
        """The value of a key; None if it is not known."""
        return self._found.get(key)

    def keep(self, key: _Key, value: _Value) -> None:
        """Keep a value."""
        with self._lock:
            while len(self._found) >= self._most:
                del self._found[next(iter(self._found))]
            self._found[key] = value

    def get(self, key: _Key, compute: Callable[[], _Value]) -> _Value:
        """The value of a key, which is computed if it is not known. A computation that fails is not kept."""
        try:
            return self._found[key]
        except KeyError:
            value = compute()
        self.keep(key, value)
        return value

    def get_if(self, key: _Key | None, compute: Callable[[], _Value]) -> _Value:
        """The same, but for what has no key: that is computed each time."""
        return compute() if key is None else self.get(key, compute)
