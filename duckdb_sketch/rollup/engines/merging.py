"""Groups that were aggregated elsewhere, such as on a cluster: rows with the columns of a rollup's table. Pure: SQL."""

from __future__ import annotations

from collections.abc import Mapping

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.specification.table import LATEST, ROWS, Table


def merging(table: Table, given: Mapping[str, str], groups: str) -> str:
    """SQL of one row per group, with the columns of `table`, then `ROWS` and `LATEST`.

    A group may come in several rows. If they have no column `ROWS`, a group has as many events as its `count(*)` says,
    or else one for each row; if they have no `LATEST`, the last event that is known of is the start of its bucket.

    Args:
        table: The rollup's table.
        given: The columns of the groups and their types.
        groups: SQL of the groups, to follow FROM.

    Raises:
        SourceError: If a column is missing, or is none of the rollup's.
    """
    names = {name.lower(): name for name in given}  # DuckDB does not tell x from X
    items = []
    for column, kind in table.types.items():
        name = names.pop(column.lower(), None)
        if name is None:
            raise SourceError(f"the groups have no column {column}, and the rollup {table.name} has")
        items.append(f"{_cast(table, name, given[name], kind)} AS {identifier(column)}")
    rows, latest = names.pop(ROWS, None), names.pop(LATEST, None)
    if names:
        raise SourceError(
            f"the groups have a column {min(names.values())}, and the rollup {table.name} has none; "
            f"its columns are {', '.join(table.types)}"
        )
    counts = [m.name for m in table.metrics if m.aggregate == "count" and m.argument is None and m.condition is None]
    events = f"CAST({identifier(rows or counts[0])} AS BIGINT)" if rows or counts else "1"
    bucket = next(name for name in given if name.lower() == table.time.lower())
    last = latest or bucket
    items += [f"{events} AS {ROWS}", f"{_in_zone(table, last, given[last])} AS {LATEST}"]
    totals = f", CAST(sum({ROWS}) AS BIGINT) AS {ROWS}, max({LATEST}) AS {LATEST}"
    return f"{table.merged(totals)} FROM (SELECT {', '.join(items)} FROM {groups}) GROUP BY ALL"


def _cast(table: Table, name: str, given: str, kind: str) -> str:
    if (kind == "BLOB") != (given == "BLOB"):
        raise SourceError(
            f"column {name} of the groups is {given}, and the rollup {table.name} has {kind}: "
            "give the states themselves, not what is read from them"
        )
    column = _in_zone(table, name, given) if kind == "TIMESTAMP WITH TIME ZONE" else identifier(name)
    return f"CAST({column} AS {kind})"


def _in_zone(table: Table, name: str, given: str) -> str:
    """A time that Parquet has without its zone, as Spark writes it by default (INT96), is in UTC."""
    column = identifier(name)
    return f"timezone('UTC', {column})" if table.zoned and given == "TIMESTAMP" else column
