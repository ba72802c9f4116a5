"""A folder of an object store as the place of an export.

A store has neither locks nor renames. What it has are writes on a condition: an object is written if it is the version
that is to be replaced, and else it is not. Each object is written so, and a lock is an object that only one can make.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from duckdb_sketch._scratch import scratch_folder
from duckdb_sketch.rollup.archive.manifest import NAME, ExportManifest, decode_manifest, digest, encode_manifest
from duckdb_sketch.rollup.archive.place import FILE, disturbed, foreign, naming
from duckdb_sketch.rollup.errors import LockedError, RollupError
from duckdb_sketch.rollup.sources.objects import download, find_object
from duckdb_sketch.rollup.sources.stores import (
    ReplacedError,
    Version,
    list_store,
    read_stored,
    remove_stored,
    version_of,
    write_stored,
)

_LOCK = ".rollup.lock"
_LEASE = 15 * 60  # seconds after which nobody holds a lock any more that was not renewed; requests are over by then
_RENEWED = 60  # seconds after which a lock is renewed, with the next partition
_MOST_BYTES = 5 << 30  # that one request may write to S3


class StoredPlace:
    """A folder of a bucket.

    Attributes:
        name: Its URL; see `Place`.
        folder: The same.
    """

    def __init__(self, url: str) -> None:
        self.name = self.folder = url.rstrip("/")
        self._manifest: Version | None = None
        self._tags: dict[str, str] = {}
        self._lock: _Lock | None = None

    def path(self, partition: str) -> str:
        """See `Place`."""
        return f"{self.name}/{partition}/{FILE}"

    def read_manifest(self) -> ExportManifest | None:
        """See `Place`."""
        url = f"{self.name}/{NAME}"
        found = read_stored(url)
        self._manifest = None if found is None else found[1]
        return None if found is None else decode_manifest(found[0], url)

    def fetch(self, partition: str, scratch: Path) -> Path | None:
        """See `Place`."""
        url = self.path(partition)
        found = find_object(url)
        if found is None:
            return None
        path = scratch / f"{partition}.parquet"
        download(url, found.tag, str(path), found.size)
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `WritablePlace`."""
        self._lock = _Lock(f"{self.name}/{_LOCK}", self.name)
        self._lock.take()
        try:
            yield
        finally:
            self._lock.release()
            self._lock = None

    def write_manifest(self, manifest: ExportManifest) -> None:
        """See `WritablePlace`."""
        try:
            self._manifest = write_stored(f"{self.name}/{NAME}", encode_manifest(manifest), self._manifest)
        except ReplacedError as error:
            raise disturbed(self) from error

    def sizes(self, is_partition: Callable[[str], bool]) -> dict[str, int]:
        """See `WritablePlace`."""
        sizes: dict[str, int] = {}
        for each in list_store(f"{self.name}/"):
            folder, _, name = each.url[len(self.name) + 1 :].partition("/")
            if folder.startswith((".", "_")) or name.startswith((".", "_")):
                continue  # readers of Parquet pass over these
            if not is_partition(folder) or name != FILE:
                raise foreign(each.url)
            sizes[folder] = each.size
            self._tags[folder] = each.tag
        self._tags = {folder: tag for folder, tag in self._tags.items() if folder in sizes}
        return sizes

    def replace(
        self, partition: str, write: Callable[[Path], int], check: Callable[[], None]
    ) -> tuple[int, str] | None:
        """See `WritablePlace`."""
        url = self.path(partition)
        with scratch_folder() as scratch:
            path = scratch / FILE
            with naming(url):
                rows = write(path)
                size = path.stat().st_size
                written = size, digest(path)
            if size > _MOST_BYTES:
                raise RollupError(
                    f"{url} would have {size:,} bytes, and one request writes {_MOST_BYTES:,} at most: partition by a "
                    "shorter time, such as day"
                )
            check()
            if self._lock is not None:
                self._lock.renew()
            known = self._known(partition)
            if not rows:
                if known is not None:
                    remove_stored(url)
                return None
            try:
                self._tags[partition] = write_stored(url, path, known).plain
            except ReplacedError as error:
                raise disturbed(self) from error
        return written

    def _known(self, partition: str) -> Version | None:
        """The version of a partition's file that was listed; None if there was none.

        Raises:
            RollupError: If it is another one by now.
        """
        found = version_of(self.path(partition))
        if (found[0].tag if found else None) != self._tags.get(partition):
            raise disturbed(self)
        return found[1] if found else None


class _Lock:
    """An object that keeps other exports out, as long as its holder renews it."""

    def __init__(self, url: str, place: str) -> None:
        self._url = url
        self._place = place
        self._writer = uuid4().hex
        self._version: Version | None = None
        self._renewed = 0.0

    def take(self) -> None:
        """Make the lock, in place of one that its holder left behind.

        Raises:
            LockedError: If another export has it.
        """
        try:
            self._write(None)
            return
        except ReplacedError:
            found = version_of(self._url)
        if found is not None:
            age = time.time() - found[0].modified / 1e9
            if age < _LEASE:
                raise self._taken(age)
        try:
            self._write(found[1] if found else None)
        except ReplacedError as error:
            raise self._taken(0) from error

    def _taken(self, age: float) -> LockedError:
        return LockedError(
            f"another export to {self._place} is running, or was interrupted less than {_LEASE // 60} minutes ago "
            f"(its lock is {max(age, 0):.0f} seconds old): export again later, or delete {self._url} if no export runs"
        )

    def renew(self) -> None:
        """See that it is still held.

        Raises:
            LockedError: If another export has taken it over.
        """
        if time.monotonic() - self._renewed < _RENEWED:
            return
        try:
            self._write(self._version)
        except ReplacedError as error:
            raise LockedError(
                f"another export to {self._place} took over, because this one was silent for too long: export again"
            ) from error

    def release(self) -> None:
        """Remove it, if it is still held. Where that fails, it ends by itself."""
        with suppress(RollupError):
            found = version_of(self._url)
            if found is not None and found[1] == self._version:
                remove_stored(self._url)

    def _write(self, known: Version | None) -> None:
        text = json.dumps({"writer": self._writer, "time": time.time()})
        self._version = write_stored(self._url, text.encode(), known)
        self._renewed = time.monotonic()
