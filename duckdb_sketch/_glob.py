"""Names of files where DuckDB takes patterns of names."""

from __future__ import annotations

import re

#: What makes a pattern of a name.
MAGIC = re.compile(r"[*?[]")


def literal(path: str) -> str:
    """A path or URL as DuckDB takes it for this one file, whatever `*`, `?` and `[` are in its name.

    Over HTTP nothing is a pattern, and a `?` begins the query.
    """
    if not MAGIC.search(path) or path.lower().startswith(("http://", "https://")):
        return path
    return MAGIC.sub(r"[\g<0>]", path)
