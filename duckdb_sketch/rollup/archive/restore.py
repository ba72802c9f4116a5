"""Import: a rollup's table and its manifest, from an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.archive.export import FILE, read
from duckdb_sketch.rollup.archive.manifest import NAME, Label, digest, read_label
from duckdb_sketch.rollup.errors import ManifestError, RollupError
from duckdb_sketch.rollup.ledger.ledger import Entry, Manifest
from duckdb_sketch.rollup.pipeline.batch import table_of
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table, literal


def check_export(folder: Path) -> Label:
    """The label of an export that is whole.

    Raises:
        ManifestError: If there is none, or its files are not those that its label tells of.
    """
    label = read_label(folder)
    if label is None:
        raise ManifestError(f"{folder} holds no export: there is no {NAME} in it")
    if not label.complete:
        raise ManifestError(
            f"the export in {folder} was interrupted, or is at work: its partitions are of different batches. "
            "Export again, and import then"
        )
    for partition, size in label.partitions.items():
        path = folder / partition / FILE
        found = path.stat().st_size if path.exists() else None
        if found == size and label.digests.get(partition) in (None, digest(path)):
            continue
        _require_same(folder, label)
        if found == size:
            raise ManifestError(
                f"{path} is damaged: it is as long as {NAME} says, and not what was written. Delete it and export "
                "again, or copy it again"
            )
        state = "is missing" if found is None else f"has {found:,} bytes"
        raise ManifestError(
            f"{path} {state}, and {NAME} says {size:,}: the export is not whole. Export again, or copy it again"
        )
    return label


def restore(manifest: Manifest, folder: Path, label: Label, name: str) -> None:
    """Make a rollup as it was when it was exported, inside the caller's transaction, under a name that is free.

    What had expired from the table stays in the export alone: the rollup goes on exactly as the exported one would.

    Raises:
        ManifestError: If the export changes meanwhile, or a coarser level's rollup is not there as it was then.
        RollupError: If a file cannot be read.
    """
    # The number of the batch is one that no consumer of the exported rollup has seen.
    entry = replace(label.entry, rollup=name, last_batch=label.batch + 1)
    table = _table(manifest, entry, label.types)
    if entry.parent is not None:
        entry.consumed = _require_parent(manifest, entry).last_batch
    connection = manifest.connection
    connection.execute(table.create())
    if label.partitions:
        kept = f"WHERE {table.bucket} >= {table.typed(literal(entry.expired_before))}" if entry.expired_before else ""
        try:
            connection.execute(
                f"INSERT INTO {table.sql} SELECT * FROM ({read(folder, label.partitions, label.types)}) {kept}"
            )
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.BinderException, duckdb.DataError) as error:
            _require_same(folder, label)
            raise RollupError(f"the export in {folder} cannot be read: {error}") from error
    _require_same(folder, label)
    manifest.add(entry)
    *appended, rest = label.batches
    for batch in appended:
        manifest.add_batch(name, batch)
    manifest.add_batch(name, replace(rest, batch=entry.last_batch))
    manifest.add_files(name, entry.last_batch, label.files)
    _announce(manifest, entry, table)


def _require_same(folder: Path, label: Label) -> None:
    """See that no export has come in between.

    Raises:
        ManifestError: If one has.
    """
    if read_label(folder) != label:
        raise ManifestError(f"the export in {folder} changed while it was read: import again")


def _table(manifest: Manifest, entry: Entry, types: Mapping[str, str]) -> Table:
    if entry.statement is not None:
        return Table.of(Specification.parse(entry.statement), entry.rollup, types)
    assert entry.every is not None
    finer = table_of(manifest, _require_parent(manifest, entry))
    table = finer.coarser(entry.rollup, Granularity.parse(entry.every), entry.dimensions)
    if list(table.types.items()) != list(types.items()):
        raise ManifestError(f"{entry.rollup} was made from a {entry.parent} with other columns: import that one first")
    return table


def _require_parent(manifest: Manifest, entry: Entry) -> Entry:
    """The rollup that a level is made from, as it was when the level was exported.

    Raises:
        ManifestError: If it is not there, or is not the same: what it had expired could not be made good.
    """
    assert entry.parent is not None
    parent = manifest.entry(entry.parent)
    if parent is None:
        raise ManifestError(
            f"{entry.rollup} is a coarser level of {entry.parent}: import {entry.parent} into this database first"
        )
    untouched = fetch(
        manifest.connection,
        "SELECT 1 FROM rollup_manifest.batches WHERE rollup = ? AND batch = ? AND kind = 'import'",
        [parent.rollup, parent.last_batch],
    )
    if not untouched or entry.consumed != parent.last_batch - 1:
        raise ManifestError(
            f"{entry.rollup} was exported with batch {entry.consumed} of {parent.rollup}, which is not the one that "
            f"is here: export both with no refresh between, import {parent.rollup}, and then this"
        )
    return parent


def _announce(manifest: Manifest, entry: Entry, table: Table) -> None:
    """Tell of all buckets as changed, to the levels that are made from it and to other consumers.

    How many events went into a bucket is not known any more: the number told is that of its rows in the table.
    """
    final = f"{table.end(table.bucket)} <= {literal(entry.watermark)}" if entry.watermark else "false"
    manifest.connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {quote(table.name)}, {entry.last_batch}, "
        f"{table.naive(table.bucket)}, CASE WHEN {final} THEN 'on time' ELSE 'early' END, count(*) "
        f"FROM {table.sql} GROUP BY {table.bucket}"
    )
