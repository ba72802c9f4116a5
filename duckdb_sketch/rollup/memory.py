"""Amounts of memory, and how many rows fit into one."""

from __future__ import annotations

import os
import re

import duckdb

from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.query import fetch_row

#: Bytes that are set aside for a row's states: if it is a group of its own, and if it is one of many in a group.
BYTES_OF_A_GROUP = 160
BYTES_OF_A_ROW = 50
# What DuckDB holds for each file that a query reads, however small it is.
_BYTES_OF_A_FILE = 1 << 15
_LEAST_FILES = 100  # of a batch

#: No limit, in bytes: more than any machine has, and what DuckDB takes for no limit.
UNLIMITED = 2**63 - 1

_LEAST = 100_000  # rows of a batch, however little memory there is
_NO_LIMIT = 2**60  # how DuckDB prints no limit has changed, and is larger than any memory
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
    "PIB": 2**50,
    "EIB": 2**60,
    "PB": 10**15,
    "EB": 10**18,
}


def parse_bytes(text: str) -> int:
    """Read `2GB` or `512 MiB`.

    Raises:
        RollupError: If it is no such thing.
    """
    if text.strip() in ("-1", "none"):  # as DuckDB's own setting
        return UNLIMITED
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not match or match[2].upper() not in _UNITS:
        raise RollupError(f"{text!r} is not an amount of memory: write 2GB or 512MiB, or -1 for no limit")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def memory_of_machine() -> int:
    """How many bytes of memory the machine has: where DuckDB has no limit, states still have that one."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 2**33


def rows_that_fit(connection: duckdb.DuckDBPyConnection, memory_limit: str | None) -> int:
    """How many rows a batch may have, each a group of its own, so that states fit beside what DuckDB may use."""
    return max(_limit(connection, memory_limit) // BYTES_OF_A_GROUP, _LEAST)


def files_that_fit(connection: duckdb.DuckDBPyConnection, memory_limit: str | None) -> int:
    """How many files a batch may have, however small they are."""
    return max(_limit(connection, memory_limit) // _BYTES_OF_A_FILE, _LEAST_FILES)


def _limit(connection: duckdb.DuckDBPyConnection, memory_limit: str | None) -> int:
    """How many bytes a batch may take."""
    (setting,) = fetch_row(connection, "SELECT current_setting('memory_limit')")
    limit = parse_bytes(setting)
    limits = [limit if limit < _NO_LIMIT else memory_of_machine()]
    if memory_limit:
        limits.append(parse_bytes(memory_limit) // 2)
    return min(limits)


def rows_of_batch(most_rows: int, rows: int, groups: int) -> int:
    """How many rows a batch may have, as those before it had many rows per group or few.

    Args:
        most_rows: That a batch may have if each row is a group of its own.
        rows: How many rows have been counted.
        groups: In how many groups they are.
    """
    if not rows:
        return most_rows
    alone = min(groups / rows, 1)
    return int(most_rows * BYTES_OF_A_GROUP / (BYTES_OF_A_ROW + (BYTES_OF_A_GROUP - BYTES_OF_A_ROW) * alone))
