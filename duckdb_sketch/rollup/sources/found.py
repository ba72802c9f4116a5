"""A file as it was found."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch.rollup.sources.file import File


@dataclass(frozen=True)
class Found:
    """A file under the name that it was found by.

    Attributes:
        name: The name.
        file: The file.
        identity: What makes it the same file as one of another name.
    """

    name: str
    file: File
    identity: object
