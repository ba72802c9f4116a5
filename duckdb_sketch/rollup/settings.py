"""What a rollup may be told beside its statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

#: Of how many batches every change is kept, unless the caller says otherwise.
KEPT_CHANGES = 1000

Late = Literal["merge", "drop", "error"]
Missing = Literal["error", "null"]


@dataclass(frozen=True)
class Settings:
    """Settings, as `Rollup.from_sql` takes them; None leaves what the ledger has."""

    time_zone: str | None = None
    allowed_lateness: timedelta | None = None
    late: Late | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    memory_limit: str | None = None
    keep_changes: int = KEPT_CHANGES
    missing: Missing | None = None
    look_back: int | None = None
