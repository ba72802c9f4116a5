"""The server: sockets, signals, and the application on them."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from duckdb_sketch.errors import SketchError
from duckdb_sketch.remote.discovery import listening
from duckdb_sketch.service.app import App
from duckdb_sketch.service.configuration import Configuration, ConfigurationError, Listen
from duckdb_sketch.service.host import Host
from duckdb_sketch.service.protocol import protocol
from duckdb_sketch.service.security import Security

_log = logging.getLogger("duckdb_sketch.service")
_GRACE = 1  # seconds for responses that are being written when the service stops
_HEADER_BYTES = 16_384
#: Seconds that a thread of Python runs before another one gets its turn. A query comes back from DuckDB a dozen times,
#: and would wait for Python's 5 ms each time while a refresh computes.
_TURN = 0.0005


def serve(configuration: Configuration, reread: Callable[[], Configuration] | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        configuration: The service.
        reread: Reads the configuration again after SIGHUP; None if there is no file to read.

    Raises:
        SketchError: If the service cannot be opened.
    """
    _log_to_stderr(configuration.log)
    sys.setswitchinterval(_TURN)
    asyncio.run(Serving(configuration, reread).run())


class Serving:
    """A service on its sockets.

    Args:
        configuration: The service.
        reread: As for `serve`.

    Attributes:
        port: The port that it listens on, once it does.
        host: What is served, from then on.
        routes: Its routes.
    """

    host: Host
    routes: list[BaseRoute]

    def __init__(self, configuration: Configuration, reread: Callable[[], Configuration] | None = None) -> None:
        self._configuration = configuration
        self._reread = reread
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port: int | None = None

    def stop(self) -> None:
        """Have it stop, from whatever thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def run(self) -> None:
        """Open, serve, and close, in the reverse order.

        Raises:
            SketchError: If the service cannot be opened.
        """
        self._loop = asyncio.get_running_loop()
        configuration, listen = self._configuration, self._configuration.listen
        host = self.host = Host(configuration)
        app = App(host).build()
        self.routes = app.routes
        with _bound(listen) as tcp:
            await host.open()
            async with AsyncExitStack() as stack:
                stack.push_async_callback(host.close)
                await stack.enter_async_context(_running(Security(app, listen), tcp, configuration, tls=True))
                if listen.socket:
                    try:
                        local = stack.enter_context(listening(configuration.database))
                        await stack.enter_async_context(_running(app, local, configuration, tls=False))
                    except OSError as error:
                        _log.warning("local programs do not find the service by its database: %s", error)
                stack.callback(host.bell.close)
                with self._signals(host):
                    self.port = tcp.getsockname()[1]
                    _log.info("listening on %s", _url(listen, self.port))
                    await self._stop.wait()
                _log.info("stopping")

    @contextmanager
    def _signals(self, host: Host) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers: dict[int, Callable[[], None]] = {signal.SIGTERM: self._stop.set, signal.SIGINT: self._stop.set}
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = lambda: self._later(self._reload(host))
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread, or Windows
            for number, handler in handlers.items():
                loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            with suppress(ValueError, RuntimeError, NotImplementedError):
                for number in handlers:
                    loop.remove_signal_handler(number)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self, host: Host) -> None:
        if self._reread is None:
            _log.warning("there is no configuration file to read again")
            return
        try:
            configuration = self._reread()
            configuration.check()
            _require_same_place(self._configuration, configuration)
            await host.reload(configuration)
        except (SketchError, OSError) as error:
            _log.error("the configuration was not taken, and the one before holds: %s", error)
            return
        self._configuration = configuration
        _log.info("the configuration was read again")


def _url(listen: Listen, port: int) -> str:
    address = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{'https' if listen.certificate else 'http'}://{address}:{port}"


def _require_same_place(before: Configuration, after: Configuration) -> None:
    if (before.listen, before.database.absolute()) != (after.listen, after.database.absolute()):
        raise ConfigurationError("a change of the database, address, token or certificate needs a restart")


@contextmanager
def _bound(listen: Listen) -> Iterator[socket.socket]:
    """The socket of the address."""
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = found[0]
        bound = socket.socket(family, kind, proto)
    except OSError as error:
        raise ConfigurationError(f"{listen.host}:{listen.port} is not an address to listen on: {error}") from error
    with bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
        except OSError as error:
            raise ConfigurationError(
                f"port {listen.port} of {listen.host} is not available: {error.strerror}; choose another one (--port)"
            ) from error
        bound.listen(1024)
        yield bound


@asynccontextmanager
async def _running(
    app: ASGIApp, bound: socket.socket, configuration: Configuration, *, tls: bool
) -> AsyncIterator[None]:
    """A server on a socket, for as long as this lasts."""
    server = uvicorn.Server(_uvicorn(app, configuration, tls=tls))
    # Not `serve`, which would take the signals that are handled here.
    task = asyncio.ensure_future(server._serve([bound]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    if task.done():
        await task
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _uvicorn(app: ASGIApp, configuration: Configuration, *, tls: bool) -> uvicorn.Config:
    listen, limits = configuration.listen, configuration.limits
    encrypted = tls and listen.certificate is not None
    return uvicorn.Config(
        app,
        http=protocol(limits.connections, limits.header_time.total_seconds()),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=str(listen.certificate) if encrypted else None,
        ssl_keyfile=str(listen.key) if encrypted else None,
    )


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.handlers[:] = [handler]
    _log.propagate = False
    _log.setLevel(level.upper())
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
