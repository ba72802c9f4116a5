"""Files in portions, each for one task of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from duckdb_sketch.rollup.sources.batches import batches
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import row_groups
from duckdb_sketch.rollup.sources.part import Rows
from duckdb_sketch.rollup.sources.plan import Plan


@dataclass(frozen=True)
class Split:
    """What one task reads: files, or a part of one.

    Attributes:
        files: The files.
        rows: The first row of the part, and the one after its last; None for all rows.
    """

    files: tuple[File, ...]
    rows: Rows | None = None

    def sql(self, plan: Plan) -> str:
        """SQL of its rows."""
        return plan.sql(self.files, self.rows)


def split(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], rows: Mapping[str, int], most: int
) -> list[Split]:
    """Files in their order, in splits of at most that many rows; a text file is never cut.

    Args:
        connection: Looks at the row groups of large files.
        files: The files.
        rows: How many rows each has, by its path.
        most: That a split may have.
    """
    splits: list[Split] = []
    for pack in batches(files, rows, most):
        if rows[pack[0].path] > most and pack[0].reader == "read_parquet":
            splits += [Split(tuple(pack), part) for part in _parts(row_groups(connection, pack[0]), most)]
        else:
            splits.append(Split(tuple(pack)))
    return splits


def _parts(groups: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Ranges of at most that many rows, which end where row groups do, unless one is larger than a range may be."""
    ends, end = [0], 0
    for rows in groups:
        if end > ends[-1] and end + rows > ends[-1] + most:
            ends.append(end)
        end += rows
        ends.extend(range(ends[-1] + most, end, most))
    return list(pairwise([*ends, end]))
