"""A web server as the place of an export, to import from."""

from __future__ import annotations

from pathlib import Path

from duckdb_sketch._scratch import scratch_folder
from duckdb_sketch.rollup.archive.manifest import NAME, ExportManifest, decode_manifest
from duckdb_sketch.rollup.archive.place import FILE
from duckdb_sketch.rollup.sources.objects import download, find_object


class WebPlace:
    """A folder of a web server. What follows a `?` in its URL, such as a token, is part of every request.

    Attributes:
        name: Its URL without that; see `Place`.
    """

    def __init__(self, url: str) -> None:
        folder, mark, query = url.partition("?")
        self.name = folder.rstrip("/")
        self._query = mark + query

    def path(self, partition: str) -> str:
        """See `Place`."""
        return f"{self.name}/{partition}/{FILE}"

    def read_manifest(self) -> ExportManifest | None:
        """See `Place`."""
        with scratch_folder() as scratch:
            path = scratch / NAME
            if not self._copied(f"{self.name}/{NAME}", path):
                return None
            return decode_manifest(path.read_bytes(), f"{self.name}/{NAME}")

    def fetch(self, partition: str, scratch: Path) -> Path | None:
        """See `Place`."""
        path = scratch / f"{partition}.parquet"
        return path if self._copied(self.path(partition), path) else None

    def _copied(self, url: str, path: Path) -> bool:
        """Copy what a URL has to a file, if it has anything."""
        found = find_object(url + self._query)
        if found is None:
            return False
        download(url + self._query, found.tag, str(path), found.size)
        return True
