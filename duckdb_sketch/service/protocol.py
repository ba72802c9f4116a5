"""HTTP/1.1 as uvicorn speaks it, with a limit on how long headers may take."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol(seconds: float) -> type[H11Protocol]:
    """A protocol that closes connections on which no request came within some seconds of their opening."""

    class Bounded(H11Protocol):
        _headers: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._headers = self.loop.call_later(seconds, self._too_slow)

        def data_received(self, data: bytes) -> None:
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
