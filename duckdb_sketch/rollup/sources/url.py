"""Which paths are URLs: DuckDB and Spark look at those, the file system at all others."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(path: str | Path) -> bool:
    """Whether a path or pattern starts with a scheme, such as `s3://` or `https://`."""
    return _SCHEME.match(str(path)) is not None
