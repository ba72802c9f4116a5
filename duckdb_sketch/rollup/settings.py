"""What a rollup may be told beside its statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from duckdb_sketch.rollup.errors import RollupError, SpecificationError

#: Of how many batches every change is kept, unless the caller says otherwise.
KEPT_CHANGES = 1000

Late = Literal["merge", "drop", "error"]
Missing = Literal["error", "null"]


@dataclass(frozen=True)
class Settings:
    """Settings, as `Rollup.from_sql` takes them; None leaves what the ledger has.

    Raises:
        RollupError: If one is none of its values.
    """

    time_zone: str | None = None
    allowed_lateness: timedelta | None = None
    late: Late | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    memory_limit: str | None = None
    keep_changes: int = KEPT_CHANGES
    missing: Missing | None = None
    look_back: int | None = None

    def __post_init__(self) -> None:
        if self.keep_changes < 1:
            raise SpecificationError(f"keep_changes={self.keep_changes}: give a number of batches, at least 1")
        if self.look_back is not None and self.look_back < 1:
            raise SpecificationError(f"look_back={self.look_back}: give a number of folders, at least 1")
        if self.late not in (None, *get_args(Late)):
            raise RollupError(f"late is merge, drop or error, not {self.late}")
        if self.missing not in (None, *get_args(Missing)):
            raise RollupError(f"missing is null or error, not {self.missing}")
