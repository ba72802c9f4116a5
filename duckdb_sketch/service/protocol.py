"""HTTP/1.1 as uvicorn speaks it, with limits on how many connections there are and how long headers may take."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)
_WHY = b'{"error":{"kind":"BusyError","message":"as many connections as may be are open: ask again in a moment"}}'


def protocol(connections: int, seconds: float) -> type[H11Protocol]:
    """A protocol with limits.

    Args:
        connections: More are told to come back, and closed.
        seconds: A connection on which no request came within this time is closed.
    """

    class Bounded(H11Protocol):
        _headers: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > connections:
                transport.write(_FULL % (len(_WHY), _WHY))
                transport.close()
                return
            self._headers = self.loop.call_later(seconds, self._too_slow)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            if self.cycle is not None and self._headers is not None:
                self._headers.cancel()
                self._headers = None

        def connection_lost(self, exc: Exception | None) -> None:
            if self._headers is not None:
                self._headers.cancel()
            super().connection_lost(exc)

        def _too_slow(self) -> None:
            if self.cycle is None:
                self.transport.close()

    return Bounded
