"""Which paths are URLs: DuckDB and Spark look at those, the file system at all others."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:/", re.IGNORECASE)
_LOCAL = re.compile(r"file:(?://(?:localhost)?(?=/)|(?=/(?!/)))", re.IGNORECASE)


def is_url(path: str | Path) -> bool:
    """Whether a path or pattern starts with a scheme, such as `s3://` or `https://`."""
    return _SCHEME.match(str(path)) is not None


def local_path(path: str) -> str | None:
    """The path that a URL of a file on this machine stands for, such as `file:///data`; None if it is none.

    What is `%20` in the URL still is: it may be part of a name.
    """
    scheme = _LOCAL.match(path)
    return path[scheme.end() :] if scheme else None
