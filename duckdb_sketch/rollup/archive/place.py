"""Places that exports lie in: folders of this machine and of object stores; web servers, to import from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import duckdb

from duckdb_sketch.rollup.archive.manifest import ExportManifest
from duckdb_sketch.rollup.errors import RollupError

#: The one file of a partition.
FILE = "rollup.parquet"


class Place(Protocol):
    """Where an export is read from."""

    @property
    def name(self) -> str:
        """What it is known by, in the ledger and to its user."""

    def path(self, partition: str) -> str:
        """What the file of a partition is called."""

    def read_manifest(self) -> ExportManifest | None:
        """The manifest; None if there is none.

        Raises:
            ManifestError: If it cannot be read, or is of a version that this package does not know.
        """

    def fetch(self, partition: str, scratch: Path) -> Path | None:
        """The file of a partition on this machine; None if there is none.

        Args:
            partition: The name of its folder, of the form that partitions have.
            scratch: A folder to copy it to.

        Raises:
            ManifestError: If it is a name for something elsewhere.
            RollupError: If it cannot be read.
        """


class WritablePlace(Place, Protocol):
    """Where an export is written to."""

    @property
    def folder(self) -> Path | str:
        """The same as its name; a local one as a path."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep other exports out, those of other databases as well, as long as this lasts.

        Raises:
            LockedError: If one is at work.
        """

    def write_manifest(self, manifest: ExportManifest) -> None:
        """Write a manifest in place of the one that was read or written last: a reader finds the one or the other.

        Raises:
            RollupError: If it cannot be written, or somebody else has.
        """

    def sizes(self, is_partition: Callable[[str], bool]) -> dict[str, int]:
        """The size of each partition's file, by its folder.

        Args:
            is_partition: Whether a folder's name is one of a partition.

        Raises:
            RollupError: If there is anything else.
        """

    def replace(
        self, partition: str, write: Callable[[Path], int], check: Callable[[], None]
    ) -> tuple[int, str] | None:
        """Write a partition, in place of what it was: readers see the one or the other.

        Args:
            partition: The name of its folder.
            write: Writes its rows to a new file, and says how many there are.
            check: Called just before the file is put in place; may raise.

        Returns:
            Its size and digest; None if there are no rows, and so no file.

        Raises:
            RollupError: If it cannot be written, or somebody else has.
        """


def disturbed(place: Place) -> RollupError:
    """What an export ends with that is not alone in its folder."""
    return RollupError(
        f"something else, such as an export of another database, changed {place.name} meanwhile: give each a "
        "folder of its own, and export again"
    )


def foreign(path: object) -> RollupError:
    """What an export ends with that finds something else in its folder."""
    return RollupError(f"{path} is not of this export, and readers would take it for a part: give a folder of its own")


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Say which file or folder it was.

    Raises:
        RollupError: If it cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        raise RollupError(f"{path} is not writable: {error}") from error
    except duckdb.Error as error:
        if isinstance(error, (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.TransactionException)):
            raise
        raise RollupError(f"{path} cannot be written: {error}") from error
