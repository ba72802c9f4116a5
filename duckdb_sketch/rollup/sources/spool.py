"""Spools: folders in which batches that are appended are kept as Parquet, so that they can be read again.

A batch is written under a hidden name, counted from there, and gets its name once it is committed. Where a process is
killed in between, the ledger has the file, and `publish_left` gives it its name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote as percent
from uuid import uuid4

import duckdb

from duckdb_sketch._glob import literal
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch_row
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.kinds import same_kind
from duckdb_sketch.rollup.sources.slice import Comparison

_ABANDONED = 86_400  # seconds after which nobody is writing a file any more


@dataclass(frozen=True)
class SpooledFile:
    """A batch in a file, as a slice.

    Attributes:
        path: What it is called once it is committed.
        file: The file as it is called until then.
        kind: See `Slice`.
    """

    path: str
    file: File
    kind: str = "file"

    @property
    def id(self) -> str:
        """The path."""
        return self.path

    @property
    def size(self) -> int:
        """In bytes."""
        return self.file.size

    @property
    def scan(self) -> str:
        """SQL of its rows, to follow FROM."""
        return _scan(self.file.path)

    def recorded(self) -> str:
        """See `Slice`."""
        return self.file.recorded()

    def compare(self, fingerprint: str) -> Comparison:
        """See `Slice`."""
        return self.file.compare(fingerprint)

    def check_unchanged(self) -> None:
        """See `Slice`."""
        self.file.check_unchanged()

    def publish(self) -> None:
        """Give it its name. Where that fails, `publish_left` does so later."""
        if self.file.path != self.path:
            with suppress(OSError):
                os.rename(self.file.path, self.path)

    def discard(self) -> None:
        """Remove what was not committed."""
        if self.file.path != self.path:
            with suppress(OSError):
                os.unlink(self.file.path)


def spool_path(folder: str | Path, source: str, batch_id: str) -> Path:
    """What the file of a batch is called: rollups of one source that get the same batches share their files."""
    return Path(folder).absolute() / percent(source, safe="") / f"{percent(batch_id, safe='')}.parquet"


def spool(connection: duckdb.DuckDBPyConnection, data: str, path: Path) -> SpooledFile:
    """Write data, or find that it has been written for another rollup.

    Args:
        connection: The connection that the data is registered in.
        data: Its name there.
        path: See `spool_path`.

    Raises:
        SourceError: If the data cannot be read, Parquet cannot hold it, the folder cannot be written to, or the file
            is there with other rows.
    """
    hidden = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        types = describe(connection, f"SELECT * FROM {data}")
        with reading():
            connection.execute(f"COPY (SELECT * FROM {data}) TO {quote(hidden)} (FORMAT parquet, COMPRESSION zstd)")
        _flush(hidden)
    except (OSError, duckdb.IOException) as error:
        with suppress(OSError):
            hidden.unlink()
        raise SourceError(f"the batch cannot be kept in {path.parent}: {error}") from error
    written = SpooledFile(str(path), File.at(str(hidden)))
    try:
        _check_types(types, describe(connection, f"SELECT * FROM {written.scan}"))
        if not path.exists():
            return written
        if _content(connection, str(path)) != _content(connection, str(hidden)):
            raise SourceError(f"{path} holds another batch of this id: give another id, or another spool")
    except BaseException:
        written.discard()
        raise
    written.discard()
    return SpooledFile(str(path), File.at(str(path)))


@contextmanager
def discarded_on_error(file: SpooledFile) -> Iterator[None]:
    """Remove the file of a batch that could not be counted. What a kill leaves is removed a day later."""
    try:
        yield
    except Exception:
        file.discard()
        raise


def publish_left(fingerprints: Mapping[str, str]) -> None:
    """Give files their names that were committed by processes that were killed before they could.

    Args:
        fingerprints: Those of the batches that were committed, by path.
    """
    for path, fingerprint in fingerprints.items():
        if os.path.exists(path):
            continue
        for hidden in _hidden(Path(path)):
            with suppress(OSError):
                if File.at(str(hidden)).compare(fingerprint) != "changed":
                    os.rename(hidden, path)
                    break


def _hidden(path: Path) -> list[Path]:
    """The files in the making of a name."""
    with suppress(OSError):
        return [each for each in path.parent.iterdir() if each.name.startswith(f".{path.name}.")]
    return []


def _remove_abandoned(path: Path) -> None:
    for hidden in _hidden(path):
        with suppress(OSError):
            if time.time() - hidden.stat().st_mtime > _ABANDONED:
                hidden.unlink()


def _scan(path: str) -> str:
    return f"read_parquet({quote(literal(path))}, hive_partitioning = false)"


def _flush(path: Path) -> None:
    """See that a file is on the disk before the ledger says so."""
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())


def _content(connection: duckdb.DuckDBPyConnection, path: str) -> object:
    """What tells two batches apart, whatever the order of their rows."""
    types = describe(connection, f"SELECT * FROM {_scan(path)}")
    columns = ", ".join(map(identifier, types))
    return types, fetch_row(connection, f"SELECT count(*), sum(hash({columns})) FROM {_scan(path)}")


def _check_types(given: Mapping[str, str], kept: Mapping[str, str]) -> None:
    """See that Parquet keeps the values of all columns.

    Raises:
        SourceError: If it does not.
    """
    for name, kind in given.items():
        if kind != kept[name] and not kind.startswith("ENUM(") and not same_kind(kind, kept[name]):
            raise SourceError(
                f"column {name} is {kind}, which Parquet would keep as {kept[name]}: cast it, such as to "
                "DECIMAL(38, 0) or VARCHAR, to append it with a spool"
            )
