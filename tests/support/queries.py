"""Short ways to ask DuckDB something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

Ask = Callable[..., Any]


def value(con: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> Any:
    """The one value that a query returns."""
    row = con.execute(sql, list(parameters)).fetchone()
    assert row is not None
    return row[0]


def column(con: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> list[Any]:
    """The first column that a query returns."""
    return [row[0] for row in con.execute(sql, list(parameters)).fetchall()]


def rows(con: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Every row that a query returns."""
    return con.execute(sql, list(parameters)).fetchall()
