"""Object stores, read and written through obstore.

obstore is Rust, pages and retries by itself, and lets go of the interpreter while it waits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.object import GoneError, Object, plain_tag
from duckdb_sketch.rollup.sources.odd_keys import download_odd, find_odd, is_odd, list_odd
from duckdb_sketch.rollup.sources.secrets import secret_of

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]+)/?(.*)", re.DOTALL)
_SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
_PAUSE = 0.2  # seconds before a request is repeated, at first
_PATIENCE = 60  # seconds that a request may take, and that it is repeated for
_PACE = 1 << 20  # bytes per second that a connection has at least
_CHUNK = 1 << 20
_PAGE = 1_000  # objects that one request lists at most
_CREDENTIALS = ("AWS_", "GOOGLE_", "AZURE_", "AZURITE_")
_KEYS = {  # by the first letter of a scheme
    "s": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "g": "GOOGLE_SERVICE_ACCOUNT, the path of a key",
    "a": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Version:
    """Which version of an object a conditional write is to replace.

    Attributes:
        tag: Its ETag, as the store writes it.
        version: What the store numbers versions by, as Google's does; None if it does not.
    """

    tag: str | None
    version: str | None

    @property
    def condition(self) -> dict[str, str]:
        """What obstore is to be told of it."""
        found = {"e_tag": self.tag, "version": self.version}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def plain(self) -> str:
        """The ETag as `Object` has it."""
        return plain_tag(self.tag)


class OddKeyError(SourceError):
    """A key is one that obstore does not take."""


class ReplacedError(Exception):
    """An object is not the version that was to be replaced: somebody else wrote it meanwhile."""


def is_store(url: str) -> bool:
    """Whether a URL is of an object store that a client can be had for, whether it is installed or not."""
    return url.partition("://")[0].lower() in _SCHEMES


@lru_cache(1)
def has_client() -> bool:
    """Whether obstore is installed."""
    return find_spec("obstore") is not None


def list_store(folder: str, after: str = "") -> Iterator[Object]:
    """The objects of a store below a folder, at any depth, in the order of their keys.

    Args:
        folder: A URL that ends with `/`.
        after: The URL that those begin after which are wanted; all if empty. Not every store takes this.

    Raises:
        SourceError: If they cannot be listed.
    """
    scheme, place, prefix = _split(folder)
    with_errors = _telling(folder)
    start = _split(after)[2] if after else ""
    if is_odd(prefix):
        yield from list_odd(scheme, place, prefix, start)
        return
    pages = with_errors(
        lambda: iter(_store(scheme, place, prefix).list(prefix or None, offset=start or None, chunk_size=_PAGE))
    )
    last = start
    try:
        while (page := with_errors(lambda: next(pages, None))) is not None:
            for meta in page:
                yield _object(f"{scheme}://{place}/{meta['path']}", meta)
                last = meta["path"]
    except OddKeyError:  # somewhere in this page
        yield from list_odd(scheme, place, prefix, last)


def find_stored(url: str) -> Object | None:
    """The object of a URL; None if there is none.

    Raises:
        SourceError: If it cannot be asked for.
    """
    scheme, place, key = _split(url)
    if is_odd(key):
        return find_odd(url, place, key)
    try:
        return _object(url, _telling(url)(lambda: _store(scheme, place, key).head(key)))
    except GoneError:
        return None


def download_stored(url: str, path: str, size: int = 0) -> tuple[str, int | None]:
    """Copy an object to a file; its ETag, and how long it ought to be.

    Args:
        url: The object.
        path: The file.
        size: About how many bytes it has, which says how long that may take.

    Raises:
        GoneError: If there is none.
        SourceError: If it cannot be read.
    """
    scheme, place, key = _split(url)
    if is_odd(key):
        return download_odd(url, place, key, path)

    def copy() -> tuple[str, int | None]:
        answer = _store(scheme, place, key, size).get(key)
        with open(path, "wb") as file:
            for chunk in answer.stream(min_chunk_size=_CHUNK):
                file.write(chunk)
        return plain_tag(answer.meta.get("e_tag")), int(answer.meta["size"])

    return _telling(url)(copy)


def read_stored(url: str) -> tuple[bytes, Version] | None:
    """All of a small object, and which version that is; None if there is none.

    Raises:
        SourceError: If it cannot be read.
    """
    scheme, place, key = _split(url)

    def read() -> tuple[bytes, Version]:
        answer = _store(scheme, place, key).get(key)
        return bytes(answer.bytes()), Version(answer.meta.get("e_tag"), answer.meta.get("version"))

    try:
        return _telling(url)(read)
    except GoneError:
        return None


def version_of(url: str) -> tuple[Object, Version] | None:
    """An object and which version it is; None if there is none.

    Raises:
        SourceError: If it cannot be asked for.
    """
    scheme, place, key = _split(url)
    try:
        meta = _telling(url)(lambda: _store(scheme, place, key).head(key))
    except GoneError:
        return None
    return _object(url, meta), Version(meta.get("e_tag"), meta.get("version"))


def write_stored(url: str, content: bytes | Path, known: Version | None) -> Version:
    """Write a whole object in one request, in place of one version of it: whoever reads it has the one or the other.

    Args:
        url: The object.
        content: Its bytes, or the file that has them.
        known: The version that there is; None if there is none.

    Returns:
        The version that there is now.

    Raises:
        ReplacedError: If it is another one by now.
        SourceError: If it cannot be written.
    """
    from obstore.exceptions import (  # type: ignore[import-not-found,unused-ignore]
        AlreadyExistsError,
        PreconditionError,
    )

    scheme, place, key = _split(url)
    mode: Any = "create" if known is None else known.condition
    size = len(content) if isinstance(content, bytes) else content.stat().st_size

    def write() -> Version:
        try:
            result = _store(scheme, place, key, size).put(key, content, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise
            raise ReplacedError(url) from error
        return Version(result.get("e_tag"), result.get("version"))

    try:
        return _telling(url)(write)
    except ReplacedError:
        # Of a request that was repeated, the first may have been carried out, and its answer lost.
        found = read_stored(url)
        if found is not None and found[0] == (content if isinstance(content, bytes) else content.read_bytes()):
            return found[1]
        raise


def remove_stored(url: str) -> None:
    """Remove an object.

    Raises:
        SourceError: If it cannot be removed.
    """
    scheme, place, key = _split(url)
    try:
        _telling(url)(lambda: _store(scheme, place, key).delete(key))
    except GoneError:
        return


def _split(url: str) -> tuple[str, str, str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise SourceError(f"{url} names no bucket: write s3://bucket/folder/*.parquet")
    return match[1].lower(), match[2], match[3]


def _object(url: str, meta: Any) -> Object:
    modified = int(meta["last_modified"].timestamp() * 1_000_000) * 1000
    return Object(url, meta["size"], modified, plain_tag(meta.get("e_tag")))


def _store(scheme: str, place: str, key: str, size: int = 0) -> Any:
    """A store whose requests may take as long as that many bytes do, with the credentials for a key."""
    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith(_CREDENTIALS)))
    secret = secret_of(f"{scheme}://{place}/{key}")
    patience = _PATIENCE
    while patience * _PACE < size:  # of few lengths, so that stores are opened once
        patience *= 2
    return _opened(scheme, place, settings, patience, secret.options if secret else None)


@lru_cache(32)
def _opened(
    scheme: str,
    place: str,
    settings: tuple[tuple[str, str], ...],
    patience: int,
    secret: tuple[tuple[str, str], ...] | None,
) -> Any:
    """A store with the credentials of a secret, or of the environment; of a profile, where there is one, and boto3."""
    import obstore.store  # type: ignore[import-not-found,unused-ignore]

    given = dict(settings)
    # Whether an endpoint is encrypted is what its URL says.
    options: Any = {"timeout": timedelta(seconds=patience), "allow_http": True}
    more: dict[str, Any] = {}
    if secret is not None:
        more["config"] = dict(secret)
    elif scheme.startswith("s3") and "AWS_PROFILE" in given and find_spec("boto3"):
        from obstore.auth.boto3 import Boto3CredentialProvider  # type: ignore[import-not-found,unused-ignore]

        more["credential_provider"] = Boto3CredentialProvider()
    retry: Any = {
        "max_retries": 5,
        "retry_timeout": timedelta(seconds=patience),
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
            raise GoneError(url) from error
        except (SourceError, ReplacedError):
            raise
        except Exception as error:  # whatever the store's library raises
            if "empty path segment" in str(error):
                raise OddKeyError(_told(url, error)) from error
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
        return f"{url}: access is denied: set {_KEYS[url[:1].lower()]}, of somebody who may list and read {place}"
    if "empty path segment" in text:
        return f"{url}: there is an object with // in its key, where none can be"
    return f"{url} cannot be reached: {text.splitlines()[0][:300]}"
