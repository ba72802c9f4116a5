"""Rollups: one ordinary SELECT … GROUP BY is the whole specification of a table that stays right, cheap and current."""

from duckdb_sketch.rollup.errors import (
    ChangedStatementError,
    DamagedError,
    LateDataError,
    LockedError,
    ManifestError,
    RollupError,
    SourceError,
    SpecificationError,
)
from duckdb_sketch.rollup.export import Exported
from duckdb_sketch.rollup.gaps import fill_gaps
from duckdb_sketch.rollup.granularity import Granularity
from duckdb_sketch.rollup.level import Level, open_level, rollup_names
from duckdb_sketch.rollup.refresh import Progress, Refreshed
from duckdb_sketch.rollup.rollup import Rollup
from duckdb_sketch.rollup.specification import Specification
from duckdb_sketch.rollup.status import Change, Status
from duckdb_sketch.rollup.verified import Verified

__all__ = [
    "Change",
    "ChangedStatementError",
    "DamagedError",
    "Exported",
    "Granularity",
    "LateDataError",
    "Level",
    "LockedError",
    "ManifestError",
    "Progress",
    "Refreshed",
    "Rollup",
    "RollupError",
    "SourceError",
    "Specification",
    "SpecificationError",
    "Status",
    "Verified",
    "fill_gaps",
    "open_level",
    "rollup_names",
]
