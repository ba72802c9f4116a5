"""Columns of a rollup as a series in time: rows of the same time are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from matplotlib.axes import Axes

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import Family, Reading, family_of_state
from duckdb_sketch.values.data import ArrowArray, ArrowStream, Data, column_of
from duckdb_sketch.values.session import cursor

_FAR = 60_000_000_000_000_000  # microseconds: the years from 69 to 3871; DuckDB has infinite times
_ROWS = "duckdb_sketch_rows"
_UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
_POINTS_APART = 3.0  # of type, 1/72 inch: what is closer is drawn as a smear


@dataclass(frozen=True)
class StateSeries:
    """Sketches in time.

    Attributes:
        times: Ascending, each once; of the time zone that the column has.
        states: A state for each, as an Arrow array; null where there is none.
        family: Their family.
        unit: The unit of time that they were merged to so that they fit; None if they are as they came.
    """

    times: list[datetime]
    states: Any
    family: Family
    unit: str | None = None

    @property
    def scope(self) -> str:
        """What a point stands for, in a title."""
        return f"per {self.unit}" if self.unit else "over time"

    @property
    def merged(self) -> list[str]:
        """What a note says of the points."""
        return [f"merged: a point per {self.unit}"] if self.unit else []

    def width(self) -> timedelta:
        """How long a bucket takes: what most neighbours are apart."""
        steps = [after - before for before, after in pairwise(self.times)]
        return median_low(steps) if steps else timedelta(days=1)

    def spaced(self, *columns: list[float]) -> tuple[list[datetime], list[list[float]]]:
        """Times and columns with a NaN where buckets are missing, so that lines break there."""
        width = self.width()
        times: list[datetime] = []
        spaced: list[list[float]] = [[] for _ in columns]
        for index, time in enumerate(self.times):
            # Months and the days of a change of the clock are not all of one length.
            if index and time - self.times[index - 1] > 1.5 * width:
                times.append(self.times[index - 1] + width)
                for values in spaced:
                    values.append(float("nan"))
            times.append(time)
            for values, column in zip(spaced, columns, strict=True):
                values.append(column[index])
        return times, spaced


def series_of(
    times: Any, states: Data, reading: type[Reading], every: str | None = None, ax: Axes | None = None
) -> StateSeries:
    """A column of times and one of states; rows of the same time are merged, those without a finite time left out.

    Args:
        times: The column of times.
        states: The column of states beside it.
        reading: What the states are read as.
        every: A unit of time to merge to; `auto`: the finest of which `ax` can show all; None: times as they are.
        ax: Where they are drawn.

    Raises:
        InvalidInputError: If the columns are not as long as each other, `times` are not times, there is no row, or a
            state is not read as this; or there is no such unit.
    """
    if every not in (None, "auto", *_UNITS):
        raise InvalidInputError(f"every {every!r}: it is 'auto', None, or one of {', '.join(_UNITS)}")
    column = times_of(times)
    unit = _fitting(column, ax) if every == "auto" and ax is not None else every
    if unit in _UNITS:
        column = pc.floor_temporal(column, unit=unit)
    keys, merged, family = merge(column.cast(pa.int64()), states, reading)
    found = pa.array(keys, pa.int64()).cast(column.type).to_pylist()
    return StateSeries(found, merged, family, unit if every == "auto" else None)


def _fitting(column: Any, ax: Axes) -> str | None:
    """The finest unit of time of which `ax` has room for every point; None if it has room for the times as they are."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    most = max(ax.get_window_extent().width / figure.dpi * 72 / _POINTS_APART, 2)
    if len(pc.unique(column)) <= most:
        return None
    return next((unit for unit in _UNITS if len(pc.unique(pc.floor_temporal(column, unit=unit))) <= most), "year")


def times_of(times: Any) -> Any:
    """Times as an Arrow column of microseconds, in its own time zone if it has one.

    Raises:
        InvalidInputError: If they are not times.
    """
    try:
        if isinstance(times, ArrowStream) and not isinstance(times, ArrowArray):
            column = pa.chunked_array(times)
        elif isinstance(times, ArrowArray):
            column = pa.chunked_array([pa.array(times)])
        else:
            column = pa.chunked_array([pa.array(times)])
        if pa.types.is_struct(column.type) and column.type.num_fields == 1:  # a frame with one column
            column = pa.chunked_array([chunk.field(0) for chunk in column.chunks], column.type.field(0).type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInputError(f"times are a column of dates or timestamps: {error}") from error
    if pa.types.is_null(column.type):
        column = column.cast(pa.timestamp("us"))
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise InvalidInputError(f"times are a column of dates or timestamps, and these are {column.type}")
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    moments = column.cast(pa.timestamp("us", tz=zone), safe=False)
    finite = pc.less(pc.abs(moments.cast(pa.int64())), _FAR)
    return pc.if_else(finite, moments, pa.scalar(None, moments.type))


def merge(keys: Any, states: Data, reading: type[Reading]) -> tuple[list[int], Any, Family]:
    """Merge the states of each key: those keys in order, their states, and the family of these.

    Raises:
        InvalidInputError: As `series_of`.
    """
    with column_of(states) as column:
        blobs = column.select("x::BLOB").to_arrow_table().column("answer")
    if len(keys) != len(blobs):
        raise InvalidInputError(f"{len(keys):,} times and {len(blobs):,} sketches: each sketch needs its time")
    first = next((blob.as_py() for blob in blobs if blob.is_valid), b"")
    family = family_of_state(first, reading)
    rows = pa.table({"key": keys, "state": blobs})
    with cursor() as session:
        session.register(_ROWS, rows)
        try:
            merged = session.sql(
                f"""
                SELECT key, CASE WHEN count(state) > 0 THEN {family.united("state")} END AS state
                FROM {_ROWS} WHERE key IS NOT NULL GROUP BY key ORDER BY key
                """
            ).to_arrow_table()
        finally:
            session.unregister(_ROWS)
    if merged.num_rows == 0:
        raise InvalidInputError("there are no rows: there is nothing to draw")
    return merged.column("key").to_pylist(), merged.column("state"), family


def floats(answers: Any, field: Callable[[Any], float | None]) -> list[float]:
    """A number of each answer of an Arrow column; NaN of a null."""
    found = (None if answer is None else field(answer) for answer in answers.to_pylist())
    return [float("nan") if value is None else value for value in found]
