"""What users have, as a column that DuckDB reads: frames, series, arrays, lists."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.errors import InvalidInputError, MissingDependencyError
from duckdb_sketch.values.session import cursor
from duckdb_sketch.values.state import State


@runtime_checkable
class ArrowStream(Protocol):
    """A table or a chunked column, by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class ArrowArray(Protocol):
    """A batch or a column in one piece, by the Arrow PyCapsule interface."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object: ...


Data: TypeAlias = ArrowStream | ArrowArray | Iterable[Any]
"""A frame, a column, a NumPy array of one dimension, or an iterable of values."""

_READS_ARRAYS = int(duckdb.__version__.split(".")[0]) >= 2  # DuckDB before 2.0 reads tables alone
_TABLE = "duckdb_sketch_data"
_NOT_COLUMNS = (str, bytes, bytearray, memoryview, Mapping, State)


@dataclass(frozen=True)
class DataColumn:
    """One column of values, `x`, that a cursor can read."""

    session: duckdb.DuckDBPyConnection
    source: str
    parameters: dict[str, Any]

    def select(self, expression: str, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """The result of an expression of `x`, as the column `answer`."""
        query = f"SELECT {expression} AS answer FROM {self.source}"
        return self.session.sql(query, params={**self.parameters, **parameters})

    def aggregate(self, expression: str, **parameters: Any) -> Any:
        """The one value that an aggregate of `x` gives."""
        ((value,),) = self.select(expression, **parameters).fetchall()
        return value


@contextmanager
def column_of(data: Data, name: str | None = None) -> Iterator[DataColumn]:
    """The values of `data`, in its order.

    Args:
        data: A column, or a frame with one column.
        name: The column to take, of a frame with several.

    Raises:
        InvalidInputError: If `data` is no column of values, or has several and `name` does not choose one.
        MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
    """
    with cursor() as session:
        if _is_a(data, "polars", "LazyFrame"):
            data = cast("Any", data).collect()
        if isinstance(data, _NOT_COLUMNS) or not isinstance(data, ArrowStream | ArrowArray | Iterable):
            raise InvalidInputError(
                f"a {type(data).__name__} is no column of values: give a list, an array, a series or a frame"
            )
        table = _table(data)
        if table is None and isinstance(data, Iterable):
            values = [bytes(value) if isinstance(value, State) else value for value in data]
            yield DataColumn(session, "(SELECT unnest($values) AS x)", {"values": values})
            return
        session.register(_TABLE, table)
        try:
            columns = session.sql(f"FROM {_TABLE}").columns
            chosen = identifier(_chosen(columns, name))
            yield DataColumn(session, f"(SELECT {chosen} AS x FROM {_TABLE})", {})
        finally:
            session.unregister(_TABLE)


def _chosen(columns: list[str], name: str | None) -> str:
    there_are = ", ".join(columns)
    if name is None and len(columns) != 1:
        raise InvalidInputError(f"a frame of several columns: name one of {there_are}")
    if name is not None and name not in columns:
        raise InvalidInputError(f"there is no column {name!r}, but {there_are}")
    return name or columns[0]


def _table(data: Any) -> Any:
    """`data` as something that DuckDB reads as a table; None if it is merely iterable."""
    if _is_a(data, "numpy", "ndarray"):
        return _array(data)
    # DuckDB reads pandas itself, without PyArrow and without the index.
    if _is_a(data, "pandas", "DataFrame"):
        return data
    if _is_a(data, "pandas", "Series"):
        return data.to_frame()
    if not _READS_ARRAYS and not hasattr(data, "columns") and isinstance(data, ArrowStream | ArrowArray):
        return _one_column(data)
    if isinstance(data, ArrowStream):
        return _Stream(data)
    return _Array(data) if isinstance(data, ArrowArray) else None


class _Stream:
    """No more than the stream: DuckDB knows some frames by their types, and then wants PyArrow, or refuses them."""

    def __init__(self, stream: ArrowStream) -> None:
        self._stream = stream

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._stream.__arrow_c_stream__(requested_schema)


class _Array:
    """No more than the array."""

    def __init__(self, array: ArrowArray) -> None:
        self._array = array

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
        return self._array.__arrow_c_array__(requested_schema)


def _one_column(data: ArrowStream | ArrowArray) -> Any:
    """An array as a table, for a DuckDB that reads tables alone."""
    arrow = pyarrow(f"an Arrow array, with DuckDB {duckdb.__version__},")
    values = arrow.chunked_array(data if isinstance(data, ArrowStream) else [arrow.array(data)])
    is_table = arrow.types.is_struct(values.type)
    return arrow.Table.from_struct_array(values) if is_table else arrow.table({"x": values})


def _array(values: Any) -> Any:
    """A NumPy array by way of Arrow, because DuckDB takes its NaNs for NULLs."""
    if values.ndim != 1:
        raise InvalidInputError(f"a NumPy array of {values.ndim} dimensions is no column: give one of 1 dimension")
    arrow = pyarrow("a NumPy array")
    try:
        return arrow.table({"x": arrow.array(values)})
    except arrow.ArrowException as error:
        raise InvalidInputError(f"a NumPy array of {values.dtype} is no column of values: {error}") from error


def _is_a(data: Any, module: str, name: str) -> bool:
    """Whether `data` is of that type, of a library that need not be installed."""
    library = sys.modules.get(module)
    return library is not None and isinstance(data, getattr(library, name))


def pyarrow(wanted_for: str) -> Any:
    """The module.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        message = f'{wanted_for} needs pyarrow: pip install "duckdb-sketch[arrow]"'
        raise MissingDependencyError(message, name="pyarrow") from error
    return pyarrow
