"""The service that is open, which a new configuration puts another in the place of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from duckdb_sketch.service.changes import Bell
from duckdb_sketch.service.configuration import Configuration, Limits
from duckdb_sketch.service.dispatcher import BusyError, Dispatcher
from duckdb_sketch.service.metrics import Metrics
from duckdb_sketch.service.service import Service

_log = logging.getLogger("duckdb_sketch.service")
_READERS = 2
_WRITERS = 4
_WAITING = 64
_T = TypeVar("_T")


class Host:
    """Opens, replaces and closes the service. Its methods are those of one event loop.

    Args:
        configuration: The service.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.metrics = Metrics()
        self.bell = Bell()
        self._service: Service | None = None
        self._dispatcher: Dispatcher | None = None
        self._readers = _Pool(_READERS, "status")
        self._writers = _Pool(_WRITERS, "append")

    @property
    def limits(self) -> Limits:
        """What a client may ask."""
        return self.configuration.limits

    @property
    def service(self) -> Service:
        """The service.

        Raises:
            BusyError: If it is just being opened or closed.
        """
        if self._service is None:
            raise BusyError("the service is starting or stopping: ask again in a moment")
        return self._service

    @property
    def dispatcher(self) -> Dispatcher:
        """Gives queries their turns.

        Raises:
            BusyError: If the service is just being opened or closed.
        """
        if self._dispatcher is None:
            raise BusyError("the service is starting or stopping: ask again in a moment")
        return self._dispatcher

    async def open(self) -> None:
        """Open the service.

        Raises:
            SketchError: If it cannot be.
        """
        loop = asyncio.get_running_loop()

        def counted() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.bell.ring)

        service = await loop.run_in_executor(None, Service, self.configuration, counted)
        self._dispatcher = Dispatcher(service.queries, self.limits, lambda: service.version)
        self._service = service
        service.start()

    async def close(self) -> None:
        """Stop taking requests, finish what is being counted, and close the database."""
        dispatcher, service = self._dispatcher, self._service
        self._dispatcher = self._service = None
        if dispatcher is not None:
            await dispatcher.stop()
        if service is not None:
            await asyncio.get_running_loop().run_in_executor(None, service.stop)

    async def reload(self, configuration: Configuration) -> None:
        """Put another service in the place of this one; if it does not open, the one that was there is opened again.

        Raises:
            SketchError: If it did not open.
        """
        before = self.configuration
        await self.close()
        self.configuration = configuration
        try:
            await self.open()
        except BaseException:
            self.configuration = before
            await self.open()
            raise

    async def read(self, action: Callable[[], _T]) -> _T:
        """Do something that reads, and that queries do not keep waiting.

        Raises:
            BusyError: If too much waits.
        """
        return await self._readers.run(action)

    async def write(self, action: Callable[[], _T]) -> _T:
        """Do something that counts.

        Raises:
            BusyError: If too much waits.
        """
        return await self._writers.run(action)

    async def status(self) -> list[dict[str, Any]]:
        """How the rollups stand."""
        return await self.read(self.service.status)


class _Pool:
    """Some threads, for which no more than a number of requests wait."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting = 0

    async def run(self, action: Callable[[], _T]) -> _T:
        if self._waiting >= _WAITING:
            raise BusyError("too many requests wait: send the same again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, action)
        finally:
            self._waiting -= 1
