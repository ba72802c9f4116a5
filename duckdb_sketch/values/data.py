"""What users have, as a column that DuckDB reads: frames, series, arrays, lists."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.errors import InvalidInputError, MissingDependencyError
from duckdb_sketch.values.python_values import NUMBERS, STATE, by_type, in_order
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
# Types of which the extension learns no more than that they are there, as what counts alike.
_COUNTED_AS = {"TIME_NS": "make_timestamp_ns(epoch_ns({}))", "TIMESTAMPTZ_NS": "make_timestamp_ns(epoch_ns({}))"}
#: What the names of Arrow's types of sketches begin with; the name of the family follows.
ARROW_TYPES = "duckdb_sketch."
_NOT_COLUMNS = (str, bytes, bytearray, memoryview, Mapping, State)


@dataclass(frozen=True)
class DataColumn:
    """One column of values, `x`, that a cursor can read.

    Attributes:
        session: The cursor.
        source: What to select `x` from, as SQL.
        parameters: The parameters of that.
        parts: Of a list that mixes types, the column of each type; none of a column of one type.
        holds_sketches: Whether there are sketches of this package among the values.
    """

    session: duckdb.DuckDBPyConnection
    source: str
    parameters: dict[str, Any]
    parts: tuple[DataColumn, ...] = ()
    holds_sketches: bool = False

    def by_type(self) -> tuple[DataColumn, ...]:
        """Columns of one type each."""
        return self.parts or (self,)

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
        InvalidInputError: If `data` is not a column of values, or has several and `name` does not choose one.
        MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
    """
    with cursor() as session:
        if _is_a(data, "polars", "LazyFrame"):
            data = cast("Any", data).collect()
        if isinstance(data, _NOT_COLUMNS) or not isinstance(data, ArrowStream | ArrowArray | Iterable):
            raise InvalidInputError(
                f"a {type(data).__name__} is not a column of values: give a list, an array, a series or a frame"
            )
        data = _readable(data, name)
        table = _table(data)
        if table is None and isinstance(data, Iterable):
            yield _column_of_list(session, list(data))
            return
        session.register(_TABLE, table)
        try:
            relation = session.sql(f"FROM {_TABLE}")
            types = dict(zip(relation.columns, map(str, relation.types), strict=False))
            chosen = _chosen(list(types), name)
            x = _COUNTED_AS.get(types[chosen], "{}").format(identifier(chosen))
            yield DataColumn(session, f"(SELECT {x} AS x FROM {_TABLE})", {})
        finally:
            session.unregister(_TABLE)


@contextmanager
def values_of(data: Data, name: str | None = None) -> Iterator[DataColumn]:
    """The values of `data` that are to be sketched: as `column_of`.

    Raises:
        InvalidInputError: If there are sketches among them, or as for `column_of`.
    """
    with column_of(data, name) as column:
        if column.holds_sketches or _is_of_sketches(data):
            raise InvalidInputError("these are sketches, and not values: merge them with from_states")
        yield column


def _is_of_sketches(data: Any) -> bool:
    """Whether a column of PyArrow or pandas has an Arrow type of sketches."""
    kind = getattr(getattr(data, "dtype", None), "pyarrow_dtype", getattr(data, "type", None))
    return str(getattr(kind, "extension_name", "")).startswith(ARROW_TYPES)


def _column_of_list(session: duckdb.DuckDBPyConnection, values: list[Any]) -> DataColumn:
    """A list of Python's values, which may mix types."""
    lists = by_type(values)
    columns = tuple(
        DataColumn(session, f"(SELECT {each.column('$values')} AS x)", {"values": each.values}) for each in lists
    )
    kinds = {each.kind for each in lists}
    holds_sketches = STATE in kinds
    if len(columns) == 1:
        return replace(columns[0], holds_sketches=holds_sketches)
    if kinds <= NUMBERS or kinds <= {STATE, "blob"}:
        return DataColumn(
            session, "(SELECT unnest($values) AS x)", {"values": in_order(values)}, columns, holds_sketches
        )
    selects = [f"SELECT {each.column(f'$values{index}')} AS x" for index, each in enumerate(lists)]
    parameters = {f"values{index}": each.values for index, each in enumerate(lists)}
    return DataColumn(session, f"({' UNION ALL '.join(selects)})", parameters, columns, holds_sketches)


def _readable(data: Any, name: str | None) -> Any:
    """`data`, or the values of its column as a list where DuckDB would not read them as they are."""
    if _is_a(data, "polars", "DataFrame"):
        series = data.to_series(data.columns.index(_chosen(data.columns, name)))
        return _polars_values(series) or data
    if _is_a(data, "polars", "Series"):
        return _polars_values(data) or data
    if _is_a(data, "pandas", "DataFrame"):
        columns = [str(column) for column in data.columns]
        return _pandas_values(data.iloc[:, columns.index(_chosen(columns, name))])
    if _is_a(data, "pandas", "Series"):
        return _pandas_values(data)
    return data


def _polars_values(series: Any) -> Iterable[Any] | None:
    """The values of a column that DuckDB reads wrongly, as by their addresses, or not at all; None of any other."""
    polars: Any = sys.modules["polars"]
    if series.dtype in (polars.Object, polars.Null, polars.Int128) or str(series.dtype) in ("UInt128", "Float16"):
        values: list[Any] = series.to_list()
        return values
    return None


def _pandas_values(series: Any) -> Any:
    """A series, or its values where DuckDB guesses the type of objects, or drops nanoseconds."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(series.dtype, pandas.DatetimeTZDtype) and series.dtype.unit == "ns":
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    if series.dtype == object and pandas.api.types.infer_dtype(series, skipna=True) not in ("string", "bytes", "empty"):
        return iter(series.where(series.notna(), None).tolist())
    return series


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
    """A NumPy array by way of Arrow, because DuckDB takes its NaNs for NULLs; None if it is one of objects."""
    if values.ndim != 1:
        raise InvalidInputError(f"a NumPy array of {values.ndim} dimensions is not a column: give one of 1 dimension")
    if values.dtype == object:
        return None
    arrow = pyarrow("a NumPy array")
    values = _of_arrow_s_types(values)
    try:
        return arrow.table({"x": arrow.array(values)})
    except arrow.ArrowException as error:
        raise InvalidInputError(f"a NumPy array of {values.dtype} is not a column of values: {error}") from error


def _of_arrow_s_types(values: Any) -> Any:
    """A NumPy array in the type of the same values that Arrow has."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if kind == "f" and size == 2:
        return values.astype("f4")
    if kind == "M":
        unit = sys.modules["numpy"].datetime_data(values.dtype)[0]
        finer = {"Y": "D", "M": "D", "W": "D", "h": "s", "m": "s"}.get(unit)
        return values.astype(f"M8[{finer}]") if finer else values
    return values


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
        message = f"{wanted_for} needs pyarrow: pip install pyarrow"
        raise MissingDependencyError(message, name="pyarrow") from error
    return pyarrow
