"""Data that is in no file, such as a data frame, as a source: all of it is one slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from duckdb_sketch._arrow import arrow_reader
from duckdb_sketch._sql import identifier
from duckdb_sketch.errors import MissingDependencyError
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.settings import Missing
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.files import check_columns
from duckdb_sketch.rollup.sources.kinds import united
from duckdb_sketch.rollup.sources.slice import Comparison
from duckdb_sketch.rollup.sources.structure import castable
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.values.state import State

_KNOWN = {"_duckdb", "duckdb", "pandas", "polars", "pyarrow"}


@dataclass(frozen=True)
class Appended:
    """Data that was given once, under a name of its caller's.

    Attributes:
        id: That name; None if there is none, and nobody will know if it is given again.
    """

    id: str | None
    kind: str = "batch"
    fingerprint: str = ""
    size: int | None = None

    def recorded(self) -> str:
        """Nothing: it is known by its id alone."""
        return self.fingerprint

    def compare(self, fingerprint: str) -> Comparison:
        """It never changes."""
        return "same"

    def check_unchanged(self) -> None:
        """It was read once, and cannot change."""


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, data: Any) -> Iterator[None]:
    """Give data to DuckDB under a name, for as long as this lasts.

    Raises:
        SourceError: If DuckDB cannot scan it.
    """
    if isinstance(data, duckdb.DuckDBPyRelation):
        data = arrow_reader(data)  # which may be of another connection
    elif _is_bare_stream(data):
        data = _reader(data)  # DuckDB would ask for the stream more than once
    _refuse_sketches(data)
    try:
        connection.register(name, data)
    except (duckdb.Error, TypeError) as error:
        raise SourceError(f"DuckDB cannot scan a {type(data).__name__}: {error}") from error
    try:
        yield
    finally:
        connection.unregister(name)


def _refuse_sketches(data: Any) -> None:
    """See that no column of a frame holds sketches as objects, of which DuckDB would read the text.

    Raises:
        SourceError: If one does.
    """
    module, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if module not in ("pandas", "polars") or kind != "DataFrame":  # a LazyFrame has no column yet
        return
    for name in data.columns:
        column = data[name]
        if str(getattr(column, "dtype", "")).lower() != "object":
            continue
        values = column.dropna() if hasattr(column, "dropna") else column.drop_nulls()
        if len(values) and isinstance(first := next(iter(values)), State):
            family = type(first).__name__
            raise SourceError(f"column {name} holds {family} objects: give {family}.to_arrow(…) of it in their place")


def _is_bare_stream(data: object) -> bool:
    """Whether data has Arrow's protocol for streams, and is of no library that DuckDB knows."""
    return hasattr(data, "__arrow_c_stream__") and type(data).__module__.partition(".")[0] not in _KNOWN


def _reader(stream: Any) -> Any:
    try:
        import pyarrow  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError(
            f"a {type(stream).__name__} is read through PyArrow: pip install pyarrow"
        ) from error
    try:
        return pyarrow.RecordBatchReader.from_stream(stream)
    except Exception as error:  # whatever its owner raises
        raise SourceError(f"a {type(stream).__name__} cannot be read: {error}") from error


def events_of_data(
    connection: duckdb.DuckDBPyConnection,
    specification: Specification,
    name: str,
    batch_id: str | None,
    known: Mapping[str, str],
    missing: Missing | None = None,
) -> Events:
    """The events in data that is registered under a name.

    Args:
        connection: The connection that it is registered in.
        specification: The statement.
        name: The name.
        batch_id: The caller's name for it.
        known: The types of the columns in what was counted before; empty if nothing was.
        missing: `null` if columns that it lacks are NULL; else that is an error.

    Raises:
        SourceError: If its columns are others than those of what was counted before.
    """
    query = f"SELECT * FROM {name}"
    if missing == "null":
        query = _completed(query, describe(connection, query), known)
    sql, types = bound(connection, specification, query, "the data", known)
    return Events(connection, sql, types, (Appended(batch_id),), lambda: "the data", marked=False)


def bound(
    connection: duckdb.DuckDBPyConnection,
    specification: Specification,
    query: str,
    name: str,
    known: Mapping[str, str],
) -> tuple[str, dict[str, str]]:
    """A query with the types of what was counted before, widened where its own hold more, and these types.

    Args:
        connection: The connection that runs it.
        specification: The statement.
        query: Has the columns as they are.
        name: What errors call it.
        known: The types of the columns in what was counted before; empty if nothing was.

    Raises:
        SourceError: If its columns are others than those of what was counted before.
    """
    query = _without_enums(query, describe(connection, query), known)
    columns = describe(connection, query)
    check_columns(name, columns, specification.references, known)
    types = _united(columns, specification.references, known)
    return _cast(query, columns, types), types


def _completed(query: str, columns: Mapping[str, str], known: Mapping[str, str]) -> str:
    """A query with the columns that it lacks as NULL."""
    own = {name.lower() for name in columns}
    lacking = [
        f"CAST(NULL AS {castable(kind)}) AS {identifier(name)}"
        for name, kind in known.items()
        if name.lower() not in own
    ]
    return f"SELECT *, {', '.join(lacking)} FROM ({query})" if lacking else query


def _united(columns: Mapping[str, str], references: frozenset[str], known: Mapping[str, str]) -> dict[str, str]:
    """The types that hold what was counted before and the data, by the names that were known first."""
    spelled = {name.lower(): name for name in known}
    types = dict(known)
    for name, kind in columns.items():
        if name.lower() in references and (both := united(known.get(spelled.get(name.lower(), "")), kind)):
            types[spelled.get(name.lower(), name)] = both
    return {name: kind for name, kind in types.items() if kind != '"NULL"'}


def _cast(query: str, columns: Mapping[str, str], types: Mapping[str, str]) -> str:
    """A query whose columns have these types."""
    own = {name.lower(): kind for name, kind in columns.items()}
    casts = [
        f"CAST({identifier(name)} AS {castable(kind)}) AS {identifier(name)}"
        for name, kind in types.items()
        if own.get(name.lower(), kind) != kind
    ]
    return f"SELECT * REPLACE ({', '.join(casts)}) FROM ({query})" if casts else query


def _without_enums(query: str, columns: Mapping[str, str], known: Mapping[str, str]) -> str:
    """A query whose ENUMs are VARCHAR: categories of pandas differ from frame to frame, and count as their strings."""
    before = {name.lower(): kind for name, kind in known.items()}
    enums = [
        name
        for name, kind in columns.items()
        if kind.startswith("ENUM(") and not before.get(name.lower(), "").startswith("ENUM(")
    ]
    if not enums:
        return query
    texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in enums)
    return f"SELECT * REPLACE ({texts}) FROM ({query})"
