"""The manifest of an export, `_rollup.json`: what the Parquet files beside it are, and what has been counted in them.

Readers of Parquet pass over names that begin with `_`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from duckdb_sketch.rollup.archive import fields
from duckdb_sketch.rollup.archive.folder import open_file
from duckdb_sketch.rollup.archive.version_1 import upgraded
from duckdb_sketch.rollup.errors import ManifestError
from duckdb_sketch.rollup.ledger.positions import Position
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, LevelRecord, RollupRecord

NAME = "_rollup.json"
_FORMAT = 2
_DIGEST = "digest"
_MICROSECOND = timedelta(microseconds=1)
_TIMES = ("earliest", "latest", "highest_event", "watermark", "expired_before")


@dataclass(frozen=True)
class ExportManifest:
    """What is known of an export.

    Attributes:
        record: The rollup's or level's record in the ledger.
        types: The SQL type of each column, in the table's order.
        partition: The width of a partition.
        complete: False from when an export begins to replace files until all of them are of one batch.
        partitions: The size of each partition's file, by the name of its folder. While an export is at work, and
            after one that was interrupted, 0 for those that it replaces.
        digests: The SHA-256 of each of these files, but for those that are being replaced.
        finished: When the last batch was finished, in microseconds since 1970: what tells the batches of a database
            from those of another that have the same numbers. None if that is not known.
        writer: While an export is at work, and after one that was interrupted: a name of that one alone.
        slices: Of a rollup of events: the files that it has counted, and the batches that were appended under an id.
        batches: The batches that were appended, and one with the sums of the others.
        positions: Of a rollup of events: where its sources stand, but for what went wrong with them.
        format: The version of the manifest, as it was read; it is written in the newest one.
    """

    record: RollupRecord | LevelRecord
    types: dict[str, str]
    partition: str
    complete: bool = False
    partitions: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    finished: int | None = None
    writer: str | None = None
    slices: Sequence[CountedSlice] = ()
    batches: Sequence[Batch] = ()
    positions: Sequence[Position] = ()
    format: int = _FORMAT

    @property
    def batch(self) -> int:
        """The last batch that is in the export, or that was when it was last complete."""
        return self.record.last_batch

    def same_rollup(self, other: ExportManifest) -> bool:
        """Whether rows of the one export may stand beside rows of the other."""
        return self._identity() == other._identity()

    def _identity(self) -> tuple[object, ...]:
        record = self.record
        columns = list(self.types.items())
        if isinstance(record, RollupRecord):
            return record.name, record.statement, record.time_zone, columns
        return record.name, record.parent, record.every, record.time_zone, columns


def encode_manifest(manifest: ExportManifest) -> bytes:
    """A manifest as JSON."""
    lines = {
        "format": _FORMAT,
        "rollup" if isinstance(manifest.record, RollupRecord) else "level": _packed(asdict(manifest.record)),
        "columns": manifest.types,
        "partition": manifest.partition,
        "batch": manifest.batch,
        "complete": manifest.complete,
        "partitions": dict(sorted(manifest.partitions.items())),
        "digests": dict(sorted(manifest.digests.items())),
        "finished": manifest.finished,
        "writer": manifest.writer,
        "slices": [_packed(asdict(counted)) for counted in manifest.slices],
        "batches": [_packed(asdict(batch)) for batch in manifest.batches],
        "sources": [_packed({name: getattr(each, name) for name in fields.POSITION}) for each in manifest.positions],
    }
    return json.dumps({**lines, _DIGEST: _digest(lines)}, indent=1).encode()


def decode_manifest(text: bytes, path: str) -> ExportManifest:
    """The manifest of a JSON text.

    Args:
        text: The text.
        path: Where it is from.

    Raises:
        ManifestError: If it is none, or is of a version that this package does not know.
    """
    try:
        found = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): delete it, and export again") from error
    version = found.get("format") if isinstance(found, dict) else None
    if version not in (1, _FORMAT):
        raise ManifestError(
            f"{path} is of version {version}, and this duckdb_sketch knows versions up to {_FORMAT}: use the version "
            "that wrote it, or a later one"
        )
    if found.pop(_DIGEST, None) not in (None, _digest(found)):
        raise ManifestError(f"{path} is damaged, or was changed by hand: delete it, and export again")
    try:
        if version == 1:
            found = upgraded(found)
        _require_valid(found)
        return ExportManifest(
            record=_record(found),
            types=found["columns"],
            partition=found["partition"],
            complete=found["complete"],
            partitions=found["partitions"],
            digests=found.get("digests", {}),  # the first manifests had none of these three
            finished=found.get("finished"),
            writer=found.get("writer"),
            slices=[CountedSlice(**_unpacked(line)) for line in found["slices"]],
            batches=[Batch(**_unpacked(line)) for line in found["batches"]],
            positions=[Position(**_unpacked(line)) for line in found.get("sources", ())],
            format=version,
        )
    except KeyError as error:
        raise ManifestError(f"{path} was changed after it was written: there is no {error}. Export again") from error
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{path} was changed after it was written: {error}. Export again") from error


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    found = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _digest(lines: dict[str, Any]) -> str:
    """What tells a manifest of which a part is not as it was written."""
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _require_valid(lines: dict[str, Any]) -> None:
    """See that each field holds what it may, before anything of it becomes SQL or a path.

    Raises:
        ValueError: If one does not.
        KeyError: If one is missing.
    """
    kind, checks = ("level", fields.LEVEL) if "level" in lines else ("rollup", fields.ROLLUP)
    fields.require(lines[kind], checks, kind)
    known = {name: value for name, value in lines.items() if name in fields.MANIFEST}
    fields.require(known, fields.MANIFEST, "the manifest")
    for counted in lines["slices"]:
        fields.require(counted, fields.SLICE, "a slice")
    for batch in lines["batches"]:
        fields.require(batch, fields.BATCH, "a batch")
    for position in lines.get("sources", ()):
        fields.require(position, fields.POSITION, "a source")


def _record(lines: dict[str, Any]) -> RollupRecord | LevelRecord:
    if "level" in lines:
        return LevelRecord(**_unpacked(lines["level"]))
    return RollupRecord(**_unpacked(lines["rollup"]))


def _packed(line: dict[str, Any]) -> dict[str, Any]:
    """A line with times as text, and spans in microseconds."""
    packed = {}
    for name, value in line.items():
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, timedelta):
            value = value // _MICROSECOND
        packed[name] = value
    return packed


def _unpacked(line: dict[str, Any]) -> dict[str, Any]:
    unpacked = dict(line)
    for name in (*_TIMES, "first_event", "last_event", "moved"):
        if unpacked.get(name) is not None:
            unpacked[name] = datetime.fromisoformat(unpacked[name])
    if "allowed_lateness" in unpacked:
        unpacked["allowed_lateness"] = unpacked["allowed_lateness"] * _MICROSECOND
    return unpacked
