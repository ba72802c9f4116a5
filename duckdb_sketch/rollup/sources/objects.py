"""Objects: what object stores and web servers have, listed and copied to this machine.

obstore talks to stores. It is Rust, pages and retries by itself, and lets go of the interpreter while it waits. Web
servers are read with the standard library, as URLs may have a query, which no store's client takes.
"""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeVar

from duckdb_sketch.rollup.errors import SourceError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]+)/?(.*)", re.DOTALL)
_STORES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
_WEB = ("http", "https")
_ATTEMPTS = 4
_PAUSE = 0.2  # seconds, doubled with each attempt
_PATIENCE = 60  # seconds that an answer may take
_CHUNK = 1 << 20
_CREDENTIALS = ("AWS_", "GOOGLE_", "AZURE_")

T = TypeVar("T")


@dataclass(frozen=True)
class Object:
    """An object as it was when it was looked at.

    Attributes:
        url: Where it is; in object stores its key as it is, with nothing escaped.
        size: In bytes.
        modified: In nanoseconds since 1970; 0 if that is not known.
        tag: Its ETag, which changes if its bytes do; empty if there is none.
    """

    url: str
    size: int
    modified: int
    tag: str


def is_served(url: str) -> bool:
    """Whether objects are read here; other URLs are DuckDB's."""
    scheme = url.partition("://")[0].lower()
    return scheme in _WEB or (scheme in _STORES and _has_client())


@lru_cache(1)
def _has_client() -> bool:
    return find_spec("obstore") is not None


def is_web(url: str) -> bool:
    """Whether a URL is of a web server, which lists nothing, and where `?` begins a query."""
    return url.partition("://")[0].lower() in _WEB


def list_objects(folder: str) -> Iterator[Object]:
    """The objects of a store below a folder, at any depth.

    Args:
        folder: A URL that ends with `/`.

    Raises:
        SourceError: If they cannot be listed.
    """
    scheme, place, prefix = _split(folder)
    with_errors = _telling(folder)
    pages = with_errors(lambda: iter(_store(scheme, place).list(prefix or None)))
    while (page := with_errors(lambda: next(pages, None))) is not None:
        for meta in page:
            yield _object(f"{scheme}://{place}/{meta['path']}", meta)


def find_object(url: str) -> Object | None:
    """The object of a URL; None if there is none.

    Raises:
        SourceError: If it cannot be asked for.
    """
    if is_web(url):
        return _web_object(url)
    scheme, place, key = _split(url)
    try:
        return _object(url, _telling(url)(lambda: _store(scheme, place).head(key)))
    except _GoneError:
        return None


def download(url: str, tag: str, path: str) -> None:
    """Copy an object to a file, as it was when it was looked at.

    Args:
        url: The object.
        tag: The ETag that it had; empty if that is not known.
        path: The file.

    Raises:
        SourceError: If it is gone, or changed, or cannot be read.
    """
    fetch = _download_web if is_web(url) else _download_stored
    for attempt in range(_ATTEMPTS):
        try:
            found, expected = fetch(url, path)
        except _GoneError as error:
            raise SourceError(f"{url} is gone: put it back, or refresh again without it") from error
        except (_BrokenError, SourceError):
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            if tag and found and found != tag:
                raise SourceError(f"{url} changed since it was listed or counted: refresh with on_change='rebuild'")
            if expected in (None, os.path.getsize(path)):
                return
        time.sleep(_PAUSE * 2**attempt)
    raise SourceError(f"{url} came cut short {_ATTEMPTS} times: try again when the store is well")


class _GoneError(Exception):
    """There is no such object."""


class _BrokenError(SourceError):
    """An answer broke off."""


def _split(url: str) -> tuple[str, str, str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise SourceError(f"{url} names no bucket: write s3://bucket/folder/*.parquet")
    return match[1].lower(), match[2], match[3]


def _object(url: str, meta: Any) -> Object:
    modified = int(meta["last_modified"].timestamp() * 1_000_000) * 1000
    return Object(url, meta["size"], modified, _tag(meta.get("e_tag")))


def _tag(text: str | None) -> str:
    """An ETag without its quotes, and without colons, which part a fingerprint."""
    return (text or "").strip('"').replace('"', "").replace(":", "_")


def _store(scheme: str, place: str) -> Any:
    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith(_CREDENTIALS)))
    return _opened(scheme, place, settings)


