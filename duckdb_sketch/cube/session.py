"""The planner's questions to DuckDB, on one connection and in one transaction."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from datetime import datetime

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.cube.bucket_calendar import AskingCalendar
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.prober import Columns, Prober, columns_of, empty
from duckdb_sketch.cube.reason import Reason, RejectedError
from duckdb_sketch.cube.recent import Recent
from duckdb_sketch.rollup.query import fetch, fetch_row

_ZONED = "TIMESTAMP WITH TIME ZONE"
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")
_DAY = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_CLOCK = r"(?: (?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?"
_LITERAL = re.compile(rf"CAST\('{_DAY}{_CLOCK}' AS (?P<kind>DATE|TIMESTAMP)\)")
#: What is the same whenever it is asked: sums of literals that start with a digit, and so are not 'today'.
_FIXED = re.compile(
    r"(?:'[-+]?\d[^']*'|\d|[-+() ]|\b(?:CAST|AS|DATE|TIMESTAMP|TIMESTAMPTZ|INTERVAL"
    r"|MICROSECONDS?|MILLISECONDS?|SECONDS?|MINUTES?|HOURS?|DAYS?|WEEKS?|MONTHS?|QUARTERS?|YEARS?)\b)+"
)


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


#: The schemas of the catalogs, the kinds of parameters, and the shape of a query over them.
Shape = tuple[tuple[int, ...], Hashable, str]


class Answers:
    """What DuckDB has said that it will say again, whoever asks, and whatever is in the database."""

    def __init__(self) -> None:
        self.buckets: Recent[tuple[str, str], datetime] = Recent()
        self.moments: Recent[tuple[str, str, str], datetime | None] = Recent()
        self.columns: Recent[tuple[str, str], Columns] = Recent()
        self.names: Recent[tuple[str, tuple[str, ...]], tuple[str, ...]] = Recent()
        self.schemas: Recent[Shape, Columns] = Recent()  # of queries over events
        self.answers: Recent[Shape, Columns] = Recent()  # of what is run in their places
        self.plans: Recent[object, tuple[Explanation, tuple[str, ...]]] = Recent(200)


class CubeSession:
    """Asks DuckDB about constants and types.

    Args:
        connection: The one with the transaction that the query is answered in: `now()` is its start. An error on it
            would end the transaction.
        prober: Asks questions that may fail.
        functions: DuckDB's functions.
        known: What earlier questions have found.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        prober: Prober,
        functions: Functions,
        known: Answers,
    ) -> None:
        self._connection = connection
        self._prober = prober
        self._known = known
        self._zone = "UTC"
        #: Whether a constant was asked for that may be another one at another time, such as `now()`.
        self.is_of_now = False
        self.functions = functions
        self.calendar = AskingCalendar(self._ask)

    def enter_zone(self, zone: str) -> None:
        """Read times in a time zone, which is one, from now on."""
        if self._connection is not self._prober.asking:  # which has been told
            self._connection.execute(f"SET SESSION TimeZone = {quote(zone)}")
        self._zone = zone

    def _ask(self, expression: str) -> datetime:
        return self._known.buckets.get((self._zone, expression), lambda: self._bucket(expression))

    def _bucket(self, expression: str) -> datetime:
        (found,) = fetch_row(self._connection, f"SELECT {expression}")
        if not isinstance(found, datetime):
            raise RejectedError(Reason.UNSUPPORTED, f"{expression} is not a time")
        return found

    def moments(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        """The times of constant expressions, as they compare with an event time; None for what is no such time."""
        found: dict[str, datetime | None] = {}
        asked = []
        for text in expressions:
            if event_type == "TIMESTAMP" and (time := written_time(text)) is not None:
                found[text] = time
            elif _FIXED.fullmatch(text):
                key = (self._zone, event_type, text)
                found[text] = self._known.moments.get(key, lambda text=text: self._asked([text], event_type)[0])  # type: ignore[misc]
            else:
                asked.append(text)
                self.is_of_now = True
        if asked:
            found |= zip(asked, self._asked(asked, event_type), strict=True)
        return [found[text] for text in expressions]

    def _asked(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        try:
            return self._moments(expressions, event_type)
        except duckdb.Error:
            if len(expressions) == 1:
                return [None]
            return [self._asked([expression], event_type)[0] for expression in expressions]

    def _moments(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        types = [kind for _, kind in columns_of(self._prober.bare, f"SELECT {', '.join(expressions)}")]
        items = [_naive(text, kind, event_type, self._zone) for text, kind in zip(expressions, types, strict=True)]
        query = f"SELECT {', '.join(items)}"
        fetch(self._prober.bare, query)
        row = fetch_row(self._connection, query)
        return [value if isinstance(value, datetime) else None for value in row]

    def describe(
        self, source: EventSource, alias: str, joins: Sequence[str], items: Sequence[str]
    ) -> list[tuple[str, str]]:
        """The names and SQL types of expressions over a table of events, grouped by those that do not aggregate.

        Raises:
            RejectedError: If DuckDB does not take them so.
        """
        query = f"SELECT {', '.join(items)} FROM {' '.join([empty(source, alias), *joins])} GROUP BY ALL"
        try:
            if joins:
                return columns_of(self._prober.bare, query)
            return self._known.columns.get((self._zone, query), lambda: columns_of(self._prober.bare, query))
        except duckdb.Error as error:
            raise RejectedError(Reason.UNSUPPORTED, first_paragraph(error)) from error


def written_time(text: str) -> datetime | None:
    """The time that a literal states, such as `CAST('2026-01-31' AS DATE)`; None if DuckDB has to say."""
    match = _LITERAL.fullmatch(text)
    if match is None or (match["kind"] == "DATE" and match["hour"]):
        return None
    year, month, day, hour, minute, second = (int(number or 0) for number in match.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, int((match["fraction"] or "").ljust(6, "0")))
    except ValueError:
        return None


def first_paragraph(error: duckdb.Error) -> str:
    """What DuckDB says, without its kind and the line that it points at."""
    text = re.sub(r"^[\w ]+? Error: ", "", str(error)).partition("\n\nLINE ")[0]
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
