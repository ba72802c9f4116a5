"""The ledger: what the rollups of a database have counted. Its tables are those of `sql/rollup/ledger.sql`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar

import duckdb

from duckdb_sketch.rollup.errors import ManifestError
from duckdb_sketch.rollup.ledger.migration import VERSION, run_script, version_of
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.transaction import transaction
from duckdb_sketch.rollup.query import Row, fetch, fetch_row

_ROLLUP = tuple(field.name for field in fields(RollupRecord))
_LEVEL = tuple(field.name for field in fields(LevelRecord))
_ALL = tuple(dict.fromkeys(_ROLLUP + _LEVEL))
_SLICE = tuple(field.name for field in fields(CountedSlice))
_BATCH = tuple(field.name for field in fields(Batch))
#: SQL that is true of batches whose rows are in no file.
APPENDED = """(kind IN ('append', 'import') AND rows > 0 AND NOT EXISTS (
    FROM rollup_manifest.slices AS s
    WHERE s.rollup = batches.rollup AND s.batch = batches.batch AND s.kind = 'batch' AND s.fingerprint <> ''
))"""


class Ledger:
    """The ledger of one database, over a connection to it.

    Attributes:
        connection: The connection.
        added: How many records this process has made, in all ledgers. A rollup that was dropped and made again can have
            the same record as before, down to its row's number, and other data.
    """

    added: ClassVar[int] = 0

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._in_transaction = False
        self._is_kept = False
        self._is_known = False  # to be there, in this transaction or operation
        self._found: dict[str, RollupRecord | LevelRecord | None] = {}  # in this operation, outside of a transaction
        self._has_positions = False

    def exists(self) -> bool:
        """Whether the database has one.

        Raises:
            ManifestError: If it is of a version that this package does not know, or has not been migrated.
        """
        if self._is_known:
            return True
        version = version_of(self.connection)
        if version is None:
            return False
        if version < VERSION:
            raise ManifestError(
                f"the database's ledger is of version {version}, and has not been migrated to version {VERSION}: "
                "open the database with Rollup, open_level or duckdb-sketch rollup, which does so"
            )
        if version > VERSION:
            raise ManifestError(
                f"the database's ledger is of version {version}, and this duckdb_sketch knows version {VERSION}: "
                "use the version that wrote it, or a later one"
            )
        self._is_known = self._in_transaction or self._is_kept
        return True

    def create(self) -> None:
        """Make the ledger, where the database has none, or those of its tables that it lacks."""
        if not (self.exists() and self.has_positions()):
            run_script(self.connection, "ledger.sql")

    def has_positions(self) -> bool:
        """Whether it tells where sources stand, as those that were made first do not."""
        if not self._has_positions:
            self._has_positions = bool(
                self._rows(
                    "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'rollup_manifest' AND table_name = 'sources' "
                    "AND database_name = current_database()"
                )
            )
        return self._has_positions

    def names(self) -> list[str]:
        """The names of all rollups, each followed by its coarser levels."""
        if not self.exists():
            return []
        parents: dict[str, str | None] = dict(
            self._rows("SELECT rollup, parent FROM rollup_manifest.rollups ORDER BY rollup")
        )

        def family(parent: str | None) -> Iterator[str]:
            for name in (name for name, of in parents.items() if of == parent):
                yield name
                yield from family(name)

        return list(family(None))

    def records(self) -> list[RollupRecord | LevelRecord]:
        """The records of all rollups and levels, by name."""
        return [read_record(row) for row in self.rows_of_records()] if self.exists() else []

    def rows_of_records(self) -> list[Row]:
        """What `read_record` makes records of, in a ledger that exists: equal rows stand for equal records."""
        rows = self._rows("SELECT *, rowid FROM rollup_manifest.rollups")  # DuckDB binds it faster than 25 names
        places = {column[0]: place for place, column in enumerate(self.connection.description or ())}
        order = [places[name] for name in (*map(_column, _ALL), "rowid")]
        return sorted((tuple(row[place] for place in order) for row in rows), key=lambda row: str(row[0]))

    def digest_of_records(self) -> Row:
        """What differs when `rows_of_records` does, but once in 2^64 times; of hundreds of records it is faster."""
        return fetch_row(self.connection, "SELECT count(*), sum(hash(r, rowid)) FROM rollup_manifest.rollups AS r")

    def find(self, name: str) -> RollupRecord | LevelRecord | None:
        """The record of a rollup or a level; None if there is none of this name."""
        if name in self._found:
            return self._found[name]
        found = self._find(name)
        if self._is_kept and not self._in_transaction:
            self._found[name] = found
        return found

    def _find(self, name: str) -> RollupRecord | LevelRecord | None:
        if not self.exists():
            return None
        columns = ", ".join(_column(name) for name in _ALL)
        rows = self._rows(f"SELECT {columns} FROM rollup_manifest.rollups WHERE rollup = ?", [name])
        return read_record(rows[0]) if rows else None

    def get(self, name: str) -> RollupRecord | LevelRecord:
        """The record of a rollup or a level.

        Raises:
            ManifestError: If there is none of this name.
        """
        record = self.find(name)
        if record is None:
            known = ", ".join(self.names()) or "none"
            raise ManifestError(f"there is no rollup {name} in this database; there is {known}")
        return record

    def rollup(self, name: str) -> RollupRecord:
        """The record of a rollup of events.

        Raises:
            ManifestError: If there is none of this name, or it is a coarser level.
        """
        return _of_events(self.get(name))

    def find_rollup(self, name: str) -> RollupRecord | None:
        """The record of a rollup of events; None if there is none of this name.

        Raises:
            ManifestError: If it is a coarser level.
        """
        record = self.find(name)
        return None if record is None else _of_events(record)

    def level(self, name: str) -> LevelRecord:
        """The record of a coarser level.

        Raises:
            ManifestError: If there is none of this name, or it is a rollup of events.
        """
        record = self.get(name)
        if isinstance(record, RollupRecord):
            raise ManifestError(f"{name} is a rollup of events, not a coarser level")
        return record

    def children(self, name: str) -> list[LevelRecord]:
        """The levels that are made directly from a rollup or a level, by name."""
        rows = self._rows("SELECT rollup FROM rollup_manifest.rollups WHERE parent = ? ORDER BY rollup", [name])
        return [self.level(child) for (child,) in rows]

    def add(self, record: RollupRecord | LevelRecord) -> None:
        """Write the record of a new rollup or level."""
        Ledger.added += 1
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        self.connection.execute(
            f"INSERT INTO rollup_manifest.rollups ({', '.join(map(_column, values))}) "
            f"VALUES ({', '.join(map(_mark, values))})",
            list(values.values()),
        )

    def set(self, name: str, **values: Any) -> None:
        """Change fields of a record."""
        changes = ", ".join(f"{_column(field)} = {_mark(field)}" for field in values)
        self.connection.execute(
            f"UPDATE rollup_manifest.rollups SET {changes} WHERE rollup = ?", [*values.values(), name]
        )

    def begin_rollup(self, name: str) -> RollupRecord:
        """Take the next batch number of a rollup; see `begin`."""
        self._take(name)
        return self.rollup(name)

    def begin_level(self, name: str) -> LevelRecord:
        """Take the next batch number of a level; see `begin`."""
        self._take(name)
        return self.level(name)

    def begin(self, name: str) -> RollupRecord | LevelRecord:
        """Take the next batch number, in a transaction that has just begun; another one doing so has to wait for us.

        Returns:
            The record, of which `last_batch` is the number.

        Raises:
            ManifestError: If there is no rollup or level of this name.
        """
        self._take(name)
        return self.get(name)

    def _take(self, name: str) -> None:
        self.connection.execute(
            "UPDATE rollup_manifest.rollups SET last_batch = last_batch + 1 WHERE rollup = ?", [name]
        )

    def slices(self, rollup: str, kind: str = CountedSlice.FILE) -> dict[str, CountedSlice]:
        """The slices of a kind that a rollup has counted: files by their paths, batches by their ids."""
        rows = self._rows(
            f"SELECT {', '.join(_SLICE)} FROM rollup_manifest.slices WHERE rollup = ? AND kind = ? ORDER BY slice",
            [rollup, kind],
        )
        slices = [CountedSlice(*row) for row in rows]
        return {counted.slice: counted for counted in slices}

    def forget_slices(self, rollup: str, slices: Sequence[CountedSlice]) -> None:
        """Delete what is known of slices."""
        self.connection.execute(
            "DELETE FROM rollup_manifest.slices WHERE rollup = ? AND (kind, slice) IN (SELECT (unnest(?), unnest(?)))",
            [rollup, [counted.kind for counted in slices], [counted.slice for counted in slices]],
        )

    def add_slices(self, rollup: str, batch: int, slices: Sequence[CountedSlice]) -> None:
        """Write slices that a batch counted, of which nothing is known."""
        if not slices:
            return
        columns = [[getattr(counted, name) for counted in slices] for name in _SLICE]
        types = ("VARCHAR", "VARCHAR", "VARCHAR", "UBIGINT", "UBIGINT", "TIMESTAMP", "TIMESTAMP")
        items = ", ".join(f"unnest(CAST(? AS {kind}[])) AS {name}" for name, kind in zip(_SLICE, types, strict=True))
        self.connection.execute(
            "INSERT INTO rollup_manifest.slices BY NAME "
            f"SELECT CAST(? AS VARCHAR) AS rollup, CAST(? AS BIGINT) AS batch, {items}",
            [rollup, batch, *columns],
        )

    def set_fingerprints(self, rollup: str, fingerprints: Mapping[str, str], kind: str = CountedSlice.FILE) -> None:
        """Change the fingerprints of slices of a kind that a rollup has counted, by id."""
        self.connection.execute(
            "UPDATE rollup_manifest.slices SET fingerprint = given.fingerprint "
            "FROM (SELECT unnest(CAST(? AS VARCHAR[])) AS slice, unnest(CAST(? AS VARCHAR[])) AS fingerprint) AS given "
            "WHERE rollup = ? AND kind = ? AND slices.slice = given.slice",
            [list(fingerprints), list(fingerprints.values()), rollup, kind],
        )

    def has_slice(self, rollup: str, kind: str, name: str) -> bool:
        """Whether a rollup has counted a slice."""
        query = "SELECT 1 FROM rollup_manifest.slices WHERE rollup = ? AND kind = ? AND slice = ?"
        return bool(self._rows(query, [rollup, kind, name]))

    def known(self, rollup: str, kind: str, names: Sequence[str]) -> list[str]:
        """Which of some slices a rollup has counted."""
        query = (
            "SELECT slice FROM rollup_manifest.slices WHERE rollup = ? AND kind = ? "
            "AND slice IN (SELECT unnest(CAST(? AS VARCHAR[])))"
        )
        return [name for (name,) in self._rows(query, [rollup, kind, list(names)])]

    def has_batch(self, rollup: str, batch_id: str) -> bool:
        """Whether data has been appended to a rollup under this id."""
        return self.exists() and self.has_slice(rollup, CountedSlice.BATCH, batch_id)

    def add_batch(self, rollup: str, batch: Batch) -> None:
        """Write a batch, which finished now."""
        values = [getattr(batch, name) for name in _BATCH]
        self.connection.execute(
            f"INSERT INTO rollup_manifest.batches (rollup, finished, {', '.join(_BATCH)}) "
            f"VALUES (?, now(), {', '.join('?' for _ in _BATCH)})",
            [rollup, *values],
        )

    def appended(self, rollup: str, low: datetime | None, high: datetime | None) -> int:
        """How many batches with event times from `low` to `high` were appended, so that no file has their rows."""
        (count,) = fetch_row(
            self.connection,
            f"SELECT count(*) FROM rollup_manifest.batches WHERE rollup = ? AND {APPENDED} "
            "AND (last_event >= ? OR ? IS NULL) AND (first_event <= ? OR ? IS NULL)",
            [rollup, low, low, high, high],
        )
        return int(count)

    def spooled(self, rollup: str) -> dict[str, str]:
        """The fingerprints of the files that hold the rows of batches that were appended, by path."""
        batches = "SELECT fingerprint FROM rollup_manifest.slices WHERE rollup = ? AND kind = 'batch'"
        if not (self.exists() and self._rows(f"{batches} AND fingerprint <> '' LIMIT 1", [rollup])):
            return {}  # for which the join would take ten times as long
        query = (
            "SELECT f.slice, f.fingerprint FROM rollup_manifest.slices AS f WHERE f.rollup = ? AND f.kind = 'file' "
            f"AND f.slice IN ({batches}) ORDER BY ALL"
        )
        return dict(self._rows(query, [rollup, rollup]))

    def appended_spans(self, rollup: str) -> list[tuple[datetime | None, datetime | None]]:
        """From the first bucket to the last event of each batch that was appended."""
        query = f"SELECT first_event, last_event FROM rollup_manifest.batches WHERE rollup = ? AND {APPENDED}"
        return [(first, last) for first, last in self._rows(query, [rollup])]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or none of it; see `transaction`. Inside another one, it is part of that."""
        if self._in_transaction:
            yield
            return
        self._in_transaction = True
        self._found.clear()
        try:
            with transaction(self.connection):
                yield
        except BaseException:
            self._has_positions = self._is_known = False  # which the transaction may have made
            raise
        finally:
            self._in_transaction = False
            self._is_known = self._is_known and self._is_kept

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Ask the database once for what is asked for again outside of transactions, until one of this ledger's begins.

        For one operation: before and after it, other connections may change the ledger, or drop it. What depends on
        what they did meanwhile is looked up in the operation's transaction, where nothing is kept.
        """
        outer, self._is_kept = self._is_kept, True
        try:
            yield
        finally:
            self._is_kept = outer
            if not outer:
                self._found.clear()
                self._is_known = self._is_known and self._in_transaction

    def _rows(self, query: str, parameters: list[Any] | None = None) -> list[Row]:
        return fetch(self.connection, query, parameters)


def _of_events(record: RollupRecord | LevelRecord) -> RollupRecord:
    """A record that is one of a rollup of events.

    Raises:
        ManifestError: If it is that of a coarser level.
    """
    if isinstance(record, LevelRecord):
        raise ManifestError(
            f"{record.name} is a coarser level of {record.parent}: refresh or replay that, or give another name"
        )
    return record


def _column(field: str) -> str:
    return "rollup" if field == "name" else field


def _mark(field: str) -> str:
    return "CAST(? AS MAP(VARCHAR, VARCHAR))" if field == "input_types" else "?"


def read_record(row: Row) -> RollupRecord | LevelRecord:
    """The record of a row; what follows its fields, which tells rows of one name apart, is left out."""
    values = dict(zip(_ALL, row, strict=False))
    if values["statement"] is None:
        return LevelRecord(**{name: values[name] for name in _LEVEL})
    values["input_types"] = dict(values["input_types"] or {})
    return RollupRecord(**{name: values[name] for name in _ROLLUP})
