"""Which place a path or a URL stands for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from duckdb_sketch.errors import MissingDependencyError
from duckdb_sketch.rollup.archive.local_place import LocalPlace
from duckdb_sketch.rollup.archive.place import Place, WritablePlace
from duckdb_sketch.rollup.archive.stored_place import StoredPlace
from duckdb_sketch.rollup.archive.web_place import WebPlace
from duckdb_sketch.rollup.errors import RollupError
from duckdb_sketch.rollup.sources.objects import is_served
from duckdb_sketch.rollup.sources.stores import has_client, is_store
from duckdb_sketch.rollup.sources.url import is_url, local_path
from duckdb_sketch.rollup.sources.web import is_web


def place_to_write(folder: str | Path) -> WritablePlace:
    """Where an export is written to.

    Args:
        folder: A local path, or the URL of a folder of an object store.

    Raises:
        RollupError: If it is another URL, or a file.
        MissingDependencyError: If it is of an object store, and there is no client of it.
    """
    text = str(folder)
    if is_web(text):
        raise RollupError(
            f"{folder} is on a web server, which cannot store exports: export to a local folder or an object store"
        )
    if is_store(text):
        if not has_client():
            raise MissingDependencyError(
                f"{folder} is written through obstore: pip install obstore, or export to a local folder"
            )
        if not is_served(text):
            raise RollupError(
                f"{folder}: DuckDB does not reveal the secret for it: open the database with "
                "config={'allow_unredacted_secrets': True}, or give the credentials in the environment"
            )
        return StoredPlace(text)
    path = local_path(text)
    if path is not None:
        return LocalPlace(unquote(path))
    if is_url(text):
        raise RollupError(f"{folder}: exports go to local folders, s3://, gs:// and az://")
    return LocalPlace(folder)


def place_to_read(folder: str | Path) -> Place:
    """Where an export is read from.

    Args:
        folder: As for `place_to_write`, or a URL of a web server.

    Raises:
        RollupError: As `place_to_write` does.
        MissingDependencyError: As `place_to_write` does.
    """
    return WebPlace(str(folder)) if is_web(str(folder)) else place_to_write(folder)