@lru_cache(32)
def _opened(scheme: str, place: str, settings: tuple[tuple[str, str], ...]) -> Any:
    """A store with the credentials of the environment; of a profile, where there is one, and boto3."""
    import obstore.store  # type: ignore[import-not-found,unused-ignore]

    given = dict(settings)
    options: Any = {"timeout": timedelta(seconds=_PATIENCE)}
    if any(value.startswith("http://") for name, value in settings if name.endswith("ENDPOINT_URL")):
        options["allow_http"] = True
    more: dict[str, Any] = {}
    if scheme.startswith("s3") and "AWS_PROFILE" in given and find_spec("boto3"):
        from obstore.auth.boto3 import Boto3CredentialProvider  # type: ignore[import-not-found,unused-ignore]

        more["credential_provider"] = Boto3CredentialProvider()
    retry: Any = {
        "max_retries": 5,
        "retry_timeout": timedelta(seconds=_PATIENCE),
        "backoff": {"init_backoff": timedelta(seconds=_PAUSE), "max_backoff": timedelta(seconds=10), "base": 2},
    }
    return obstore.store.from_url(f"{scheme}://{place}", client_options=options, retry_config=retry, **more)


def _telling(url: str) -> Callable[[Callable[[], T]], T]:
    """Calls a store, and tells what is wrong in one sentence."""

    def call(ask: Callable[[], T]) -> T:
        try:
            return ask()
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise SourceError(_told(url, error)) from error
            raise _GoneError(url) from error
        except SourceError:
            raise
        except Exception as error:  # whatever the store's library raises
            raise SourceError(_told(url, error)) from error

    return call


def _told(url: str, error: Exception) -> str:
    text = str(error)
    place = _split(url)[1]
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        return f"{url}: there is no bucket {place}: create it, or correct its name"
    if "ExpiredToken" in text:
        return f"{url}: the credentials have expired: renew them (AWS_SESSION_TOKEN, or the profile's)"
    if re.search(r"\b40[13]\b|PermissionDenied|Unauthenticated|AccessDenied|InvalidAccessKey|SignatureDoesNot", text):
        return (
            f"{url}: access is denied: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, of somebody "
            f"who may list and read {place}"
        )
    if "empty path segment" in text:
        return f"{url}: there is an object with // in its key, which cannot be read: rename it, or list another folder"
    return f"{url} cannot be read: {text.splitlines()[0][:300]}"


def _download_stored(url: str, path: str) -> tuple[str, int | None]:
    scheme, place, key = _split(url)

    def copy() -> tuple[str, int | None]:
        answer = _store(scheme, place).get(key)
        with open(path, "wb") as file:
            for chunk in answer.stream(min_chunk_size=_CHUNK):
                file.write(chunk)
        return _tag(answer.meta.get("e_tag")), int(answer.meta["size"])

    return _telling(url)(copy)


def _asked(url: str, method: str) -> Any:
    """The answer of a web server, which is asked again while it says that it is not well."""
    for attempt in range(_ATTEMPTS):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=_PATIENCE)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise _GoneError(url) from error
            if (error.code < 500 and error.code != 429) or attempt == _ATTEMPTS - 1:
                raise SourceError(f"{url} cannot be read: the server says {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            if attempt == _ATTEMPTS - 1:
                raise SourceError(f"{url} cannot be read: {error}") from error
        time.sleep(_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _web_object(url: str) -> Object | None:
    try:
        with _asked(url, "HEAD") as answer:
            headers = answer.headers
    except _GoneError:
        return None
    modified = headers.get("Last-Modified")
    nanoseconds = int(parsedate_to_datetime(modified).timestamp()) * 1_000_000_000 if modified else 0
    return Object(url, int(headers.get("Content-Length") or 0), nanoseconds, _tag(headers.get("ETag")))


def _download_web(url: str, path: str) -> tuple[str, int | None]:
    try:
        with _asked(url, "GET") as answer, open(path, "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
            length = answer.headers.get("Content-Length")
            return _tag(answer.headers.get("ETag")), int(length) if length else None
    except OSError as error:
        raise _BrokenError(f"{url} broke off: {error}") from error
