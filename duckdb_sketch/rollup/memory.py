"""Amounts of memory, and how many rows fit into one."""

from __future__ import annotations

import re

import duckdb

from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.query import fetch_row

#: Bytes that are set aside for a row's states: if it is a group of its own, and if it is one of many in a group.
BYTES_OF_A_GROUP = 160
BYTES_OF_A_ROW = 50

_LEAST = 100_000  # rows of a batch, however little memory there is
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "PIB": 2**50}


def parse_bytes(text: str) -> int:
    """Read `2GB` or `512 MiB`.

    Raises:
        RollupError: If it is no such thing.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not match or match[2].upper() not in _UNITS:
        raise RollupError(f"{text!r} is no amount of memory: write it as 2GB, or 512MiB")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def rows_that_fit(connection: duckdb.DuckDBPyConnection, memory_limit: str | None) -> int:
    """How many rows a batch may have, each a group of its own, so that states fit beside what DuckDB may use."""
    (limit,) = fetch_row(connection, "SELECT current_setting('memory_limit')")
    limits = [parse_bytes(limit)] + ([parse_bytes(memory_limit) // 2] if memory_limit else [])
    return max(min(limits) // BYTES_OF_A_GROUP, _LEAST)


def rows_of_batch(most_rows: int, rows: int, groups: int) -> int:
    """How many rows a batch may have, as those before it had many rows a group or few.

    Args:
        most_rows: That a batch may have if each row is a group of its own.
        rows: How many rows have been counted.
        groups: In how many groups they are.
    """
    if not rows:
        return most_rows
    alone = min(groups / rows, 1)
    return int(most_rows * BYTES_OF_A_GROUP / (BYTES_OF_A_ROW + (BYTES_OF_A_GROUP - BYTES_OF_A_ROW) * alone))
