"""URLs as sources."""

from __future__ import annotations


def is_url(path: str) -> bool:
    """Whether a path is a URL, which is for DuckDB to read."""
    return "://" in path
