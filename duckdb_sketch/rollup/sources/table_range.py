"""A range of a table's cursor as a slice: the rows after one value, up to another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch, fetch_row
from duckdb_sketch.rollup.sources.attached import attach
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.slice import Comparison


@dataclass(frozen=True)
class Measure:
    """What tells whether the rows of a range are those that were counted.

    Attributes:
        rows: How many there are.
        checksum: The sum of the hashes of their columns.
        columns: Those columns.
        scheme: What hashes depend on besides the values: DuckDB's version, and the columns' types.
    """

    rows: int
    checksum: int
    columns: tuple[str, ...]
    scheme: str


class CursorTable:
    """A table or view, and the column that its rows are counted by.

    Attributes:
        connection: Reads it.
        parts: Its name, perhaps after those of its database and schema.
        cursor: The column.
        sql: SQL of its name.
        columns: Its columns and their types.
        database: The database that it is in, and that is attached to read it; None if it is there already.
        measured: What ranges were found to hold in the transaction that is going on, by id.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parts: Sequence[str], cursor: str, database: str | None = None
    ) -> None:
        """Look at a table.

        Raises:
            SourceError: If it is not there, or lacks the column.
            LockedError: If another process has its database open for writing.
        """
        self.connection = connection
        self.parts = tuple(parts)
        self.cursor = cursor
        self.database = database
        self.measured: dict[str, Measure] = {}
        self.sql = self._qualified()
        try:
            self.columns = describe(connection, f"SELECT * FROM {self.sql}")
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise SourceError(
                f"the table {self.name} cannot be read: restore it, attach its database or name it as app.main.events "
                f"({str(error).splitlines()[0]})"
            ) from error
        kinds = {name.lower(): kind for name, kind in self.columns.items()}
        if cursor.lower() not in kinds:
            raise SourceError(
                f"{self.name}: there is no column {cursor}, which is its cursor: give a column that grows"
            )
        self.type = kinds[cursor.lower()]
        if self.type.endswith(("]", ")")) and not self.type.startswith("DECIMAL"):
            raise SourceError(
                f"{self.name}: {cursor} is {self.type}, which is not a cursor: give a number or a time that grows"
            )

    def _qualified(self) -> str:
        """SQL of its name; with its schema where it has one, as a cube has views of the names of tables of events."""
        place: list[str] = []
        if self.database is not None:
            place = [attach(self.connection, self.database)]
        elif len(self.parts) == 1:
            found = fetch(
                self.connection,
                "SELECT table_catalog, table_schema FROM information_schema.tables WHERE table_catalog = "
                "current_database() AND table_schema = current_schema() AND lower(table_name) = lower(?)",
                [self.parts[0]],
            )
            place = list(found[0]) if found else []
        return ".".join(map(identifier, [*place, *self.parts]))

    @property
    def name(self) -> str:
        """Its name as it is spoken of."""
        return ".".join(self.parts)

    def value(self, text: str) -> str:
        """SQL of a value of the cursor."""
        return f"CAST({quote(text)} AS {self.type})"

    def hashed(self, columns: Sequence[str]) -> str:
        """SQL of the checksum of rows: unlike an exclusive or, a sum tells two equal rows from two other equal ones."""
        return f"coalesce(sum(hash({', '.join(map(identifier, columns))})), 0)"

    def scheme(self, columns: Sequence[str]) -> str:
        """What the hashes of these columns depend on besides their values."""
        kinds = {name.lower(): kind for name, kind in self.columns.items()}
        types = json.dumps([kinds.get(name.lower()) for name in columns])
        return f"{duckdb.__version__}:{hashlib.blake2b(types.encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True)
