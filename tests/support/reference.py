"""Every function in every way that `docs/REFERENCE.md` shows, to be run again and again."""

from __future__ import annotations

import duckdb
from fences import blocks
from processes import PROJECT


def prepare(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Make the tables of the examples; return the queries."""
    queries = []
    for block in blocks(PROJECT / "docs" / "REFERENCE.md"):
        if block.language != "sql" or block.options:
            continue
        for statement in connection.extract_statements(block.code):
            if statement.type == duckdb.StatementType.SELECT:
                queries.append(statement.query)
            else:
                connection.execute(statement)
    return queries
