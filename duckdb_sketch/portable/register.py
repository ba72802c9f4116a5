"""The functions made known to a connection."""

from __future__ import annotations

from typing import Any

import duckdb

from duckdb_sketch.portable.functions import MACROS, PREFIX, REFUSALS, UDFS


def register(con: duckdb.DuckDBPyConnection) -> None:
    """Make the portable functions known to a connection, in place of native ones of the same names.

    They are temporary macros, so they are gone with the connection, and no other connection sees them. Registering them
    again does nothing new. A result that is still being fetched from the connection is dropped.

    Args:
        con: An open connection; it may be read-only.

    Raises:
        duckdb.Error: If the connection is closed.
    """
    known = "SELECT function_name FROM duckdb_functions() WHERE starts_with(function_name, ?)"
    names = {name for (name,) in con.execute(known, [PREFIX]).fetchall()}
    # As values of the enumerations, because their module was renamed between DuckDB 1.3 and 2.0.
    options: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
    for udf in UDFS:
        if PREFIX + udf.name not in names:
            parameters: Any = None if udf.parameters is None else list(udf.parameters)
            returns: Any = udf.returns
            con.create_function(PREFIX + udf.name, udf.columns, parameters, returns, **options)
    for name, overloads in {**MACROS, **REFUSALS}.items():
        con.execute(f"CREATE OR REPLACE TEMP MACRO {name}{', '.join(overloads)}")
