"""A local folder as the place of an export. Nobody but its exports is trusted: no symbolic link is followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from duckdb_sketch._lock import lock_or_fail
from duckdb_sketch._system import sync_folder
from duckdb_sketch.rollup.archive.folder import create, put, read_bytes, require_no_link
from duckdb_sketch.rollup.archive.manifest import NAME, ExportManifest, decode_manifest, digest, encode_manifest
from duckdb_sketch.rollup.archive.place import FILE, foreign, naming
from duckdb_sketch.rollup.errors import LockedError, ManifestError, RollupError

_TEMPORARY = f".{FILE}.tmp"
_LOCK = ".rollup.lock"


class LocalPlace:
    """A folder.

    Attributes:
        folder: The folder.
        name: See `Place`.
    """

    def __init__(self, folder: str | Path) -> None:
        """The folder of a path, by its one name.

        Raises:
            RollupError: If it is a file.
        """
        self.folder = Path(os.path.realpath(os.path.expanduser(folder)))
        self.name = str(self.folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise RollupError(f"{self.folder} is a file: an export is a folder of them")

    def path(self, partition: str) -> str:
        """See `Place`."""
        return str(self.folder / partition / FILE)

    def read_manifest(self) -> ExportManifest | None:
        """See `Place`."""
        path = self.folder / NAME
        try:
            text = read_bytes(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ManifestError(f"{path} cannot be read ({error}): delete it, and export again") from error
        return decode_manifest(text, str(path))

    def fetch(self, partition: str, scratch: Path) -> Path | None:
        """See `Place`."""
        path = self.folder / partition / FILE
        try:
            require_no_link(path.parent)
            require_no_link(path)
        except OSError as error:
            raise ManifestError(
                f"{error.filename} is a symbolic link: an import reads only files in its folder"
            ) from error
        return path if path.exists() else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `WritablePlace`. The folder is made if it is not there."""
        with ExitStack() as stack:
            with naming(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                try:
                    stack.enter_context(lock_or_fail(self.folder / _LOCK))
                except BlockingIOError as error:
                    raise LockedError(f"another export to {self.folder} is running") from error
            yield

    def write_manifest(self, manifest: ExportManifest) -> None:
        """See `WritablePlace`."""
        with naming(self.folder):
            write_manifest(self.folder, manifest)

    def sizes(self, is_partition: Callable[[str], bool]) -> dict[str, int]:
        """See `WritablePlace`."""
        sizes: dict[str, int] = {}
        with naming(self.folder):
            for folder in _listed(self.folder):
                require_no_link(folder)
                if not is_partition(folder.name):
                    raise foreign(folder)
                for path in _listed(folder):
                    if path.name != FILE:
                        raise foreign(path)
                    require_no_link(path)
                    sizes[folder.name] = path.stat().st_size
        return sizes

    def replace(
        self, partition: str, write: Callable[[Path], int], check: Callable[[], None]
    ) -> tuple[int, str] | None:
        """See `WritablePlace`."""
        path = self.folder / partition / FILE
        temporary = path.with_name(_TEMPORARY)
        with naming(path):
            require_no_link(path.parent)
            if not path.parent.exists():
                path.parent.mkdir()
                sync_folder(self.folder)
            rows = write(temporary)
            check()
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


def write_manifest(folder: Path, manifest: ExportManifest) -> None:
    """Write the manifest of a folder, in place of the one that there may be."""
    temporary = folder / f"{NAME}.tmp"
    with create(temporary) as file:
        file.write(encode_manifest(manifest))
    put(temporary, folder / NAME)


def _listed(folder: Path) -> list[Path]:
    """What readers of Parquet see in a folder: they pass over names that begin with a dot or `_`."""
    if not folder.exists():
        return []
    return [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]
