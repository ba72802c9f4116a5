"""What the footers of Parquet files say of a column of times, so that nobody need read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.events import Extent
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import paths_of

# Of nanoseconds, statistics are cut to microseconds, and would lie before the times themselves.
_EXACT = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE")


def read_extents(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], column: str, types: Mapping[str, str]
) -> Mapping[str, Extent] | None:
    """Each file's rows and its first and last time, by path; None unless the footers say all of it exactly.

    Args:
        connection: Reads the footers.
        files: Parquet files.
        column: The column of times.
        types: The types of columns; times without a zone are given as they are, others in UTC.
    """
    kind = next((kind for name, kind in types.items() if name.lower() == column.lower()), None)
    if kind not in _EXACT or any(f"/{column.lower()}=" in file.path.lower() for file in files):
        return None
    rows = fetch(
        connection,
        f"SELECT file_name, sum(row_group_num_rows)::BIGINT, min({_time('stats_min_value', kind)}), "
        f"max({_time('stats_max_value', kind)}), "
        "bool_and(row_group_num_rows = 0 OR coalesce(stats_null_count = row_group_num_rows, false) OR "
        f"({_time('stats_min_value', kind)} IS NOT NULL AND {_time('stats_max_value', kind)} IS NOT NULL)) "
        f"FROM parquet_metadata({paths_of(files)}) WHERE lower(path_in_schema) = {quote(column.lower())} GROUP BY ALL",
    )
    if not all(exact for *_, exact in rows) or len(rows) < len(files):
        return None
    return {path: Extent(count, first, last) for path, count, first, last, _ in rows}


def _time(text: str, kind: str) -> str:
    time = f"TRY_CAST({text} AS {'TIMESTAMPTZ' if kind.endswith('ZONE') else 'TIMESTAMP'})"
    return f"timezone('UTC', {time})" if kind.endswith("ZONE") else time
