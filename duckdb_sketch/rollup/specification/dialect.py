"""What sqlglot is told of DuckDB's SQL. Pure."""

from __future__ import annotations

from sqlglot.dialects.duckdb import DuckDB

#: Spark has this function, with two arguments, and sqlglot refuses the third.
_WITH_MORE_ARGUMENTS = ("APPROX_TOP_K_ACCUMULATE",)


def leave_arguments() -> None:
    """Have functions that take more arguments here than sqlglot knows of read as any other that it does not know."""
    for name in _WITH_MORE_ARGUMENTS:
        DuckDB.Parser.FUNCTIONS.pop(name, None)
