"""Export: a rollup as partitioned Parquet, of which each export replaces the partitions that changed, one by one.

At any moment each partition is whole, of one batch or of another. The manifest says whether all are of the same.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb

from duckdb_sketch._lock import lock_or_fail
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch._system import sync_folder
from duckdb_sketch._text import counted
from duckdb_sketch.rollup.archive.folder import create, require_no_link, require_same
from duckdb_sketch.rollup.archive.manifest import (
    NAME,
    ExportManifest,
    digest,
    put,
    read_manifest,
    write_manifest,
)
from duckdb_sketch.rollup.archive.partitioning import Partitioning
from duckdb_sketch.rollup.errors import LockedError, RollupError
from duckdb_sketch.rollup.ledger.ledger import APPENDED, Ledger
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.reading.status import pruned_until
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.codec import PARQUET
from duckdb_sketch.rollup.specification.table import literal

#: The one file of a partition.
FILE = "rollup.parquet"

_TEMPORARY = f".{FILE}.tmp"
_LOCK = ".rollup.lock"
_DAY = timedelta(days=1)  # by which the clocks of a zone differ from UTC at most

# Batches of which an import has to know more than sums, as their rows are in no file.


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes:
        rollup: Of what.
        folder: Where to.
        batch: The last batch that is in it.
        written: The folders of the partitions that were written.
        removed: The folders of those that were removed, as nothing is left in them.
        kept: How many were left as they were.
    """

    rollup: str
    folder: Path
    batch: int
    written: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int

    def __str__(self) -> str:
        removed = f", {len(self.removed):,} removed" if self.removed else ""
        written = counted(len(self.written), "partition")
        return f"{self.rollup}: {written} written to {self.folder}, {self.kept:,} kept{removed}"


def export(ledger: Ledger, rollup: str, folder: str | Path, width: str) -> Exported:
    """Bring the Parquet files of a rollup or a coarser level in a folder up to date.

    Args:
        ledger: The ledger of its database.
        rollup: Its name, which the ledger knows.
        folder: A folder of its own. It is made if it is not there.
        width: The width of a partition.

    Raises:
        SpecificationError: If buckets do not nest in partitions, or a column's type has no place in Parquet.
        RollupError: If the folder holds anything else, or cannot be written.
        LockedError: If another export to the same folder is at work.
    """
    place = resolve(folder)
    with ledger.transaction():
        _Export(ledger, rollup, place, width).announce()
    with ledger.transaction(), _alone(place):
        return _Export(ledger, rollup, place, width).run()


def resolve(folder: str | Path) -> Path:
    """A local folder's one name.

    Raises:
        RollupError: If it is a URL or a file.
    """
    if is_url(folder):
        raise RollupError(f"{folder} is no local folder: export to one, and copy that; {NAME} is to be copied last")
    place = Path(os.path.realpath(os.path.expanduser(folder)))
    if place.exists() and not place.is_dir():
        raise RollupError(f"{place} is a file: an export is a folder of them")
    return place


