"""What of a file is asked for: a column of sketches, some of its rows, their times and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import Family, Reading, reading_as
from duckdb_sketch.sketch_file import StateColumn, families_in, fetch_row

_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
_UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")


@dataclass(frozen=True, eq=False)  # a state may be a dictionary, which has no hash
class StateGroup:
    """Rows that have the same values in some columns, and their states merged.

    Attributes:
        name: Those values, as text.
        rows: How many rows there are.
        state: Their sketches, merged.
    """

    name: tuple[str, ...]
    rows: int
    state: Any


@dataclass(frozen=True)
class Selection:
    """Rows of a table, and one of its columns of sketches.

    Attributes:
        connection: What reads the file.
        column: The column.
        family: The family of its states.
        where: A condition that the rows meet, as SQL.
    """

    connection: duckdb.DuckDBPyConnection
    column: StateColumn
    family: Family
    where: str = "true"

    @property
    def _rows(self) -> str:
        return f"(FROM {self.column.source} WHERE ({self.where}))"

    @property
    def _union(self) -> str:
        return self.family.united(self.column.quoted)

    def checked(self) -> Selection:
        """Itself, if DuckDB understands the condition.

        Raises:
            InvalidInputError: If it does not.
        """
        try:
            self.connection.execute(f"SELECT 1 FROM {self._rows} LIMIT 0").fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise InvalidInputError(f"where {self.where}: no condition for {self.column.table}: {reason}") from error
        return self

    def columns(self) -> dict[str, str]:
        """The type of each column of the table."""
        relation = self.connection.sql(f"FROM {self.column.source} LIMIT 0")
        return dict(zip(relation.columns, map(str, relation.types), strict=True))

    def times(self) -> list[str]:
        """The columns of dates and timestamps."""
        return [column for column, kind in self.columns().items() if kind in _TIMES]

    def time(self, name: str | None = None) -> str | None:
        """The column of times: that of this name, or the only one; None if there is none.

        Raises:
            InvalidInputError: If there is no such column, it has no times, or there are several and none is named.
        """
        times = self.times()
        if name is not None:
            found = next((column for column in times if column.lower() == name.lower()), None)
            if found is None:
                there_are = ", ".join(times) or "none"
                raise InvalidInputError(f"{self.column.table} has no times in {name!r}; its times are in: {there_are}")
            return found
        if len(times) > 1:
            raise InvalidInputError(f"{self.column.table} has times in {', '.join(times)}: choose one with --time")
        return times[0] if times else None

    def united(self) -> Any:
        """All states, merged."""
        (state,) = fetch_row(self.connection, f"SELECT {self._union} FROM {self._rows}")
        return state

    def answer(self, expression: str, state: Any) -> Any:
        """What an expression says of a state, such as `united` gives.

        Args:
            expression: SQL over `{state}`.
            state: The state.
        """
        query = f"SELECT {expression.format(state='state')} FROM (SELECT CAST(? AS {self.column.data_type}) AS state)"
        return fetch_row(self.connection, query, [state])[0]

    def rows(self) -> int:
        """How many rows there are."""
        (count,) = fetch_row(self.connection, f"SELECT count(*) FROM {self._rows}")
        return int(count)

    def in_time(self, bucket: str) -> tuple[Any, Any]:
        """Times and sketches, as Arrow columns: a row for each.

        Args:
            bucket: The time of a row, as SQL.
        """
        table = self.connection.sql(
            f"SELECT {bucket} AS time, {self.column.quoted} AS state FROM {self._rows}"
        ).to_arrow_table()
        return table.column("time"), table.column("state")

    def groups(self, by: Sequence[str]) -> list[StateGroup]:
        """The groups of rows that are alike in the columns `by`.

        Raises:
            InvalidInputError: If there is no such column.
        """
        types = {name.lower(): name for name in self.columns()}
        for name in by:
            if name.lower() not in types:
                raise InvalidInputError(
                    f"{self.column.table} has no column {name!r}; there is {', '.join(types.values())}"
                )
        keys = ", ".join(identifier(types[name.lower()]) for name in by)
        rows = self.connection.execute(
            f"SELECT {keys}, count(*), {self._union} FROM {self._rows} GROUP BY {keys} ORDER BY {keys}"
        ).fetchall()
        return [
            StateGroup(tuple("NULL" if key is None else str(key) for key in row[:-2]), row[-2], row[-1]) for row in rows
        ]

    def timeline(self, time: str, unit: str | None, most: int) -> tuple[str, list[Any]] | None:
        """Sketches merged by a unit of time, in order, None where there are no rows.

        Args:
            time: The column of times.
            unit: `minute` to `year`; None takes the finest that makes at most `most` buckets, and is not finer than
                the times.
            most: How many buckets.

        Returns:
            The unit and the states; None if there are not two buckets.

        Raises:
            InvalidInputError: If the unit is none, or makes too many buckets.
        """
        if unit is not None and unit not in _UNITS:
            raise InvalidInputError(f"every {unit}: it is one of {', '.join(_UNITS)}")
        name = identifier(time)
        finite = f"(FROM {self._rows} WHERE isfinite({name}))"
        spans = {
            each: fetch_row(
                self.connection,
                f"""
                SELECT date_diff('{each}', min({name}), max({name})) + 1, count(DISTINCT date_trunc('{each}', {name}))
                FROM {finite}
                """,
            )
            for each in (_UNITS if unit is None else (unit,))
        }
        fitting = [each for each, (length, _) in spans.items() if length is not None and length <= most]
        if not fitting:
            if unit is not None and spans[unit][0] is not None:
                raise InvalidInputError(f"every {unit} makes {spans[unit][0]:,} buckets, more than there is room for")
            return None
        chosen = fitting[0]
        chosen = [each for each in fitting if spans[each][1] == spans[chosen][1]][-1]
        length = spans[chosen][0]
        if length < 2:
            return None
        found = self.connection.execute(
            f"""
            SELECT date_diff('{chosen}', (SELECT min({name}) FROM {finite}), {name}) AS place, {self._union}
            FROM {finite} GROUP BY place
            """
        ).fetchall()
        states = dict(found)
        return chosen, [states.get(place) for place in range(length)]


def sketch_columns(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[StateColumn], table: str | None, name: str | None
) -> list[tuple[StateColumn, Family]]:
    """The columns of sketches of a file, or those of one table or one name.

    Raises:
        InvalidInputError: If there is none.
    """
    sketches = [(column, family) for column in columns for family in families_in(connection, column)]
    if not sketches:
        raise InvalidInputError(f"there are no sketches (BLOB columns: {', '.join(map(str, columns)) or 'none'})")
    chosen = [
        (column, family) for column, family in sketches if table in (None, column.table) and name in (None, column.name)
    ]
    if not chosen:
        wanted = ".".join(part for part in (table, name) if part)
        raise InvalidInputError(f"there are no sketches in {wanted}, but in {_names(sketches)}")
    return chosen


def one_column(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[StateColumn],
    table: str | None,
    name: str | None,
    reading: type[Reading] | None,
) -> tuple[StateColumn, Family]:
    """The one column of sketches that is meant.

    Args:
        connection: What reads the file.
        columns: The file's columns that may hold states.
        table: The column's table; None for any.
        name: Its name; None for any.
        reading: What its states are read as; None for any.

    Raises:
        InvalidInputError: If there is none, or more than one.
    """
    sketches = sketch_columns(connection, columns, table, name)
    fitting = [each for each in sketches if reading is None or isinstance(each[1].reading, reading)]
    if not fitting:
        assert reading is not None
        what = " or ".join(family.plural for family in reading_as(reading))
        raise InvalidInputError(f"this picture needs {what}, which {_names(sketches)} does not hold")
    if len(fitting) > 1:
        raise InvalidInputError(f"there are sketches in {_names(fitting)}: choose with --table and --column")
    return fitting[0]


def _names(sketches: Sequence[tuple[StateColumn, Family]]) -> str:
    return ", ".join(dict.fromkeys(str(column) for column, _ in sketches))
