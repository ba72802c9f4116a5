"""The manifest: what the rollups of a database have counted. Its tables are those of `sql/rollup/manifest.sql`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb

from duckdb_sketch._files import sql_folder
from duckdb_sketch.rollup.errors import LockedError, ManifestError, RollupError
from duckdb_sketch.rollup.query import fetch, noticing_damage
from duckdb_sketch.rollup.sources.files import File

_VERSION = 1
_CONFLICT = re.compile(r"conflict( on|:)|another transaction", re.IGNORECASE)  # not a disk that is full
_EARLIEST = datetime(1900, 1, 1)
_LATEST = datetime(2200, 1, 1)


@dataclass
class Entry:
    """What the manifest says of one rollup; the fields are the columns of `rollup_manifest.rollups`."""

    rollup: str
    statement: str | None = None
    parent: str | None = None
    every: str | None = None
    dimensions: list[str] | None = None
    input_types: dict[str, str] = field(default_factory=dict)
    time_zone: str | None = None
    allowed_lateness: timedelta = timedelta(0)
    late: str = "merge"
    earliest: datetime = _EARLIEST
    latest: datetime = _LATEST
    last_batch: int = 0
    consumed: int | None = None
    highest_event: datetime | None = None
    watermark: datetime | None = None
    expired_before: datetime | None = None


@dataclass
class Batch:
    """One line of `rollup_manifest.batches`; the fields are its columns, but for the rollup."""

    batch: int
    kind: str
    batch_id: str | None = None
    rows: int = 0
    late_rows: int = 0
    dropped_rows: int = 0
    rejected_rows: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None


@dataclass(frozen=True)
class CountedFile:
    """A file, and what was in it when it was counted."""

    file: File
    rows: int
    first_event: datetime | None
    last_event: datetime | None


class Manifest:
    """The manifest of one database, over a connection to it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def exists(self) -> bool:
        """Whether the database has one.

        Raises:
            ManifestError: If it is of a version that this package does not know.
        """
        if not self._rows(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'rollup_manifest' AND table_name = 'version' "
            "AND database_name = current_database()"
        ):
            return False
        version = self._rows("SELECT max(version) FROM rollup_manifest.version")[0][0]
        if version != _VERSION:
            raise ManifestError(
                f"the database's manifest is of version {version}, and this duckdb_sketch knows version {_VERSION}: "
                "use the version that wrote it, or a later one"
            )
        return True

    def create(self) -> None:
        """Make the manifest, where the database has none."""
        if not self.exists():
            self.connection.execute((sql_folder() / "rollup" / "manifest.sql").read_text())

    def names(self) -> list[str]:
        """The names of all rollups, those of events first, each followed by its coarser levels."""
        if not self.exists():
            return []
        parents = dict(self._rows("SELECT rollup, parent FROM rollup_manifest.rollups ORDER BY rollup"))

        def family(parent: str | None) -> Iterator[str]:
            for name in (name for name, of in parents.items() if of == parent):
                yield name
                yield from family(name)

        return list(family(None))

    def entry(self, rollup: str) -> Entry | None:
        """What is known of a rollup; None if there is none of this name."""
        if not self.exists():
            return None
        columns = ", ".join(Entry.__dataclass_fields__)
        rows = self._rows(f"SELECT {columns} FROM rollup_manifest.rollups WHERE rollup = ?", [rollup])
        if not rows:
            return None
        entry = Entry(*rows[0])
        entry.input_types = dict(entry.input_types or {})
        return entry

    def add(self, entry: Entry) -> None:
        """Write a new rollup's line."""
        values = [getattr(entry, name) for name in Entry.__dataclass_fields__]
        marks = ", ".join(
            "CAST(? AS MAP(VARCHAR, VARCHAR))" if name == "input_types" else "?" for name in Entry.__dataclass_fields__
        )
        self.connection.execute(f"INSERT INTO rollup_manifest.rollups VALUES ({marks})", values)

    def set(self, rollup: str, **values: Any) -> None:
        """Change columns of a rollup's line."""
        changes = ", ".join(
            f"{name} = " + ("CAST(? AS MAP(VARCHAR, VARCHAR))" if name == "input_types" else "?") for name in values
        )
        self.connection.execute(
            f"UPDATE rollup_manifest.rollups SET {changes} WHERE rollup = ?", [*values.values(), rollup]
        )

    def begin(self, rollup: str) -> Entry:
        """Take the next batch number, in a transaction that has just begun; another one doing so has to wait for us."""
        self.connection.execute(
            "UPDATE rollup_manifest.rollups SET last_batch = last_batch + 1 WHERE rollup = ?", [rollup]
        )
        entry = self.entry(rollup)
        if entry is None:
            raise ManifestError(f"there is no rollup {rollup} in this database")
        return entry

    def children(self, rollup: str) -> list[Entry]:
        """The levels that are made from a rollup itself."""
        names = self._rows("SELECT rollup FROM rollup_manifest.rollups WHERE parent = ? ORDER BY rollup", [rollup])
        return [entry for (name,) in names if (entry := self.entry(name))]

    def files(self, rollup: str) -> dict[str, CountedFile]:
        """The files that a rollup has counted, by path."""
        rows = self._rows(
            "SELECT path, size, modified, rows, first_event, last_event FROM rollup_manifest.files WHERE rollup = ?",
            [rollup],
        )
        return {row[0]: CountedFile(File(*row[:3]), *row[3:]) for row in rows}

    def add_files(self, rollup: str, batch: int, files: Iterable[CountedFile]) -> None:
        """Write files' lines, in place of those that they had."""
        files = list(files)
        if not files:
            return
        paths = [counted.file.path for counted in files]
        self.connection.execute(
            "DELETE FROM rollup_manifest.files WHERE rollup = ? AND path IN (SELECT unnest(?))", [rollup, paths]
        )
        self.connection.execute(
            "INSERT INTO rollup_manifest.files SELECT ?, f.path, f.size, f.modified, ?, f.rows, f.low, f.high "
            "FROM (SELECT unnest(?) AS path, unnest(?) AS size, unnest(?) AS modified, unnest(?) AS rows, "
            "unnest(CAST(? AS TIMESTAMP[])) AS low, unnest(CAST(? AS TIMESTAMP[])) AS high) AS f",
            [
                rollup,
                batch,
                paths,
                [counted.file.size for counted in files],
                [counted.file.modified for counted in files],
                [counted.rows for counted in files],
                [counted.first_event for counted in files],
                [counted.last_event for counted in files],
            ],
        )

    def add_batch(self, rollup: str, batch: Batch) -> None:
        """Write a batch's line."""
        self.connection.execute(
            "INSERT INTO rollup_manifest.batches VALUES (?, ?, ?, ?, now(), ?, ?, ?, ?, ?, ?)",
            [
                rollup,
                batch.batch,
                batch.kind,
                batch.batch_id,
                batch.rows,
                batch.late_rows,
                batch.dropped_rows,
                batch.rejected_rows,
                batch.first_event,
                batch.last_event,
            ],
        )

    def has_batch(self, rollup: str, batch_id: str) -> bool:
        """Whether a batch of this id has been appended."""
        return bool(
            self._rows("SELECT 1 FROM rollup_manifest.batches WHERE rollup = ? AND batch_id = ?", [rollup, batch_id])
        )

    def appended(self, rollup: str, low: datetime | None, high: datetime | None) -> int:
        """How many batches with event times from `low` to `high` were appended, so that no file has their rows."""
        return int(
            self._rows(
                "SELECT count(*) FROM rollup_manifest.batches WHERE rollup = ? AND kind IN ('append', 'import') "
                "AND rows > 0 AND (last_event >= ? OR ? IS NULL) AND (first_event <= ? OR ? IS NULL)",
                [rollup, low, low, high, high],
            )[0][0]
        )

    def appended_spans(self, rollup: str) -> list[tuple[datetime | None, datetime | None]]:
        """From the first bucket to the last event of each batch that was appended."""
        rows = self._rows(
            "SELECT first_event, last_event FROM rollup_manifest.batches WHERE rollup = ? "
            "AND kind IN ('append', 'import') AND rows > 0",
            [rollup],
        )
        return [(first, last) for first, last in rows]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or none of it.

        Raises:
            LockedError: If another connection of this process changed the same rollup meanwhile.
            RollupError: If it could not be written: the disk may be full.
            DamagedError: If the database is damaged.
        """
        try:
            with noticing_damage():
                self.connection.execute("BEGIN TRANSACTION")  # which may be interrupted as well, once it has begun
                yield
                self.connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if not isinstance(error, duckdb.TransactionException):
                raise
            if _CONFLICT.search(str(error)):
                raise LockedError(f"another connection is changing the same rollup: {error}") from error
            raise RollupError(f"the batch could not be written: {error}") from error

    def _roll_back(self) -> None:
        with suppress(duckdb.Error):  # it may be over already: a COMMIT that fails ends the transaction
            self.connection.execute("ROLLBACK")

    def _rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return fetch(self.connection, query, parameters)
