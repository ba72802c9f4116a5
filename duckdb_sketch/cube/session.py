"""The planner's questions to DuckDB, on one connection and in one transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.bucket_calendar import AskingCalendar
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.reason import Reason, RejectedError
from duckdb_sketch.rollup.query import fetch, fetch_row

_ZONED = "TIMESTAMP WITH TIME ZONE"
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")


def read_functions(connection: duckdb.DuckDBPyConnection) -> Functions:
    """The kinds of DuckDB's functions, and of those that were defined in the database."""
    rows = fetch(
        connection,
        "SELECT lower(function_name), bool_or(function_type = 'aggregate'), bool_and(function_type = 'macro'), "
        "bool_or(coalesce(stability = 'VOLATILE', false)) FROM duckdb_functions() "
        "WHERE function_type IN ('aggregate', 'macro', 'scalar') GROUP BY ALL",
    )
    aggregates, opaque, volatile = (frozenset(row[0] for row in rows if row[index]) for index in (1, 2, 3))
    return Functions(aggregates, opaque, volatile)


def empty(source: EventSource, alias: str) -> str:
    """SQL of the events of a source, of which there is none, to follow FROM."""
    items = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in source.columns.items())
    return f"(SELECT {items or 'NULL AS nothing'} WHERE false) AS {identifier(alias)}"


class CubeSession:
    """Asks DuckDB about constants and types.

    Args:
        connection: The one with the transaction that the query is answered in: `now()` is its start. An error on it
            would end the transaction.
        prober: Another one, for questions that may fail. The time zone of both is that of the rollups.
        functions: DuckDB's functions.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, prober: duckdb.DuckDBPyConnection, functions: Functions
    ) -> None:
        self._connection = connection
        self._prober = prober
        self.functions = functions
        self.calendar = AskingCalendar(self._ask)

    def _ask(self, expression: str) -> datetime:
        (found,) = fetch_row(self._connection, f"SELECT {expression}")
        if not isinstance(found, datetime):
            raise RejectedError(Reason.UNSUPPORTED, f"{expression} is no time")
        return found

    def moments(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        """The times of constant expressions, as they compare with an event time; None for what is no such time."""
        try:
            return self._moments(expressions, event_type)
        except duckdb.Error:
            if len(expressions) == 1:
                return [None]
            return [self.moments([expression], event_type)[0] for expression in expressions]

    def _moments(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        kinds = ", ".join(f"typeof({text})" for text in expressions)
        zone, *types = fetch_row(self._prober, f"SELECT current_setting('TimeZone'), {kinds}")
        items = [_naive(text, kind, event_type, zone) for text, kind in zip(expressions, types, strict=True)]
        query = f"SELECT {', '.join(items)}"
        fetch(self._prober, query)
        row = fetch_row(self._connection, query)
        return [value if isinstance(value, datetime) else None for value in row]

    def describe(
        self, source: EventSource, alias: str, joins: Sequence[str], items: Sequence[str]
    ) -> list[tuple[str, str]]:
        """The names and SQL types of expressions over a table of events, grouped by those that do not aggregate.

        Raises:
            RejectedError: If DuckDB does not take them so.
        """
        tables = " ".join([empty(source, alias), *joins])
        try:
            rows = fetch(self._prober, f"DESCRIBE SELECT {', '.join(items)} FROM {tables} GROUP BY ALL")
        except duckdb.Error as error:
            raise RejectedError(Reason.UNSUPPORTED, first_paragraph(error)) from error
        return [(row[0], row[1]) for row in rows]


def first_paragraph(error: duckdb.Error) -> str:
    """What DuckDB says, without its kind and the line that it points at."""
    text = re.sub(r"^\w+ Error: ", "", str(error)).partition("\n\nLINE ")[0]
    return " ".join(text.split())


def _naive(text: str, kind: str, event_type: str, zone: str) -> str:
    """SQL of a constant as a TIMESTAMP, in UTC if the event time has a zone; NULL of what does not compare so."""
    if event_type == _ZONED:
        if kind not in (*_TIMES, _ZONED, "VARCHAR"):
            return "NULL"
        return _finite(f"CAST({text} AS TIMESTAMPTZ)", "timezone('UTC', {})")
    if kind == "VARCHAR":
        typed = f"CAST({text} AS {event_type})"
        if event_type == "TIMESTAMP_NS":
            coarse = f"CAST({typed} AS TIMESTAMP)"
            return f"CASE WHEN CAST({coarse} AS TIMESTAMP_NS) = {typed} THEN {coarse} END"
        return _finite(typed, "CAST({} AS TIMESTAMP)")
    if kind in _TIMES or (kind == _ZONED and zone == "UTC"):
        return _finite(text, "CAST({} AS TIMESTAMP)")
    return "NULL"


def _finite(time: str, value: str) -> str:
    return f"CASE WHEN isfinite({time}) THEN {value.format(time)} END"
