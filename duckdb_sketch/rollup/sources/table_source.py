"""A table or view of DuckDB as a source: how it is declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.attached import full_path

_CALL = re.compile(r"\s*table\s*\(", re.IGNORECASE)
_OPTIONS = ("cursor", "lag", "database")


@dataclass(frozen=True)
class TableSource:
    """A table or view that rows are added to, in the order of one column.

    >>> TableSource("events", cursor="id").text
    "table('events', cursor = 'id')"

    Attributes:
        table: Its name, `events` or `app.main.events`: in the rollup's database, or one that is attached to it.
        cursor: A column that grows: each new row has a greater value than all that were counted before, such as a
            number from a sequence, or the time at which it was written.
        lag: How far below the greatest value of a cursor of times rows are counted, such as `5 minutes`: so long may
            a row take to become visible. None counts all rows.
        database: The file of the database that it is in, which is attached whenever it is read; None if that is the
            rollup's own, or one that is attached to it.
    """

    table: str
    cursor: str
    lag: str | timedelta | None = None
    database: str | Path | None = None

    @staticmethod
    def is_declared(text: str) -> bool:
        """Whether a text is a declaration, such as `table('events', cursor = 'id')`."""
        return _CALL.match(text) is not None

    @staticmethod
    def of(text: str) -> TableSource:
        """Read a declaration.

        Raises:
            SourceError: If it is none.
        """
        shape = "table('events', cursor = 'id')"
        try:
            call = sqlglot.parse_one(f"SELECT {text.replace('table', 'source_table', 1)}", dialect="duckdb")
            name, *options = call.expressions[0].expressions
            given = {option.this.name.lower(): option.expression.name for option in options}
        except (sqlglot.errors.SqlglotError, AttributeError, IndexError, ValueError) as error:
            raise SourceError(f"{text} cannot be read: write {shape}") from error
        if unknown := given.keys() - set(_OPTIONS):
            raise SourceError(f"{text}: there is no option {min(unknown)}; there are {', '.join(_OPTIONS)}")
        if not given.get("cursor"):
            raise SourceError(f"{text}: name the column that grows with each row: {shape}")
        return TableSource(name.name, given["cursor"], given.get("lag"), given.get("database"))

    @property
    def text(self) -> str:
        """The declaration as it is kept: `of` reads it."""
        lag = "" if self.lag is None else f", lag = {quote(str(self._lag_text()))}"
        database = "" if self.place is None else f", database = {quote(self.place)}"
        return f"table({quote(self.table)}, cursor = {quote(self.cursor)}{lag}{database})"

    @property
    def place(self) -> str | None:
        """The database that it is in, by its one name; None if that is not said."""
        return None if self.database is None else full_path(str(self.database))

    @property
    def parts(self) -> tuple[str, ...]:
        """The table's name, perhaps after those of its database and schema.

        Raises:
            SourceError: If it is not a name.
        """
        try:
            return tuple(part.name for part in exp.to_table(self.table, dialect="duckdb").parts)
        except sqlglot.errors.SqlglotError as error:
            raise SourceError(f"{self.table!r} is not a name of a table: write events, or app.main.events") from error

    def _lag_text(self) -> str | None:
        if isinstance(self.lag, timedelta):
            return f"{self.lag // timedelta(microseconds=1)} microseconds"
        return self.lag
