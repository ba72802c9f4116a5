"""Objects: what object stores and web servers have, found and copied to this machine."""

from __future__ import annotations

import os
import time
from functools import partial

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.object import BrokenError, GoneError, Object
from duckdb_sketch.rollup.sources.secrets import secret_of
from duckdb_sketch.rollup.sources.stores import download_stored, find_stored, has_client, is_store
from duckdb_sketch.rollup.sources.web import download_web, find_web, is_web

_ATTEMPTS = 4
_PAUSE = 0.2  # seconds, doubled with each attempt


def is_served(url: str) -> bool:
    """Whether objects are read here; other URLs are DuckDB's."""
    if "://" not in url:
        return False  # a path, of which there may be tens of thousands
    secret = secret_of(url)
    return is_web(url) or (is_store(url) and has_client() and (secret is None or secret.options is not None))


def find_object(url: str) -> Object | None:
    """The object of a URL; None if there is none.

    Raises:
        SourceError: If it cannot be asked for.
    """
    return find_web(url) if is_web(url) else find_stored(url)


def download(url: str, tag: str, path: str, size: int = 0) -> None:
    """Copy an object to a file, as it was when it was looked at.

    Args:
        url: The object.
        tag: The ETag that it had; empty if that is not known.
        path: The file.
        size: About how many bytes it has.

    Raises:
        SourceError: If it is gone, or changed, or cannot be read.
    """
    fetch = download_web if is_web(url) else partial(download_stored, size=size)
    for attempt in range(_ATTEMPTS):
        try:
            found, expected = fetch(url, path)
        except GoneError as error:
            raise SourceError(f"{url} is gone: restore it, or refresh again without it") from error
        except (BrokenError, SourceError):
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            if tag and found and found != tag:
                raise SourceError(f"{url} changed since it was listed or counted: refresh with on_change='rebuild'")
            if expected in (None, os.path.getsize(path)):
                return
        time.sleep(_PAUSE * 2**attempt)
    raise SourceError(f"{url} was cut short {_ATTEMPTS} times: try again later")
