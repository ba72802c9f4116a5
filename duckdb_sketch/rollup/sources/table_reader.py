"""Reads a table or view of DuckDB as a source: what is above the greatest value of its cursor that was counted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.sources.data import bound
from duckdb_sketch.rollup.sources.events import Events, Extent
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.sources.table_range import CursorTable, Measure, TableRange, measure_of
from duckdb_sketch.rollup.sources.table_source import TableSource
from duckdb_sketch.rollup.specification.granularity import parse_span
from duckdb_sketch.rollup.specification.specification import Specification

_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
# Of nanoseconds, microseconds would lie before the times themselves.
_EXACT = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE")


class TableReader:
    """A table, read for one statement.

    Attributes:
        kind: See `Source`.
        transactional: See `Source`.
    """

    kind = "range"
    transactional = True

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        specification: Specification,
        source: TableSource,
        most_rows: int = sys.maxsize,
    ) -> None:
        """A reader.

        Args:
            connection: The connection that knows the table.
            specification: The statement.
            source: How the table is declared.
            most_rows: That a range may have, as far as values of the cursor differ.
        """
        self._connection = connection
        self._specification = specification
        self._source = source
        self._most_rows = most_rows
        self._rows: dict[str, int] = {}

    @cached_property
    def _table(self) -> CursorTable:
        return CursorTable(self._connection, self._source.parts, self._source.cursor, self._source.place)

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """The columns whose change matters: those that the statement mentions, and the cursor."""
        wanted = self._specification.references | {self._source.cursor.lower()}
        return tuple(name for name in self._table.columns if name.lower() in wanted)

    @property
    def declared(self) -> tuple[str, ...]:
        """See `Source`."""
        return (self._source.text,)

    def origin(self, slice_id: str) -> str:
        """See `Source`."""
        return self._source.text

    def counted(self, kind: str, name: str, fingerprint: str) -> TableRange:
        """See `Source`."""
        return TableRange.counted(self._connection, name, fingerprint, self._table)

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[TableRange]:
        """The rows above all that were counted, in ranges, and the ranges whose rows changed.

        Raises:
            SourceError: If the table cannot be read, or the cursor of some rows is NULL.
        """
        known = [self._known(*each) for each in fingerprints.items()]
        last = self._greatest(known)
        changed, touched = self._compared(known, last)
        return Poll(tuple(self._new(last)), tuple(changed), tuple(touched))

    def section(self, low: str | None, high: str | None) -> TableRange:
        """The rows above one value of the cursor, up to another."""
        return TableRange(self._table, low, high, self._columns)

    def count(self, low: str | None) -> int:
        """See `Ranges`."""
        above = "" if low is None else f" WHERE {self.section(low, None).condition}"
        return int(fetch_row(self._connection, f"SELECT count(*) FROM {self._table.sql}{above}")[0])

    def require_cursor(self) -> None:
        """See that each row has a cursor.

        Raises:
            SourceError: If one has not.
        """
        cursor = identifier(self._table.cursor)
        if nulls := fetch_row(self._connection, f"SELECT count(*) FROM {self._table.sql} WHERE {cursor} IS NULL")[0]:
            raise SourceError(
                f"{self._table.name}: {self._table.cursor} is NULL in {nulls:,} rows, which is in no range: make it "
                "NOT NULL, or another column as cursor"
            )

    def ordered(self, values: Sequence[str]) -> list[str]:
        """Values of the cursor in their order, each once."""
        if not values:
            return []
        listed = ", ".join(map(self._table.value, dict.fromkeys(values)))
        query = f"SELECT CAST(v AS VARCHAR) FROM (SELECT DISTINCT unnest([{listed}]) AS v) ORDER BY v"
        return [value for (value,) in fetch(self._connection, query)]

    def _known(self, name: str, fingerprint: str) -> TableRange:
        """A range that was counted.

        Raises:
            SourceError: If it is of another table or cursor.
        """
        known = self.counted(self.kind, name, fingerprint)
        table, own = known.table, self._table
        if (table.parts, table.cursor.lower(), table.database) != (own.parts, own.cursor.lower(), own.database):
            raise SourceError(
                f"{name} has been counted, and the source is now {own.name} by {own.cursor}: rows would be counted "
                "twice. Give the rollup of the other source another name"
            )
        return known

    def _greatest(self, known: Sequence[TableRange]) -> str | None:
        """The greatest value of the cursor that was counted."""
        if not known:
            return None
        values = ", ".join(self._table.value(each.high) for each in known if each.high is not None)
        return str(fetch_row(self._connection, f"SELECT CAST(list_max([{values}]) AS VARCHAR)")[0])

    def _compared(self, known: Sequence[TableRange], last: str | None) -> tuple[list[TableRange], list[TableRange]]:
        """The ranges whose rows changed, and those of which DuckDB hashes otherwise than when they were counted.

        One look at all counted rows tells whether any did; only then each range is looked at.
        """
        self.require_cursor()
        if not known:
            return [], []
        measures = [measure_of(each.fingerprint) for each in known]
        columns = {each.columns for each in measures}
        if len(columns) == 1 and {each.scheme for each in measures} == {self._table.scheme(measures[0].columns)}:
            now = TableRange(self._table, None, last).measure(columns.pop())
            expected = (sum(each.rows for each in measures), sum(each.checksum for each in measures))
            if (now.rows, now.checksum) == expected:
                return [], []
        found: dict[str, list[TableRange]] = {"same": [], "touched": [], "changed": []}
        for each in known:
            now_is = TableRange(self._table, each.low, each.high, each.columns)
            found[now_is.compare(each.fingerprint)].append(now_is)
        return found["changed"], found["touched"]

    def _new(self, last: str | None) -> Iterator[TableRange]:
        """Ranges of the rows above a value of the cursor, but for those that lag behind."""
        cursor = identifier(self._table.cursor)
        greatest = f"max({cursor}){self._lag()}"
        rest = TableRange(self._table, last, None, self._columns)
        (high,) = fetch_row(
            self._connection,
            f"SELECT CAST(CAST({greatest} AS {self._table.type}) AS VARCHAR) FROM {self._table.sql} "
            f"WHERE {rest.condition}",
        )
        if high is None:
            return
        rest = TableRange(self._table, last, high, self._columns)
        (rows,) = fetch_row(self._connection, f"SELECT count(*) FROM {self._table.sql} WHERE {rest.condition}")
        if rows == 0:
            return
        low = last
        for bound_ in [*self._bounds(rest, rows), high]:
            each = TableRange(self._table, low, bound_, self._columns)
            self._rows[each.id] = min(rows, self._most_rows)
            yield each
            low = bound_

    def _bounds(self, rest: TableRange, rows: int) -> list[str]:
        """Values of the cursor between which are about as many rows as a batch may have."""
        parts = -(-rows // self._most_rows)
        if parts < 2:
            return []
        cursor = identifier(self._table.cursor)
        shares = ", ".join(str(part / parts) for part in range(1, parts))
        found = fetch(
            self._connection,
            f"SELECT CAST(v AS VARCHAR) FROM (SELECT DISTINCT unnest(quantile_disc({cursor}, [{shares}])) AS v "
            f"FROM {self._table.sql} WHERE {rest.condition}) WHERE v < {self._table.value(rest.high or '')} ORDER BY v",
        )
        return [value for (value,) in found]

    def _lag(self) -> str:
        """SQL that subtracts the lag.

        Raises:
            SourceError: If the cursor is not a time.
        """
        lag = parse_span(self._source.lag)
        if lag is None:
            return ""
        if self._table.type not in _TIMES:
            raise SourceError(
                f"{self._table.name}: {self._table.cursor} is {self._table.type}, and only times lag: leave the lag "
                "out, or give a column of times as cursor"
            )
        return f" - INTERVAL '{int(lag.total_seconds() * 1_000_000)} microseconds'"

    def rows(self, slices: Sequence[TableRange]) -> dict[str, int]:
        """See `Source`."""
        return {each.id: self._rows.get(each.id, 0) for each in slices}

    @contextmanager
    def events(self, slices: Sequence[TableRange], known: Mapping[str, str]) -> Iterator[Events]:
        """See `Source`.

        Raises:
            SourceError: If columns are others than those of what was counted before.
        """
        name = self._table.name
        query = " UNION ALL ".join(each.sql for each in slices)
        sql, types = bound(self._connection, self._specification, query, name, known)

        def extents(column: str) -> Mapping[str, Extent] | None:
            return self._extents(slices, column)

        yield Events(self._connection, sql, types, slices, lambda: name, extents=extents)

    def _extents(self, slices: Sequence[TableRange], column: str) -> dict[str, Extent] | None:
        """The rows and the first and last event of ranges, if the event time is this column; they are hashed along."""
        name, kind = next(each for each in self._table.columns.items() if each[0].lower() == column.lower())
        if kind not in _EXACT:
            return None
        time = f"CAST({identifier(name)} AS TIMESTAMP)"
        if kind.endswith("ZONE"):
            time = f"timezone('UTC', {identifier(name)})"
        found: dict[str, Extent] = {}
        for each in slices:
            columns = each.columns or self._columns
            rows, checksum, first, last = fetch_row(
                self._connection,
                f"SELECT count(*), {self._table.hashed(columns)}, min({time}), max({time}) "
                f"FROM {self._table.sql} WHERE {each.condition}",
            )
            if not all(isinstance(moment, (datetime, type(None))) for moment in (first, last)):
                return None
            each.table.measured[each.id] = Measure(rows, int(checksum), columns, self._table.scheme(columns))
            found[each.id] = Extent(rows, first, last)
        return found
