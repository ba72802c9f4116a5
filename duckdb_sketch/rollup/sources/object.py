"""An object of a store or a web server, as it was when it was looked at, and what goes wrong with one."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch.rollup.errors import SourceError


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


class GoneError(Exception):
    """There is no such object."""


class BrokenError(SourceError):
    """An answer broke off."""


def plain_tag(text: str | None) -> str:
    """An ETag without its quotes, and without colons, which part a fingerprint."""
    return (text or "").strip('"').replace('"', "").replace(":", "_")
