"""The service that has a database open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from duckdb_sketch.remote.discovery import find

if TYPE_CHECKING:
    from duckdb_sketch.remote.client import ServiceClient


def find_service(database: str | Path) -> ServiceClient | None:
    """The service that has a database open on this machine; None if there is none."""
    path = find(database)
    if path is None:
        return None
    from duckdb_sketch.remote.client import ServiceClient  # only here: HTTP takes time to import
    from duckdb_sketch.remote.transport import Transport

    return ServiceClient(Transport(path))
