"""Filling gaps: a row for each bucket and group, also for those of which there is nothing to count."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import specification_of, table_of
from duckdb_sketch.rollup.query import describe, fetch_row
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import literal

_SOURCE = "duckdb_sketch_source"
_MOST_ROWS = 100_000_000
_ZONED = "TIMESTAMP WITH TIME ZONE"
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", _ZONED)
_QUERY = re.compile(r"\s*(\(|(select|with|from|values|table|pivot|unpivot)[\s(\"'*])", re.IGNORECASE)
_EDGES = {"start": "first one", "end": "last one"}
_MONTH = timedelta(days=365.2425 / 12)

Moment = str | date | datetime
Truncate = Callable[[str], str]


def fill_gaps(
    connection: duckdb.DuckDBPyConnection,
    table_or_query: str,
    time: str,
    every: str,
    *,
    by: Sequence[str] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    fill: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """The rows of a time series, and one for each bucket and combination of `by` that it lacks.

    The rows that there are stay as they are. Buckets of a TIMESTAMPTZ are those of the connection's time zone: a day
    is a day there, be it of 23 or 25 hours. The range and the groups are those of the rows that there are now.

    Args:
        connection: The connection; the relation is its own.
        table_or_query: The name of a table or a view, as it is or as a quoted identifier; or a query.
        time: The column of truncated time.
        every: The width of its buckets, such as `hour`, `15 minutes` or `month`.
        by: Columns; each combination of their values that occurs has all buckets. NULL is a value like any other.
        start: From when on: the first bucket is the one that holds it. By default the first that there is.
        end: Until when, itself not included. By default until the last bucket that there is, included.
        fill: SQL of what columns hold in the new rows, by their names; the others hold NULL. It may refer to `time`
            and `by`.

    Returns:
        All rows from `start` to `end`, by time and `by`.

    Raises:
        RollupError: If there is no such column, its times are not the starts of buckets, `start` is not before `end`,
            or there would be more than 100 million rows.

    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> query = "FROM (VALUES (DATE '2024-01-01', 7), (DATE '2024-03-01', 5)) t(month, bids)"
    >>> fill_gaps(connection, query, "month", "month", fill={"bids": "0"}).fetchall()
    [(datetime.date(2024, 1, 1), 7), (datetime.date(2024, 2, 1), 0), (datetime.date(2024, 3, 1), 5)]
    """
    width = Granularity.parse(every)
    series = Series.of(connection, table_or_query, time, by, width)
    return series.filled(start, end, fill or {})


def fill_level(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    record: RollupRecord | LevelRecord,
    start: Moment | None,
    end: Moment | None,
    fill: Mapping[str, str],
) -> duckdb.DuckDBPyRelation:
    """As `fill_gaps`, of a table whose time, dimensions and metrics the ledger knows."""
    table = table_of(ledger, record)
    specification = specification_of(ledger, record)
    # Levels are truncated by their width; the rollup that they come from, by its statement.
    truncate = table.granularity.truncated if isinstance(record, LevelRecord) else specification.truncated
    series = Series.of(connection, table.sql, table.time, table.dimensions, table.granularity, truncate)
    empty = {metric.name: specification.empty(metric) for metric in table.metrics}
    # Names may be written in any case.
    kept = {name: value for name, value in empty.items() if name.lower() not in {given.lower() for given in fill}}
    return series.filled(start, end, {**kept, **fill})


@dataclass(frozen=True)
class Series:
    """A time series: rows with a column of truncated time.

    Attributes:
        connection: The connection to ask.
        source: SQL of its rows, to follow FROM.
        types: The SQL type of each column.
        time: The name of the column of truncated time.
        by: The names of the columns that tell groups apart.
        width: The width of a bucket.
        truncate: SQL of the bucket that holds a time, from SQL of that.
        given: Whether `truncate` is known to be what made the buckets; else they may have another origin.
    """

    connection: duckdb.DuckDBPyConnection
    source: str
    types: Mapping[str, str]
    time: str
    by: tuple[str, ...]
    width: Granularity
    truncate: Truncate
    given: bool = False

    @staticmethod
    def of(
        connection: duckdb.DuckDBPyConnection,
        table_or_query: str,
        time: str,
        by: Sequence[str],
        width: Granularity,
        truncate: Truncate | None = None,
    ) -> Series:
        """A series of a table or a query.

        Raises:
            RollupError: If DuckDB cannot read it, there is no such column, or `time` is none of buckets so wide.
        """
        source, types = _described(connection, table_or_query)
        names = {name.lower(): name for name in types}
        for column in (time, *by):
            if column.lower() not in names:
                raise RollupError(f"there is no column {column}; there is {', '.join(types)}")
        time = names[time.lower()]
        if types[time] not in _TIMES:
            raise RollupError(f"{time} is {types[time]}: buckets are DATE, TIMESTAMP or TIMESTAMPTZ")
        if types[time] == "DATE" and width.microseconds:
            raise RollupError(f"{time} is a DATE, which has no {width}: give the width of a bucket in days or months")
        groups = tuple(dict.fromkeys(names[column.lower()] for column in by))
        if time in groups:
            raise RollupError(f"{time} is the time of the buckets, and cannot also be a group: leave it out of by")
        return Series(connection, source, types, time, groups, width, truncate or width.truncated, truncate is not None)

    @property
    def zoned(self) -> bool:
        """Whether its buckets are TIMESTAMPTZ."""
        return self.types[self.time] == _ZONED

    def filled(self, start: Moment | None, end: Moment | None, fill: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        """Its rows from `start` to `end`, and those that it lacks.

        Raises:
            RollupError: As `fill_gaps` does.
        """
        values = self._values(fill)
        first, last, truncate = self._measure()
        given_first, given_end = self._moment("start", start), self._moment("end", end)
        if given_first is not None:
            first = self._ask(f"SELECT {self._naive(self._label(truncate, self._typed(literal(given_first))))}")
        if given_first is not None and given_end is not None and given_first >= given_end:
            raise RollupError(f"start {start} is not before end {end}")
        outside = self._outside(first if given_first else None, given_end)
        rows = f"SELECT * FROM {_SOURCE}{outside}"
        upper = given_end or last
        if first is not None and upper is not None:
            if first > upper or (given_end is not None and first >= given_end):
                name = f"start {start}" if given_first else f"the first bucket, {first},"
                raise RollupError(f"{name} is not before {f'end {end}' if given_end else f'the last bucket, {last}'}")
            self._check_size(first, upper)
            rows += f" UNION ALL {self._missing(truncate, first, upper, given_end is not None, values)}"
        order = ", ".join(identifier(name) for name in (self.time, *self.by))
        # A query may be dear, and is run once; a table is cheaper to read twice than to copy.
        once = "MATERIALIZED" if self.source.startswith("(") else "NOT MATERIALIZED"
        query = f"WITH {_SOURCE} AS {once} (SELECT * FROM {self.source}) FROM ({rows}) ORDER BY {order}"
        try:
            return self.connection.sql(query)
        except duckdb.Error as error:
            raise RollupError(f"what to fill in is not SQL that fits: {error}") from error

    def _values(self, fill: Mapping[str, str]) -> dict[str, str]:
        """SQL of each column of a new row but those of time and groups."""
        names = {name.lower(): name for name in self.types}
        values = {name: "NULL" for name in self.types if name not in (self.time, *self.by)}
        for column, value in fill.items():
            name = names.get(column.lower())
            if name not in values:
                reason = "is a column of the bucket or its group" if name else "is not a column"
                raise RollupError(f"fill: {column} {reason}; what can be filled is {', '.join(values) or 'nothing'}")
            values[name] = value
        return values

    def _measure(self) -> tuple[datetime | None, datetime | None, Truncate]:
        """The first and the last bucket, and how a time is truncated to one.

        Raises:
            RollupError: If some time is not the start of a bucket.
        """
        first, last = self._row(f"SELECT min(t), max(t) FROM {self._times()}")
        off = None if self.given else self._off(self.truncate)
        if first is None or off is None:
            return first, last, self.truncate
        anchor = self._typed(literal(first))

        def from_first(time: str) -> str:
            return f"time_bucket({self.width.interval}, {time}, {anchor})"

        if self._off(from_first) is not None:
            raise RollupError(
                f"{self.time} {off} is not the start of a {self.width}: truncate it with "
                f"{self.width.truncated(self.time)} and GROUP BY, or say another width"
            )
        return first, last, from_first

    def _off(self, truncate: Truncate) -> datetime | None:
        """A time that is not the start of its bucket."""
        time = self._typed("t")
        found: datetime | None = self._ask(
            f"SELECT min(t) FROM {self._times()} WHERE {time} <> {self._label(truncate, time)}"
        )
        return found

    def _times(self) -> str:
        time = identifier(self.time)
        return f"(SELECT DISTINCT {self._naive(time)} AS t FROM {self.source} WHERE isfinite({time}))"

    def _outside(self, first: datetime | None, end: datetime | None) -> str:
        """SQL that leaves out what is before the first bucket or not before the end, as far as these were said."""
        time = self._naive(identifier(self.time))
        conditions = [f"{time} >= {literal(first)}"] if first else []
        conditions += [f"{time} < {literal(end)}"] if end else []
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _check_size(self, first: datetime, upper: datetime) -> None:
        width = self.width
        span = width.months * _MONTH + timedelta(days=width.days, microseconds=width.microseconds)
        groups = 1
        if self.by:
            groups = self._ask(f"SELECT count(*) FROM (SELECT DISTINCT {self._groups()} FROM {self.source})")
        rows = ((upper - first) // span + 1) * groups
        if rows > _MOST_ROWS:
            each = f" for each of {groups:,} groups" if self.by else ""
            raise RollupError(
                f"every {width} from {first} to {upper}{each} makes {rows:,} rows, and more than {_MOST_ROWS:,} are "
                "too many: give a start and an end, a greater width, or fewer columns in by"
            )

    def _missing(
        self, truncate: Truncate, first: datetime, upper: datetime, before: bool, values: Mapping[str, str]
    ) -> str:
        """SQL of the rows that there are not."""
        items = []
        for column, kind in self.types.items():
            value = values.get(column)
            name = identifier(column)
            items.append(name if value is None else f"CAST({value} AS {kind}) AS {name}")
        same = [f"known.{identifier(self.time)} = wanted.{identifier(self.time)}"]
        same += [f"known.{identifier(name)} IS NOT DISTINCT FROM wanted.{identifier(name)}" for name in self.by]
        groups = f", (SELECT DISTINCT {self._groups()} FROM {_SOURCE})" if self.by else ""
        wanted = f"FROM {self._grid(truncate, first, upper, before)} AS grid{groups}"
        return (
            f"SELECT {', '.join(items)} FROM (SELECT * {wanted}) AS wanted "
            f"ANTI JOIN {_SOURCE} AS known ON {' AND '.join(same)}"
        )

    def _grid(self, truncate: Truncate, first: datetime, upper: datetime, before: bool) -> str:
        """SQL of all buckets.

        In a time zone they are found as the events find them, by truncating: times are taken so close that each
        bucket has one. Adding a width to a bucket would do for most days and hours, but not where a midnight does not
        exist, an hour comes twice, or the clock moves by half an hour.
        """
        step = self._step()
        low, high = self._instant(first), self._instant(upper)
        label = self._label(truncate, "t")
        distinct = "DISTINCT " if self.zoned else ""
        bucket = self._naive("bucket")
        return (
            f"(SELECT {distinct}bucket AS {identifier(self.time)} FROM (SELECT {label} AS bucket "
            f"FROM generate_series({low}, {high} + {step}, {step}) AS moments(t)) "
            f"WHERE {bucket} >= {literal(first)} AND {bucket} {'<' if before else '<='} {literal(upper)})"
        )

    def _step(self) -> str:
        if not self.zoned:
            return self.width.interval
        # As in sql/rollup/fill_gaps.sql: half a bucket, as a clock that is set back or forth may take the other half.
        return f"least({self.width.interval}, INTERVAL 6 HOUR) * 0.5"

    def _instant(self, time: datetime) -> str:
        return f"timezone('UTC', {literal(time)})" if self.zoned else literal(time)

    def _groups(self) -> str:
        return ", ".join(identifier(name) for name in self.by)

    def _moment(self, name: str, given: Moment | None) -> datetime | None:
        """A time that was given, as a naive one: in UTC if the buckets have a zone."""
        if given is None:
            return None
        if isinstance(given, datetime) and given.tzinfo is not None and not self.zoned:
            raise RollupError(f"{name} {given} has a time zone, and {self.time} has none: leave it out")
        time = f"CAST({quote(str(given))} AS {_ZONED if self.zoned else 'TIMESTAMP'})"
        try:
            found: datetime | None = self._ask(f"SELECT CASE WHEN isfinite({time}) THEN {self._naive(time)} END")
        except duckdb.Error as error:
            raise RollupError(f"{name} {given!r} is not a time: write it as 2024-01-31 or 2024-01-31 15:00") from error
        if found is None:
            raise RollupError(
                f"{name} {given!r} is not a time at which there is a bucket: leave it out for the {_EDGES[name]}"
            )
        return found

    def _label(self, truncate: Truncate, time: str) -> str:
        return f"CAST({truncate(time)} AS {self.types[self.time]})"

    def _naive(self, time: str) -> str:
        return f"timezone('UTC', {time})" if self.zoned else f"CAST({time} AS TIMESTAMP)"

    def _typed(self, time: str) -> str:
        return f"timezone('UTC', {time})" if self.zoned else f"CAST({time} AS {self.types[self.time]})"

    def _row(self, query: str) -> tuple[datetime | None, ...]:
        return fetch_row(self.connection, query)

    def _ask(self, query: str) -> Any:
        return fetch_row(self.connection, query)[0]


def _described(connection: duckdb.DuckDBPyConnection, table_or_query: str) -> tuple[str, dict[str, str]]:
    """SQL of the rows, to follow FROM, and the types of their columns."""
    if _QUERY.match(table_or_query):
        sources = [f"({table_or_query})"]
    elif table_or_query.startswith('"'):
        sources = [table_or_query]
    else:
        # A name with a dot is that of a file, or of a table in a schema.
        sources = [identifier(table_or_query), ".".join(identifier(part) for part in table_or_query.split("."))]
    for source in sources:
        try:
            return source, describe(connection, f"SELECT * FROM {source}")
        except duckdb.Error as error:
            failure = error
    raise RollupError(f"{table_or_query} is neither a table nor a query that can be read: {failure}") from failure
