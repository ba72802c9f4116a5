"""The rows of a query as JSON and as CSV, on the command line and over HTTP alike."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb


def documents(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """The rows as JSON objects. Of columns of the same name, the later ones are `name_1` and so on."""
    names = list(_distinct(relation.columns))
    return [dict(zip(names, map(plain, row), strict=True)) for row in relation.fetchall()]


def csv_lines(relation: duckdb.DuckDBPyRelation) -> Iterator[str]:
    """The rows as lines of CSV, after one of names. Values are written as DuckDB does, NULL as nothing."""
    yield _csv_line(relation.columns)
    for row in texts(relation):
        yield _csv_line(row)


def texts(relation: duckdb.DuckDBPyRelation) -> list[tuple[str | None, ...]]:
    """The rows as the texts that DuckDB casts values to."""
    names = [f"c{index}" for index in range(len(relation.columns))]
    columns = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    found = relation.query("answer", f"SELECT {columns} FROM answer AS a({', '.join(names)})")
    assert found is not None
    return found.fetchall()


def plain(value: Any) -> Any:
    """A value of DuckDB as JSON has it.

    A DECIMAL is a number where a double holds it, else its text; times are ISO 8601, BLOBs hexadecimal digits.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)  # a UUID, an ENUM


def _distinct(names: Sequence[str]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        chosen, number = name, 1
        while chosen in taken:
            chosen, number = f"{name}_{number}", number + 1
        taken.add(chosen)
        yield chosen


def _csv_line(fields: Sequence[str | None]) -> str:
    """A line of CSV, in which an empty text is told from NULL by its quotes."""
    found = []
    for field in fields:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(["" if field is None else field, ""])
        found.append('""' if field == "" else buffer.getvalue()[:-1])
    return ",".join(found)