class _Export:
    """One export, inside a transaction: what there is, and what there is to do."""

    def __init__(self, ledger: Ledger, rollup: str, folder: Path, width: str) -> None:
        record = ledger.get(rollup)
        self._ledger = ledger
        self._connection = ledger.connection
        self._record = record
        self._table = table_of(ledger, record)
        self._partitioning = Partitioning.of(self._table, width, record.time_zone)
        self._columns = PARQUET.stored(self._table.types)
        self._folder = folder
        self._line = [rollup, str(folder)]
        self._writer = uuid4().hex
        self._pruned = pruned_until(ledger, rollup)
        self._manifest = self._read_manifest()
        with _named(folder):
            self._sizes = self._read_sizes()
        # Files that are not as long as the manifest says are rewritten.
        manifest = self._manifest
        self._digests = {
            name: text
            for name, text in (manifest.digests if manifest else {}).items()
            if manifest and name in self._sizes and manifest.partitions.get(name) == self._sizes[name]
        }

    def announce(self) -> None:
        """Give this export a line in the ledger, which those of two at the same time contend for."""
        if not self._lines():
            self._connection.execute("INSERT INTO rollup_manifest.exports VALUES (?, ?, 0)", self._line)

    def run(self) -> Exported:
        """Replace what changed, then the manifest, then the line in the ledger."""
        since = max(self._lines(), default=0)
        # Of two transactions that delete the same row, the second one fails.
        self._connection.execute("DELETE FROM rollup_manifest.exports WHERE rollup = ? AND folder = ?", self._line)
        known = self._manifest
        if known is None or known.batch != since or since < self._pruned or not self._is_ours(known):
            # The folder is not what the ledger takes it for.
            known = self._new_manifest(0)
            since = 0
        todo = self._stale(known, since)
        kept = {folder: size for folder, size in self._sizes.items() if folder not in todo}
        digests = {folder: text for folder, text in self._digests.items() if folder in kept}
        if todo:
            self._begin(replace(known, partitions=dict.fromkeys(todo, 0) | kept, digests=digests))
        written: dict[str, int] = {}
        for folder, start in todo.items():
            if replaced := self._replace(folder, start):
                written[folder], digests[folder] = replaced
        manifest = self._new_manifest(self._record.last_batch)
        manifest = replace(manifest, complete=True, partitions=kept | written, digests=digests)
        if todo or manifest != self._manifest:
            with _named(self._folder):
                if todo:
                    self._require_manifest()
                if self._read_sizes() != manifest.partitions:
                    raise self._disturbed()
                write_manifest(self._folder, manifest)
        self._connection.execute(
            "INSERT INTO rollup_manifest.exports VALUES (?, ?, ?)", [*self._line, self._record.last_batch]
        )
        removed = sorted(folder for folder in todo if folder in self._sizes and folder not in written)
        return Exported(
            self._record.name, self._folder, self._record.last_batch, tuple(sorted(written)), tuple(removed), len(kept)
        )

    def _begin(self, manifest: ExportManifest) -> None:
        """Write a manifest that says what is about to be replaced."""
        with _named(self._folder):
            write_manifest(self._folder, replace(manifest, complete=False, writer=self._writer))

    def _require_manifest(self) -> None:
        """See that the manifest is the one of this export, where the file system has no locks, or does not share them.

        Raises:
            RollupError: If another export has come in between.
        """
        found = read_manifest(self._folder)
        if found is None or found.writer != self._writer:
            raise self._disturbed()

    def _disturbed(self) -> RollupError:
        return RollupError(
            f"something else, such as an export of another database, changed {self._folder} meanwhile: give each a "
            "folder of its own, and export again"
        )

    def _is_ours(self, manifest: ExportManifest) -> bool:
        """Whether the batch that a manifest is of is this database's one of that number."""
        return manifest.finished is None or manifest.finished == self._finished(manifest.batch)

    def _finished(self, batch: int) -> int | None:
        query = "SELECT epoch_us(finished) FROM rollup_manifest.batches WHERE rollup = ? AND batch = ?"
        found = fetch(self._connection, query, [self._record.name, batch])
        return int(found[0][0]) if found else None

    def _lines(self) -> list[int]:
        query = "SELECT batch FROM rollup_manifest.exports WHERE rollup = ? AND folder = ?"
        return [batch for (batch,) in fetch(self._connection, query, self._line)]

    def _new_manifest(self, batch: int) -> ExportManifest:
        record = replace(self._record, last_batch=batch)
        slices = [
            counted
            for kind in (CountedSlice.FILE, CountedSlice.BATCH, CountedSlice.RANGE)
            for counted in self._ledger.slices(record.name, kind).values()
        ]
        return ExportManifest(
            record,
            dict(self._table.types),
            str(self._partitioning.width),
            slices=slices,
            batches=_read_batches(self._ledger, record),
            finished=self._finished(batch),
        )

    def _read_manifest(self) -> ExportManifest | None:
        known = read_manifest(self._folder)
        if known is None:
            return None
        if known.record.name != self._record.name:
            raise RollupError(
                f"{self._folder} holds an export of {known.record.name}: give {self._record.name} a folder of its own"
            )
        if not known.same_rollup(self._new_manifest(0)):
            # After a replay with another statement all of it is written again, which is impossible for expired buckets.
            expired = known.record.expired_before or self._record.expired_before
            if known.batch in self._lines() and self._is_ours(known) and expired is None:
                return None
            raise RollupError(
                f"{self._folder} holds an export of {known.record.name} as another statement defines it, and what is "
                "in it may be nowhere else: give another folder, or delete this one"
            )
        if known.partition != str(self._partitioning.width):
            raise RollupError(
                f"{self._folder} is partitioned by {known.partition}: say partition={known.partition!r} "
                f"(--partition {known.partition!r}), or give another folder"
            )
        archived, here = known.record.expired_before, self._record.expired_before
        if archived is not None and (here is None or here < archived) and not self._is_ours(known):
            raise RollupError(
                f"{self._folder} holds an export of another database, from which buckets before {archived} have "
                "expired: they may be nowhere else. Give another folder, or import that export and go on with it"
            )
        return known

    def _read_sizes(self) -> dict[str, int]:
        """The size of each partition's file, by its folder."""
        sizes: dict[str, int] = {}
        for folder in _listed(self._folder):
            require_no_link(folder)
            if self._partitioning.start(folder.name) is None:
                raise _foreign(folder)
            for path in _listed(folder):
                if path.name != FILE:
                    raise _foreign(path)
                require_no_link(path)
                sizes[folder.name] = path.stat().st_size
        return sizes

    def _stale(self, known: ExportManifest, since: int) -> dict[str, datetime]:
        """The partitions to write, each with its start, in their order."""
        cut = self._partitioning
        if since:
            bucket = self._table.typed("bucket")
            found = fetch(
                self._connection,
                f"SELECT DISTINCT {cut.clock(bucket)} FROM rollup_manifest.changes "
                "WHERE rollup = ? AND batch > ? AND NOT (pane = 'on time' AND rows = 0)",
                [self._record.name, since],
            )
        else:
            found = fetch(self._connection, f"SELECT DISTINCT {cut.clock(self._table.bucket)} FROM {self._table.sql}")
        starts = {cut.folder(start): start for (start,) in found}
        # What the manifest does not vouch for was left by an export that was interrupted, or by somebody else.
        for folder in known.partitions.keys() | self._sizes.keys():
            if known.partitions.get(folder) != self._sizes.get(folder) and (start := cut.start(folder)):
                starts[folder] = start
        return {folder: start for folder, start in sorted(starts.items()) if not self._is_archived(start)}

    def _is_archived(self, start: datetime) -> bool:
        """Whether all of a partition has expired, so that its file is all that is left."""
        expired = self._record.expired_before
        if expired is None or start > expired + _DAY:
            return False
        (end,) = fetch_row(self._connection, f"SELECT {self._partitioning.end(start)}")
        return bool(end <= expired) and not fetch(
            self._connection, f"SELECT 1 FROM {self._table.sql} WHERE {self._partitioning.holds(start)} LIMIT 1"
        )

    def _replace(self, folder: str, start: datetime) -> tuple[int, str] | None:
        """Write a partition, in place of what it was. Returns its size and digest; None if there are no rows for it."""
        path = self._folder / folder / FILE
        temporary = path.with_name(_TEMPORARY)
        with _named(path):
            require_no_link(path.parent)
            if not path.parent.exists():
                path.parent.mkdir()
                sync_folder(self._folder)
            rows = self._copy(self._select(folder, start), temporary)
            self._require_manifest()
            if rows:
                written = temporary.stat().st_size, digest(temporary)
                put(temporary, path)
                return written
            temporary.unlink()
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
            with suppress(OSError):  # something hidden may be in it
                path.parent.rmdir()
        return None

    def _copy(self, query: str, path: Path) -> int:
        """Write the rows of a query to a new file. DuckDB opens it by its name, which must still be the file's then."""
        with create(path) as file:
            (rows,) = fetch_row(
                self._connection,
                f"COPY ({query}) TO {quote(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
            )
            require_same(path, file)
        return int(rows)

    def _select(self, folder: str, start: datetime) -> str:
        table = self._table
        rows = f"SELECT {table.columns} FROM {table.sql} WHERE {self._partitioning.holds(start)}"
        before = self._record.expired_before
        if before is not None and start <= before + _DAY and folder in self._sizes:
            # An export is an archive: what has expired from the table stays in it.
            self._require_undamaged(folder)
            expired = f"{table.bucket} < {table.typed(literal(before))}"
            rows += f" UNION ALL SELECT * FROM ({read(self._folder, [folder], table.types)}) WHERE {expired}"
        order = ", ".join(identifier(column) for column in (table.time, *table.dimensions))
        return f"SELECT {self._columns} FROM ({rows}) ORDER BY {order}"

    def _require_undamaged(self, folder: str) -> None:
        """See that a file of which a part is kept is the one that was written.

        Raises:
            RollupError: If it is not.
        """
        path = self._folder / folder / FILE
        known = self._digests.get(folder)
        if known is not None and digest(path) != known:
            raise RollupError(
                f"{path} is damaged, and what has expired from {self._record.name} may be nowhere else: put back a "
                "copy of it, or delete it, and export again"
            )


