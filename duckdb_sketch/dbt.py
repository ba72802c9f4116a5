"""A plugin of dbt-duckdb: `plugins: [{module: duckdb_sketch.dbt}]` in a profile loads the functions."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin  # type: ignore[import-not-found]

from duckdb_sketch._loading import load


class Plugin(BasePlugin):  # type: ignore[misc]
    """Loads the functions into each connection of dbt."""

    def configure_cursor(self, cursor: Any) -> None:
        """Called by dbt-duckdb for every cursor; the native functions are loaded once, the portable ones each time."""
        load(cursor)