class TableRange:
    """The rows of a table whose cursor is above `low`, up to `high`.

    Attributes:
        table: The table.
        low: A value of the cursor as text; None for all from the first row on.
        high: The last value; None for all that there are.
        columns: The columns that a checksum is made of.
        fingerprint: That it was counted under; empty if it has not been.
        kind: See `Slice`.
        size: See `Slice`.
    """

    table: CursorTable = field(compare=False, repr=False)
    low: str | None
    high: str | None
    columns: tuple[str, ...] = ()
    fingerprint: str = field(default="", compare=False)
    kind: str = "range"
    size: int | None = None

    @staticmethod
    def counted(
        connection: duckdb.DuckDBPyConnection, name: str, fingerprint: str, known: CursorTable | None = None
    ) -> TableRange:
        """The range that was counted under an id and a fingerprint.

        Args:
            connection: The connection that knows its table.
            name: The id.
            fingerprint: The fingerprint.
            known: A table that has been looked at, which is likely to be its own.

        Raises:
            SourceError: If its table is gone, or the fingerprint is none of a range.
        """
        try:
            said = json.loads(fingerprint)
            table, cursor, low, high = (said[key] for key in ("table", "cursor", "after", "to"))
            database = said.get("database")
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"the ledger's record of {name} is damaged: replay the rollup under another name"
            ) from error
        if known is None or (list(known.parts), known.cursor, known.database) != (table, cursor, database):
            known = CursorTable(connection, table, cursor, database)
        return TableRange(known, low, high, tuple(said["columns"]), fingerprint)

    @property
    def id(self) -> str:
        """The table and the range, in words."""
        cursor = self.table.cursor
        after = "" if self.low is None else f" after {self.low}"
        upto = "" if self.high is None else f" up to {self.high}"
        return f"{self.table.name}: {cursor}{after}{upto}"

    @property
    def path(self) -> str:
        """The same."""
        return self.id

    @property
    def reader(self) -> str:
        """See `SourceSlice`."""
        return "table"

    @property
    def condition(self) -> str:
        """SQL that is true of its rows."""
        cursor = identifier(self.table.cursor)
        parts = [] if self.low is None else [f"{cursor} > {self.table.value(self.low)}"]
        parts += [] if self.high is None else [f"{cursor} <= {self.table.value(self.high)}"]
        return " AND ".join(parts) or "true"

    @property
    def sql(self) -> str:
        """A query of its rows, with the column `FILE`."""
        return f"SELECT *, {quote(self.id)} AS {FILE} FROM {self.table.sql} WHERE {self.condition}"

    def measure(self, columns: Sequence[str] | None = None) -> Measure:
        """What it holds now.

        Args:
            columns: The columns to hash; its own by default.

        Raises:
            SourceError: If one of them is not there any more.
        """
        columns = tuple(columns or self.columns)
        try:
            rows, checksum = fetch_row(
                self.table.connection,
                f"SELECT count(*), {self.table.hashed(columns)} FROM {self.table.sql} WHERE {self.condition}",
            )
        except duckdb.BinderException as error:
            there = {name.lower() for name in self.table.columns}
            gone = next((name for name in columns if name.lower() not in there), None)
            raise SourceError(
                f"{self.table.name}: there is no column {gone} any more, which was counted: restore it, or replay "
                "the rollup with a statement without it"
            ) from error
        return Measure(rows, int(checksum), columns, self.table.scheme(columns))

    def recorded(self) -> str:
        """Its fingerprint: the range, how many rows it has, and their checksum."""
        measure = self.table.measured.pop(self.id, None) or self.measure()
        return json.dumps(
            {
                "table": list(self.table.parts),
                "cursor": self.table.cursor,
                "after": self.low,
                "to": self.high,
                "rows": measure.rows,
                "checksum": str(measure.checksum),
                "columns": list(measure.columns),
                "scheme": measure.scheme,
                **({} if self.table.database is None else {"database": self.table.database}),
            }
        )

    def compare(self, fingerprint: str) -> Comparison:
        """How its rows stand to what was counted; of another version of DuckDB or other types only their number."""
        known = measure_of(fingerprint)
        now = self.measure(known.columns)
        if now.rows != known.rows:
            return "changed"
        if now.scheme != known.scheme:
            return "touched"
        return "same" if now.checksum == known.checksum else "changed"

    def check_unchanged(self) -> None:
        """See that what was counted is still so. What is being counted is read in one snapshot, and cannot change.

        Raises:
            SourceError: If it changed.
        """
        if self.fingerprint:
            self.require()

    def is_there(self) -> bool:
        """It is: a table that is gone has no ranges."""
        return True

    def require(self) -> None:
        """See that its rows are those that were counted.

        Raises:
            SourceError: If they are not.
        """
        if self.compare(self.fingerprint) == "changed":
            known, now = measure_of(self.fingerprint).rows, self.measure().rows
            what = f"{known:,} rows then, {now:,} now" if known != now else "other values"
            raise SourceError(
                f"{self.id}: rows changed since they were counted ({what}): refresh with on_change='rebuild' first"
            )


def measure_of(fingerprint: str) -> Measure:
    """What was counted under a fingerprint.

    Raises:
        SourceError: If it is none of a range.
    """
    try:
        said = json.loads(fingerprint)
        return Measure(said["rows"], int(said["checksum"]), tuple(said["columns"]), said["scheme"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{fingerprint!r} is not a fingerprint of a table's rows") from error
