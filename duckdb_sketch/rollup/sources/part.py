"""Some files of a batch that are read alike; their SQL is written once the types of all are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from duckdb_sketch.rollup.sources.file import File

#: The first of some rows of a file, and the one after the last.
Rows = tuple[int, int]


class Part(Protocol):
    """Files of one kind with the same columns."""

    @property
    def files(self) -> Sequence[File]:
        """The files."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that the statement mentions, as the files write them, by their names in lower case."""

    @property
    def lenient(self) -> bool:
        """Whether a column that they lack is NULL, as of JSON."""

    @property
    def rejected(self) -> Counter[str]:
        """How many rows could not be read and were left out, by column, once it is bound."""

    def bind(self, known: Mapping[str, str]) -> dict[str, str]:
        """The types of the columns, by their names in lower case; those of which nothing is known are left out.

        Args:
            known: The types in the files before, by name in lower case.

        Raises:
            SourceError: If a column has another type than before. The error names the file.
        """

    def sql(self, types: Mapping[str, str | None]) -> str:
        """SQL of the rows: the column `FILE`, and columns of these names and types; NULL where there is none."""

    def sample(self, types: Mapping[str, str | None]) -> str:
        """SQL of a query with the same columns, of fewer files."""

    def scan(self, types: Mapping[str, str | None], files: Sequence[File], rows: Rows | None = None) -> str:
        """SQL as `sql`, of some of the files and perhaps some of their rows, which any connection may run."""
