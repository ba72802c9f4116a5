"""Connections for questions that may fail: an error on them does not end the transaction of a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.rollup.sources.lookups import provide

Columns = list[tuple[str, str]]  #: names and SQL types, in order; a name may come twice


class Prober:
    """Asks DuckDB what it makes of SQL, without running it.

    Args:
        connect: Makes connections.

    Attributes:
        bare: A connection that knows the tables of the database.
        events: Another one, which also knows the tables of events, as empty ones.
        asking: One for a question's own transaction, if its answer has no rows that outlive it.
    """

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self.bare = connect()
        self.events = connect()
        self.asking = connect()
        self._zone = ""
        self._shown: dict[str, str] = {}

    def enter_zone(self, zone: str) -> None:
        """Read times in a time zone from now on.

        Raises:
            CubeError: If there is none of this name.
        """
        if zone == self._zone:
            return
        try:
            for connection in (self.bare, self.events, self.asking):
                connection.execute(f"SET SESSION TimeZone = {quote(zone)}")
        except duckdb.Error as error:
            raise CubeError(f"{zone!r} is not a time zone: write its name, such as Europe/Berlin") from error
        self._zone = zone

    def show(self, sources: Iterable[EventSource]) -> None:
        """Have these tables of events, and no others."""
        wanted = {source.name.lower(): _empty_table(source) for source in sources}
        for name in [name for name in self._shown if name not in wanted]:
            self.events.execute(f"DROP TABLE IF EXISTS temp.{identifier(name)}")
            del self._shown[name]
        for name, columns in wanted.items():
            if self._shown.get(name) != columns:
                self.events.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} {columns}")
                self._shown[name] = columns

    def provide(self, lookups: Mapping[str, Any]) -> None:
        """Have lookup tables that are not in the database."""
        for connection in (self.bare, self.events):
            provide(connection, lookups)

    def close(self) -> None:
        """Close its connections."""
        for connection in (self.bare, self.events, self.asking):
            connection.close()


def columns_of(connection: duckdb.DuckDBPyConnection, query: str, parameters: Any = None) -> Columns:
    """The columns of a query, which is not run."""
    if parameters:  # a relation with parameters is run at once
        return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {query}", parameters).fetchall()]
    relation = connection.sql(query)
    return [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]


def empty(source: EventSource, alias: str) -> str:
    """SQL of the events of a source, of which there is none, to follow FROM."""
    items = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in source.columns.items())
    return f"(SELECT {items or 'NULL AS nothing'} WHERE false) AS {identifier(alias)}"


def _empty_table(source: EventSource) -> str:
    """SQL of a table of events, of which there is none, to follow its name; it is bound faster than a view."""
    return f"AS SELECT * FROM {empty(source, source.name)}"


def take_no_variables(connection: duckdb.DuckDBPyConnection) -> None:
    """Have names in queries stand for tables alone, and not for Python variables of this package."""
    with suppress(duckdb.Error):  # an older DuckDB has it for all connections alone
        connection.execute("SET SESSION python_enable_replacements = false")
