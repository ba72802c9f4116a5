"""Query results as Arrow, by the names that each version of DuckDB has for that."""

from __future__ import annotations

from typing import Any

import duckdb

_ROWS = 1_000_000  # DuckDB's own default


def arrow_reader(relation: duckdb.DuckDBPyRelation, rows: int = _ROWS) -> Any:
    """A relation's rows as a `pyarrow.RecordBatchReader` of batches of at most that many rows."""
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(rows)
    return relation.fetch_arrow_reader(rows)  # DuckDB 1


def arrow_table(relation: duckdb.DuckDBPyRelation) -> Any:
    """A relation's rows as a `pyarrow.Table`."""
    return arrow_reader(relation).read_all()
