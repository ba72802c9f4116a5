"""Rollups: one ordinary SELECT … GROUP BY is the whole specification of a table that stays right, cheap and current."""

from duckdb_sketch.rollup.archive.export import Exported
from duckdb_sketch.rollup.errors import (
    ChangedFilesError,
    ChangedStatementError,
    DamagedError,
    LateDataError,
    LockedError,
    ManifestError,
    PrunedChangesError,
    RollupError,
    SourceError,
    SpecificationError,
)
from duckdb_sketch.rollup.level import Level, drop_rollup, open_level, rollup_names
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.retention import Expiry
from duckdb_sketch.rollup.reading.gaps import fill_gaps
from duckdb_sketch.rollup.reading.status import Change, SourceStatus, Status
from duckdb_sketch.rollup.rollup import Rollup
from duckdb_sketch.rollup.sources.several import several
from duckdb_sketch.rollup.sources.table_source import TableSource
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.verification.verified import Verified

__all__ = [
    "Change",
    "ChangedFilesError",
    "ChangedStatementError",
    "DamagedError",
    "Expiry",
    "Exported",
    "Granularity",
    "LateDataError",
    "Level",
    "LockedError",
    "ManifestError",
    "Progress",
    "PrunedChangesError",
    "Refreshed",
    "Rollup",
    "RollupError",
    "SourceError",
    "SourceStatus",
    "Specification",
    "SpecificationError",
    "Status",
    "TableSource",
    "Verified",
    "drop_rollup",
    "fill_gaps",
    "open_level",
    "rollup_names",
    "several",
]
