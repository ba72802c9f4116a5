"""Who may ask: the token, and for a service without one the name that it was called by."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections import OrderedDict, deque

from starlette.types import ASGIApp, Receive, Scope, Send

from duckdb_sketch.service.configuration import Listen
from duckdb_sketch.service.problem import Problem, respond

_GUESSES = 20  # wrong tokens of one address
_WITHIN = 60.0  # seconds
_ADDRESSES = 4096  # that are remembered
_LOCAL = frozenset(["localhost", "127.0.0.1", "[::1]"])
#: What may be asked without a token: whether the service lives.
_OPEN = frozenset(["/healthz"])


class Security:
    """Refuses requests without the token, and those that a page elsewhere may have made a browser send.

    Args:
        app: What is protected.
        listen: The token and the names.
    """

    def __init__(self, app: ASGIApp, listen: Listen) -> None:
        self._app = app
        self._token = None if listen.token is None else listen.token.encode()
        self._names = _LOCAL | {listen.host.lower(), f"[{listen.host.lower()}]", *map(str.lower, listen.hosts)}
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "http":
            problem = self._problem(scope)
            if problem is not None:
                await respond(problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = dict(scope["headers"])
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # Two lengths: a proxy before this may have taken the other one.
            return Problem(400, "BadRequest", "the body has two lengths", {"Connection": "close"})
        if self._token is None:
            return self._foreign(headers)
        if scope["path"] in _OPEN:
            return None
        address = (scope.get("client") or ("",))[0]
        if self._has_guessed(address):
            return Problem(429, "TooManyTokens", "too many wrong tokens: try again in a minute", {"Retry-After": "60"})
        given = _given(headers.get(b"authorization", b""))
        if given is not None and hmac.compare_digest(given, self._token):
            return None
        if given is not None:
            self._note(address)
        return Problem(
            401,
            "Unauthorized",
            "give the token of the service: Authorization: Bearer …",
            {"WWW-Authenticate": 'Basic realm="duckdb-sketch", charset="UTF-8"'},
        )

    def _foreign(self, headers: dict[bytes, bytes]) -> Problem | None:
        """A request to this machine by a name that is not its own: a page elsewhere may have had that name changed."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if name not in self._names:
            return Problem(421, "WrongHost", f"this service is not {name[:100] or 'nameless'}: call it localhost")
        if origin and origin.partition("://")[2] != host:
            return Problem(403, "WrongOrigin", "a page of another origin may not ask: give the service a token")
        return None

    def _has_guessed(self, address: str) -> bool:
        times = self._wrong.get(address)
        while times and times[0] < time.monotonic() - _WITHIN:
            times.popleft()
        return times is not None and len(times) >= _GUESSES

    def _note(self, address: str) -> None:
        self._wrong.setdefault(address, deque(maxlen=_GUESSES)).append(time.monotonic())
        self._wrong.move_to_end(address)
        while len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)


def _given(header: bytes) -> bytes | None:
    """The token of an Authorization header: of Bearer, or the password of Basic, which browsers ask for."""
    scheme, _, value = header.strip().partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return None
