"""Import: a rollup's table and its ledger, from an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from duckdb_sketch._scratch import scratch_folder
from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.archive.export import read
from duckdb_sketch.rollup.archive.manifest import NAME, ExportManifest, digest
from duckdb_sketch.rollup.archive.partitioning import Partitioning
from duckdb_sketch.rollup.archive.place import Place
from duckdb_sketch.rollup.archive.places import place_to_read
from duckdb_sketch.rollup.errors import ManifestError, RollupError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.positions import add_positions
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.secrets import use_secrets
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table, literal

_AT_ONCE = 8


@dataclass(frozen=True)
class Export:
    """An export that is whole.

    Attributes:
        place: Where it lies.
        manifest: Its manifest.
        files: The files of its partitions, on this machine.
    """

    place: Place
    manifest: ExportManifest
    files: Sequence[Path]

    def require_same(self) -> None:
        """See that no export has come in between.

        Raises:
            ManifestError: If one has.
        """
        _require_same(self.place, self.manifest)


@contextmanager
def opened_export(folder: str | Path, database: object = None) -> Iterator[Export]:
    """An export that is whole; what is not on this machine is copied, for as long as this lasts.

    Args:
        folder: A local folder, or the URL of one in an object store or on a web server.
        database: A connection whose secrets are used, if it is one.

    Raises:
        ManifestError: If there is none, or its files are not those that its manifest tells of.
        RollupError: If it cannot be read.
    """
    if is_url(folder) and isinstance(database, duckdb.DuckDBPyConnection):
        use_secrets(database)
    place = place_to_read(folder)
    manifest = place.read_manifest()
    if manifest is None:
        raise ManifestError(f"{place.name} holds no export: there is no {NAME} in it")
    if not manifest.complete:
        raise ManifestError(
            f"the export in {place.name} was interrupted, or is running: its partitions are of different batches. "
            "Export again, and import then"
        )
    with scratch_folder() as scratch:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda partition: _fetched(place, manifest, partition, scratch), manifest.partitions)
            files = list(found)
        yield Export(place, manifest, files)


def _fetched(place: Place, manifest: ExportManifest, partition: str, scratch: Path) -> Path:
    """The file of a partition, which is the one that was written.

    Raises:
        ManifestError: If it is not.
    """
    path, size = place.fetch(partition, scratch), manifest.partitions[partition]
    found = path.stat().st_size if path is not None else None
    if path is not None and found == size and manifest.digests.get(partition) in (None, digest(path)):
        return path
    _require_same(place, manifest)
    where = place.path(partition)
    if found == size:
        raise ManifestError(
            f"{where} is damaged: it is as long as {NAME} says, and not what was written. Delete it and export "
            "again, or copy it again"
        )
    state = "is missing" if found is None else f"has {found:,} bytes"
    raise ManifestError(
        f"{where} {state}, and {NAME} says {size:,}: the export is incomplete. Export again, or copy it again"
    )


def _require_same(place: Place, manifest: ExportManifest) -> None:
    """See that no export has come in between.

    Raises:
        ManifestError: If one has.
    """
    if place.read_manifest() != manifest:
        raise ManifestError(f"the export in {place.name} changed while it was read: import again")


def restore(ledger: Ledger, export: Export, name: str) -> None:
    """Make a rollup as it was when it was exported, inside the caller's transaction, under a name that is free.

    What had expired from the table stays in the export alone: the rollup goes on exactly as the exported one would.

    Raises:
        ManifestError: If the export changes meanwhile, or a coarser level's rollup is not there as it was then.
        RollupError: If a file cannot be read.
    """
    manifest, place = export.manifest, export.place.name
    # The number of the batch is one that no consumer of the exported rollup has seen.
    record = replace(manifest.record, name=name, last_batch=manifest.batch + 1)
    table = _table(ledger, record, manifest.types)
    _require_partitions(place, table, manifest)
    if isinstance(record, LevelRecord):
        record.consumed = _require_parent(ledger, record).last_batch
    connection = ledger.connection
    try:
        connection.execute(table.create())
    except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
        raise ManifestError(f"{place}/{NAME} has columns that no table can have: {error}") from error
    if manifest.partitions:
        kept = f"WHERE {table.bucket} >= {table.typed(literal(record.expired_before))}" if record.expired_before else ""
        try:
            connection.execute(f"INSERT INTO {table.sql} SELECT * FROM ({read(export.files, manifest.types)}) {kept}")
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.BinderException, duckdb.DataError) as error:
            export.require_same()
            raise RollupError(f"the export in {place} cannot be read: {error}") from error
    export.require_same()
    ledger.add(record)
    *appended, rest = manifest.batches
    for batch in appended:
        ledger.add_batch(name, batch)
    ledger.add_batch(name, replace(rest, batch=record.last_batch))
    ledger.add_slices(name, record.last_batch, [*manifest.slices, _import(place, manifest, appended)])
    add_positions(ledger, name, manifest.positions)
    _announce(ledger, record, table)


def _import(place: str, manifest: ExportManifest, appended: Sequence[Batch]) -> CountedSlice:
    """The export as a slice: it has the rows that were appended without an id, which no other slice has."""
    firsts = [batch.first_event for batch in appended if batch.first_event is not None]
    lasts = [batch.last_event for batch in appended if batch.last_event is not None]
    named = sum(each.rows for each in manifest.slices if each.kind == CountedSlice.BATCH and not each.fingerprint)
    return CountedSlice(
        CountedSlice.IMPORT,
        place,
        f"{manifest.batch}:{manifest.finished}",
        sum(manifest.partitions.values()),
        sum(batch.rows for batch in appended) - named,
        min(firsts, default=None),
        max(lasts, default=None),
    )


def _table(ledger: Ledger, record: RollupRecord | LevelRecord, types: Mapping[str, str]) -> Table:
    if isinstance(record, RollupRecord):
        specification = Specification.parse(record.statement)
        if list(specification.columns) != list(types):
            raise ManifestError(
                f"the export's columns are {', '.join(types)}, and its statement has {', '.join(specification.columns)}"
            )
        return Table.of(specification, record.name, types)
    finer = table_of(ledger, _require_parent(ledger, record))
    table = finer.coarser(record.name, Granularity.parse(record.every), record.dimensions)
    if list(table.types.items()) != list(types.items()):
        raise ManifestError(f"{record.name} was made from a {record.parent} with other columns: import that one first")
    return table


def _require_partitions(place: str, table: Table, manifest: ExportManifest) -> None:
    """See that each folder's name is that of a partition of the table.

    Raises:
        ManifestError: If one is not.
    """
    partitioning = Partitioning.of(table, manifest.partition, manifest.record.time_zone)
    for name in manifest.partitions:
        if partitioning.start(name) is None:
            raise ManifestError(f"{place}/{NAME} has a partition {name}, which no {manifest.partition} is called")


def _require_parent(ledger: Ledger, record: LevelRecord) -> RollupRecord | LevelRecord:
    """The rollup that a level is made from, as it was when the level was exported.

    Raises:
        ManifestError: If it is not there, or is not the same: what it had expired could not be made good.
    """
    parent = ledger.find(record.parent)
    if parent is None:
        raise ManifestError(
            f"{record.name} is a coarser level of {record.parent}: import {record.parent} into this database first"
        )
    untouched = fetch(
        ledger.connection,
        "SELECT 1 FROM rollup_manifest.batches WHERE rollup = ? AND batch = ? AND kind = 'import'",
        [parent.name, parent.last_batch],
    )
    if not untouched or record.consumed != parent.last_batch - 1:
        raise ManifestError(
            f"{record.name} was exported with batch {record.consumed} of {parent.name}, which is not the one that "
            f"is here: export both with no refresh between, import {parent.name}, and then this"
        )
    return parent


def _announce(ledger: Ledger, record: RollupRecord | LevelRecord, table: Table) -> None:
    """Tell of all buckets as changed, to the levels that are made from it and to other consumers.

    How many events went into a bucket is not known any more: the number told is that of its rows in the table.
    """
    final = f"{table.end(table.bucket)} <= {literal(record.watermark)}" if record.watermark else "false"
    ledger.connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {quote(table.name)}, {record.last_batch}, "
        f"{table.naive(table.bucket)}, CASE WHEN {final} THEN 'on time' ELSE 'early' END, count(*) "
        f"FROM {table.sql} GROUP BY {table.bucket}"
    )
