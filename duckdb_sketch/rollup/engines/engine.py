"""Who aggregates files, if it is not this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from duckdb_sketch.rollup.sources.files import File


class Engine(Protocol):
    """Makes the groups of one rollup, such as a cluster does."""

    def aggregate(self, files: Sequence[File], types: Mapping[str, str]) -> Any:
        """The groups of a batch's files.

        Args:
            files: The files.
            types: The columns that the statement uses, and the types that they have in DuckDB.

        Returns:
            Data that DuckDB scans: groups with the columns `ROWS` and `LATEST`, see `groups.merging`.
        """
