"""The service: one process owns the database, refreshes its rollups, and answers everyone else over HTTP."""

from duckdb_sketch.service.configuration import (
    Configuration,
    ConfigurationError,
    ExportSettings,
    LevelSettings,
    Limits,
    Listen,
    RollupSettings,
    Triggers,
)

__all__ = [
    "Configuration",
    "ConfigurationError",
    "ExportSettings",
    "LevelSettings",
    "Limits",
    "Listen",
    "RollupSettings",
    "Triggers",
]
