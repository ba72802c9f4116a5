"""Export: a rollup as partitioned Parquet, of which each export replaces the partitions that changed, one by one.

At any moment each partition is whole, of one batch or of another. The manifest says whether all are of the same.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from duckdb_sketch._scratch import scratch_folder
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch._text import counted
from duckdb_sketch.rollup.archive.folder import create, require_same
from duckdb_sketch.rollup.archive.manifest import ExportManifest, digest
from duckdb_sketch.rollup.archive.partitioning import Partitioning
from duckdb_sketch.rollup.archive.place import WritablePlace, disturbed, naming
from duckdb_sketch.rollup.archive.places import place_to_write
from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.ledger.ledger import APPENDED, Ledger
from duckdb_sketch.rollup.ledger.positions import read_positions
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.reading.status import pruned_until
from duckdb_sketch.rollup.sources.secrets import use_secrets
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.codec import PARQUET
from duckdb_sketch.rollup.specification.table import literal

_DAY = timedelta(days=1)  # by which the clocks of a zone differ from UTC at most


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes:
        rollup: The exported rollup or level.
        folder: Where to: a path, or the URL of a folder of an object store.
        batch: The last batch that is in it.
        written: The folders of the partitions that were written.
        removed: The folders of those that were removed, as nothing is left in them.
        kept: How many were left as they were.
    """

    rollup: str
    folder: Path | str
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
        folder: A folder of its own, on this machine or in an object store. It is made if it is not there.
        width: The width of a partition.

    Raises:
        SpecificationError: If buckets do not nest in partitions, or a column's type has no place in Parquet.
        RollupError: If the folder holds anything else, or cannot be written.
        LockedError: If another export to the same folder is at work.
    """
    if is_url(folder):
        use_secrets(ledger.connection)
    place = place_to_write(folder)
    with ledger.transaction():
        _Export(ledger, rollup, place, width).announce()
    with ledger.transaction(), place.alone():
        return _Export(ledger, rollup, place, width).run()


class _Export:
    """One export, inside a transaction: what there is, and what there is to do."""

    def __init__(self, ledger: Ledger, rollup: str, place: WritablePlace, width: str) -> None:
        record = ledger.get(rollup)
        self._ledger = ledger
        self._connection = ledger.connection
        self._record = record
        self._table = table_of(ledger, record)
        self._partitioning = Partitioning.of(self._table, width, record.time_zone)
        self._columns = PARQUET.stored(self._table.types)
        self._place = place
        self._line = [rollup, place.name]
        self._writer = uuid4().hex
        self._pruned = pruned_until(ledger, rollup)
        self._positions = read_positions(ledger, rollup)
        self._manifest = self._read_manifest()
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
            if todo:
                self._require_manifest()
            if self._read_sizes() != manifest.partitions:
                raise disturbed(self._place)
            self._place.write_manifest(manifest)
        self._connection.execute(
            "INSERT INTO rollup_manifest.exports VALUES (?, ?, ?)", [*self._line, self._record.last_batch]
        )
        removed = sorted(folder for folder in todo if folder in self._sizes and folder not in written)
        return Exported(
            self._record.name,
            self._place.folder,
            self._record.last_batch,
            tuple(sorted(written)),
            tuple(removed),
            len(kept),
        )

    def _begin(self, manifest: ExportManifest) -> None:
        """Write a manifest that says what is about to be replaced."""
        self._place.write_manifest(replace(manifest, complete=False, writer=self._writer))

    def _require_manifest(self) -> None:
        """See that the manifest is the one of this export, where there are no locks, or they are not shared.

        Raises:
            RollupError: If another export has come in between.
        """
        found = self._place.read_manifest()
        if found is None or found.writer != self._writer:
            raise disturbed(self._place)

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
            positions=[replace(each, waiting=0, error=None, failed=None) for each in self._positions],
        )

    def _read_manifest(self) -> ExportManifest | None:
        known, name = self._place.read_manifest(), self._place.name
        if known is None:
            return None
        if known.record.name != self._record.name:
            raise RollupError(
                f"{name} holds an export of {known.record.name}: give {self._record.name} a folder of its own"
            )
        if not known.same_rollup(self._new_manifest(0)):
            # After a replay with another statement all of it is written again, which is impossible for expired buckets.
            expired = known.record.expired_before or self._record.expired_before
            if known.batch in self._lines() and self._is_ours(known) and expired is None:
                return None
            raise RollupError(
                f"{name} holds an export of {known.record.name} as another statement defines it, and what is "
                "in it may be nowhere else: give another folder, or delete this one"
            )
        if known.partition != str(self._partitioning.width):
            raise RollupError(
                f"{name} is partitioned by {known.partition}: say partition={known.partition!r} "
                f"(--partition {known.partition!r}), or give another folder"
            )
        archived, here = known.record.expired_before, self._record.expired_before
        if archived is not None and (here is None or here < archived) and not self._is_ours(known):
            raise RollupError(
                f"{name} holds an export of another database, from which buckets before {archived} have "
                "expired: they may be nowhere else. Give another folder, or import that export and go on with it"
            )
        return known

    def _read_sizes(self) -> dict[str, int]:
        """The size of each partition's file, by its folder."""
        return self._place.sizes(lambda folder: self._partitioning.start(folder) is not None)

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
        with scratch_folder() as scratch:
            with naming(self._place.path(folder)):
                query = self._select(folder, start, scratch)
            return self._place.replace(folder, lambda path: self._copy(query, path), self._require_manifest)

    def _copy(self, query: str, path: Path) -> int:
        """Write the rows of a query to a new file. DuckDB opens it by its name, which must still be the file's then."""
        with create(path) as file:
            (rows,) = fetch_row(
                self._connection,
                f"COPY ({query}) TO {quote(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
            )
            require_same(path, file)
        return int(rows)

    def _select(self, folder: str, start: datetime, scratch: Path) -> str:
        table = self._table
        rows = f"SELECT {table.columns} FROM {table.sql} WHERE {self._partitioning.holds(start)}"
        before = self._record.expired_before
        if before is not None and start <= before + _DAY and folder in self._sizes:
            # An export is an archive: what has expired from the table stays in it.
            expired = f"{table.bucket} < {table.typed(literal(before))}"
            archived = self._undamaged(folder, scratch)
            rows += f" UNION ALL SELECT * FROM ({read([archived], table.types)}) WHERE {expired}"
        order = ", ".join(identifier(column) for column in (table.time, *table.dimensions))
        return f"SELECT {self._columns} FROM ({rows}) ORDER BY {order}"

    def _undamaged(self, folder: str, scratch: Path) -> Path:
        """The file of which a part is kept, if it is the one that was written.

        Raises:
            RollupError: If it is not.
        """
        path = self._place.fetch(folder, scratch)
        known = self._digests.get(folder)
        if path is None or (known is not None and digest(path) != known):
            raise RollupError(
                f"{self._place.path(folder)} is damaged, and what has expired from {self._record.name} may be nowhere "
                "else: restore a copy of it, or delete it, and export again"
            )
        return path


def read(files: Iterable[Path], types: Mapping[str, str]) -> str:
    """SQL of the rows of the files of an export's partitions, with columns of the types that the table has."""
    paths = ", ".join(quote(glob.escape(str(path))) for path in files)  # DuckDB takes every path for a pattern
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
