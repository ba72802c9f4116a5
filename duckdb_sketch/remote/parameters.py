"""The values of a query's parameters as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from duckdb_sketch.remote.errors import ServiceError


def plain_parameters(value: Any) -> Any:
    """Parameters for JSON: times as text, which DuckDB compares with times, and DECIMAL as numbers.

    Raises:
        ServiceError: If a value is none that JSON can hold.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime, date, time)):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(name): plain_parameters(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_parameters(item) for item in value]
    raise ServiceError(f"a parameter is a {type(value).__name__}: give a number, a text, a time, or a list of these")
