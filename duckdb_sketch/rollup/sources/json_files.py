"""JSON files as text: one object per row, of which the statement's keys are columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.query import fetch, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, paths_of
from duckdb_sketch.rollup.sources.text import Text
from duckdb_sketch.rollup.sources.written import Written

_NUMBERS = count()


def json_scan(files: Sequence[File], options: Mapping[str, str]) -> str:
    """SQL of the objects in files: `FILE`, and `json`."""
    given = "".join(f", {name} = {value}" for name, value in options.items())
    return (
        f"SELECT {FILE}, json FROM read_json_objects({paths_of(files)}{given}, filename = '{FILE}', "
        "hive_partitioning = false)"
    )


@contextmanager
def json_held(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[File],
    scan: str,
    references: frozenset[str],
    how: Written,
) -> Iterator[Text]:
    """The rows of JSON files in a temporary table, for as long as this lasts.

    Args:
        connection: The connection that reads them.
        files: The files.
        scan: SQL of the objects; see `json_scan`.
        references: Names of the columns that the statement mentions, in lower case.
        how: What the source declares.

    Raises:
        UnreadableError: If a file cannot be read.
    """
    number = next(_NUMBERS)
    objects, table = f"duckdb_sketch_objects_{number}", f"duckdb_sketch_json_{number}"
    with temporary(connection, table):
        with reading(), temporary(connection, objects):
            connection.execute(f"CREATE TEMP TABLE {objects} AS {scan}")
            rejected = 0
            if how.ignore_errors:  # of a line that is no JSON, DuckDB gives NULL
                (rejected,) = fetch_row(connection, f"DELETE FROM temp.{objects} WHERE json IS NULL")
            keys: dict[str, list[str]] = {}
            for (key,) in fetch(
                connection, f"SELECT DISTINCT unnest(json_keys(json)) AS k FROM temp.{objects} ORDER BY k"
            ):
                if key.lower() in references:
                    keys.setdefault(key.lower(), []).append(key)
            items = [f"{_value(spellings)} AS {identifier(spellings[0])}" for spellings in keys.values()]
            connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {', '.join([FILE, *items])} FROM temp.{objects}")
        names = [spellings[0] for spellings in keys.values()]
        yield Text(connection, files, table, names, is_json=True, how=how, rejected=Counter({"": rejected}))


def json_keys(connection: duckdb.DuckDBPyConnection, scan: str) -> dict[str, frozenset[str]]:
    """The keys of the objects in each file, in lower case, by path."""
    with reading():
        rows = fetch(
            connection,
            f"SELECT {FILE}, list(DISTINCT lower(k)) FROM (SELECT {FILE}, unnest(json_keys(json)) AS k FROM ({scan})) "
            "GROUP BY ALL",
        )
    return {path: frozenset(keys) for path, keys in rows}


def _value(spellings: Sequence[str]) -> str:
    """SQL of the value of a key, however it is spelled."""
    values = ", ".join(f"json_extract(json, {quote(_pointer(key))})" for key in spellings)
    return f"coalesce({values})" if len(spellings) > 1 else values


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")
