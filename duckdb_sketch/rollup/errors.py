"""What goes wrong with a rollup. Each message says which file, column or statement, and what would be right."""

from __future__ import annotations

from collections.abc import Sequence

from duckdb_sketch._text import listed
from duckdb_sketch.errors import SketchError


class RollupError(SketchError):
    """The base of every error about rollups. Nothing was half done: the tables are as they were before."""


class SpecificationError(RollupError):
    """The statement is not one that can be rolled up; the message says what to write instead."""


class ChangedStatementError(RollupError):
    """There is a rollup of this name with another statement; the message holds the difference."""


class SourceError(RollupError):
    """A file, or data given, cannot be counted: unreadable, changed, or of other columns than those before it."""


class ChangedFilesError(SourceError):
    """Files changed after they were counted, and were left as they were counted. New files have been counted.

    Attributes:
        changed: The paths of the files.
    """

    def __init__(self, changed: Sequence[str]) -> None:
        self.changed = list(changed)
        super().__init__(
            f"changed since counted: {listed(changed)}. Rebuild their buckets with on_change='rebuild' "
            "(--on-change rebuild), and give new rows a file of their own, or a greater value of the table's cursor"
        )


class LateDataError(RollupError):
    """Rows came for buckets that are final, and late rows were to be refused."""


class ManifestError(RollupError):
    """The ledger of the database or the manifest of an export is of a newer version, or what it names is not there."""


class MissingTableError(ManifestError):
    """The ledger has a rollup whose table was dropped by hand, or is in another schema."""


class PrunedChangesError(RollupError):
    """The changes asked for are older than those that are kept: the whole table has to be read once."""


class LockedError(RollupError):
    """Another process has the database open, or another refresh was faster. Trying again later may work."""


class DamagedError(RollupError):
    """The database's file is not as DuckDB wrote it. A copy, an export or the source files bring the rollup back."""