def read(folder: Path, partitions: Iterable[str], types: Mapping[str, str]) -> str:
    """SQL of the rows of an export's partitions, with columns of the types that the table has."""
    # DuckDB takes every path for a pattern.
    paths = ", ".join(quote(glob.escape(str(folder / partition / FILE))) for partition in partitions)
    return f"SELECT {PARQUET.restored(types)} FROM read_parquet([{paths}], hive_partitioning = false)"


def _read_batches(ledger: Ledger, record: RollupRecord | LevelRecord) -> list[Batch]:
    """The batches that were appended, and one with the sums of all others."""
    appended = fetch(
        ledger.connection,
        "SELECT batch, 'import', rows, late_rows, dropped_rows, rejected_rows, first_event, last_event "
        f"FROM rollup_manifest.batches WHERE rollup = ? AND {APPENDED} ORDER BY ALL",
        [record.name],
    )
    sums = fetch_row(
        ledger.connection,
        "SELECT coalesce(sum(late_rows), 0), coalesce(sum(dropped_rows), 0), coalesce(sum(rejected_rows), 0) "
        f"FROM rollup_manifest.batches WHERE rollup = ? AND NOT {APPENDED}",
        [record.name],
    )
    late, dropped, rejected = (int(rows) for rows in sums)
    rest = Batch(record.last_batch, "import", late_rows=late, dropped_rows=dropped, rejected_rows=rejected)
    return [*(Batch(*row) for row in appended), rest]


def _listed(folder: Path) -> list[Path]:
    """What readers of Parquet see in a folder: they pass over names that begin with a dot or `_`."""
    if not folder.exists():
        return []
    return [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]


def _foreign(path: Path) -> RollupError:
    return RollupError(f"{path} is not of this export, and readers would take it for a part: give a folder of its own")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other exports out of a folder, which is made if it is not there; those of other databases as well.

    Raises:
        LockedError: If one is at work.
    """
    with ExitStack() as stack:
        with _named(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(lock_or_fail(folder / _LOCK))
            except BlockingIOError as error:
                raise LockedError(f"another export to {folder} is at work") from error
        yield


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file or folder it was.

    Raises:
        RollupError: If it cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        raise RollupError(f"{path} cannot be exported to: {error}") from error
    except duckdb.Error as error:
        if isinstance(error, (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.TransactionException)):
            raise
        raise RollupError(f"{path} cannot be written: {error}") from error
