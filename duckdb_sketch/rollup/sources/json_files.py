"""JSON files as text: one object per row, of which the statement's keys are columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, paths_of
from duckdb_sketch.rollup.sources.fitting import pointer
from duckdb_sketch.rollup.sources.long_fractions import long_fractions
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
    scan: Callable[[Sequence[File]], str],
    references: frozenset[str],
    how: Written,
) -> Iterator[Text]:
    """The rows of JSON files in a temporary table, for as long as this lasts.

    Args:
        connection: The connection that reads them.
        files: The files.
        scan: Gives SQL of the objects of some of them; see `json_scan`.
        references: Names of the columns that the statement mentions, in lower case.
        how: What the source declares.

    Raises:
        UnreadableError: If a file cannot be read.
    """
    number = next(_NUMBERS)
    objects, table = f"duckdb_sketch_objects_{number}", f"duckdb_sketch_json_{number}"
    with temporary(connection, table):
        with reading(), temporary(connection, objects):
            connection.execute(f"CREATE TEMP TABLE {objects} AS {scan(files)}")
            rejected = 0
            if how.ignore_errors:  # of a line that is not JSON, DuckDB gives NULL
                (rejected,) = fetch_row(connection, f"DELETE FROM temp.{objects} WHERE json IS NULL")
            keys = _keys(connection, objects, references)
            items = [FILE, *(f"{_value(spellings)} AS {identifier(spellings[0])}" for spellings in keys.values())]
            select = f"SELECT {', '.join(items)} FROM"
            connection.execute(f"CREATE TEMP TABLE {table} AS {select} temp.{objects}")
            long = long_fractions(connection, objects, references)
        names = [spellings[0] for spellings in keys.values()]
        left_out = Counter({"": rejected})

        def raw(some: Sequence[File]) -> str:
            return f"{select} ({scan(some)})"

        yield Text(connection, files, table, raw, names, is_json=True, how=how, rejected=left_out, long_fractions=long)


def _keys(connection: duckdb.DuckDBPyConnection, objects: str, references: frozenset[str]) -> dict[str, list[str]]:
    """The keys of objects that a statement mentions, as they are spelled, by their names in lower case.

    Raises:
        SourceError: If an object has a key twice, perhaps in capitals: it does not say which of the values counts.
    """
    mentioned = f"list_filter(json_keys(json), lambda k: list_contains({_listed(references)}, lower(k)))"
    found: dict[str, set[str]] = {}
    for file, keys in fetch(connection, f"SELECT min({FILE}), {mentioned} AS k FROM temp.{objects} GROUP BY k"):
        for number, key in enumerate(keys or ()):
            if key.lower() in {each.lower() for each in keys[:number]}:
                raise SourceError(
                    f"{file}: an object has the key {key} twice, and names that differ in case only are the same"
                )
            found.setdefault(key.lower(), set()).add(key)
    return {name: sorted(spellings) for name, spellings in sorted(found.items())}


def json_keys(connection: duckdb.DuckDBPyConnection, scan: str) -> dict[str, frozenset[str]]:
    """The keys of the objects in each file, in lower case, by path."""
    with reading():
        rows = fetch(
            connection,
            f"SELECT {FILE}, list(DISTINCT lower(k)) FROM (SELECT {FILE}, unnest(json_keys(json)) AS k FROM ({scan})) "
            "GROUP BY ALL",
        )
    return {path: frozenset(keys) for path, keys in rows}


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quote, sorted(names)))}]"


def _value(spellings: Sequence[str]) -> str:
    """SQL of the value of a key, however it is spelled."""
    values = ", ".join(f"json_extract(json, {quote(pointer(key))})" for key in spellings)
    return f"coalesce({values})" if len(spellings) > 1 else values
