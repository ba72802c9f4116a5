"""Web servers, read with the standard library: URLs may have a query, which no client of object stores takes."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Any

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.object import BrokenError, GoneError, Object, plain_tag

_SCHEMES = ("http", "https")
_ATTEMPTS = 4
_PAUSE = 0.2  # seconds, doubled with each attempt
_PATIENCE = 60  # seconds that an answer may take
_CHUNK = 1 << 20


def is_web(url: str) -> bool:
    """Whether a URL is of a web server, which lists nothing, and where `?` begins a query."""
    return url.partition("://")[0].lower() in _SCHEMES


def find_web(url: str) -> Object | None:
    """The object of a URL; None if there is none.

    Raises:
        SourceError: If it cannot be asked for.
    """
    try:
        with _asked(url, "HEAD") as answer:
            headers = answer.headers
    except GoneError:
        return None
    modified = headers.get("Last-Modified")
    nanoseconds = int(parsedate_to_datetime(modified).timestamp()) * 1_000_000_000 if modified else 0
    return Object(url, int(headers.get("Content-Length") or 0), nanoseconds, plain_tag(headers.get("ETag")))


def download_web(url: str, path: str) -> tuple[str, int | None]:
    """Copy what a URL has to a file, once; its ETag, and how long it ought to be.

    Raises:
        GoneError: If there is nothing.
        SourceError: If it cannot be read.
    """
    try:
        with _asked(url, "GET") as answer, open(path, "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
            length = answer.headers.get("Content-Length")
            return plain_tag(answer.headers.get("ETag")), int(length) if length else None
    except OSError as error:
        raise BrokenError(f"{url} broke off: {error}") from error


def _asked(url: str, method: str) -> Any:
    """The answer of a web server, which is asked again while it says that it is not well."""
    for attempt in range(_ATTEMPTS):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=_PATIENCE)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise GoneError(url) from error
            if (error.code < 500 and error.code != 429) or attempt == _ATTEMPTS - 1:
                raise SourceError(f"{url} cannot be read: the server says {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            if attempt == _ATTEMPTS - 1:
                raise SourceError(f"{url} cannot be read: {error}") from error
        time.sleep(_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")
