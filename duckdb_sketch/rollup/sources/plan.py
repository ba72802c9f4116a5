"""How files that were bound are read, as SQL that any connection may run, also that of another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.part import Part, Rows


@dataclass(frozen=True)
class Plan:
    """Files whose columns have been bound.

    Attributes:
        parts: The files, by how they are read.
        types: The columns that the statement uses, and their types; None of those of which nothing is known.
    """

    parts: Sequence[Part]
    types: Mapping[str, str | None]

    def sql(self, files: Sequence[File], rows: Rows | None = None) -> str:
        """SQL of the rows of some of the files, with the column `FILE`.

        Args:
            files: At least one of them.
            rows: Which rows of a Parquet file; None for all.
        """
        paths = {file.path for file in files}
        within = [(part, [file for file in part.files if file.path in paths]) for part in self.parts]
        return " UNION ALL BY NAME ".join(part.scan(self.types, some, rows) for part, some in within if some)
