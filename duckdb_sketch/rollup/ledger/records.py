"""What the ledger holds: a record of each rollup and each coarser level, their batches, and the slices counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

_EARLIEST = datetime(1900, 1, 1)
_LATEST = datetime(2200, 1, 1)


@dataclass(kw_only=True)
class Record:
    """What rollups and coarser levels have in common; the fields are columns of `rollup_manifest.rollups`.

    Attributes:
        name: The table's name.
        time_zone: The zone in which TIMESTAMPTZ are truncated; None where no column is one.
        allowed_lateness: By how much the watermark stays behind the highest event time.
        last_batch: The number of the last batch; 0 before the first.
        highest_event: The highest event time of all batches.
        watermark: Buckets that end by then are final.
        expired_before: Buckets before it were dropped.
    """

    name: str
    time_zone: str | None = None
    allowed_lateness: timedelta = timedelta(0)
    last_batch: int = 0
    highest_event: datetime | None = None
    watermark: datetime | None = None
    expired_before: datetime | None = None


@dataclass(kw_only=True)
class RollupRecord(Record):
    """A rollup of events.

    Attributes:
        statement: The SELECT that defines it.
        source: The declaration of its source; None where the source is said with each refresh.
        input_types: The types of the event columns that the statement reads, as first seen, by name.
        late: What happens to rows of final buckets: `merge`, `drop` or `error`.
        earliest: Event times before this are rejected.
        latest: Event times from this on are rejected.
    """

    statement: str
    source: str | None = None
    input_types: dict[str, str] = field(default_factory=dict)
    late: str = "merge"
    earliest: datetime = _EARLIEST
    latest: datetime = _LATEST


@dataclass(kw_only=True)
class LevelRecord(Record):
    """A coarser level, which is made from a rollup or from another level.

    Attributes:
        parent: The name of what it is made from.
        every: The width of its buckets.
        dimensions: The dimensions that it keeps; None for all.
        consumed: The last batch of its parent that it has.
    """

    parent: str
    every: str
    dimensions: list[str] | None = None
    consumed: int = 0


@dataclass
class Batch:
    """One row of `rollup_manifest.batches`, without the rollup; the fields are its columns."""

    batch: int
    kind: str
    rows: int = 0
    late_rows: int = 0
    dropped_rows: int = 0
    rejected_rows: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None


@dataclass(frozen=True)
class CountedSlice:
    """A slice of events, and what was in it when it was counted.

    Attributes:
        kind: `FILE`, `BATCH`, `IMPORT`, or `RANGE` of a table's cursor.
        slice: A file's path; the caller's id of a batch that was appended; the folder of an export; the range.
        fingerprint: Text that changes if the slice does; empty if it never does. Of a batch, the file that its
            rows are kept in.
        size: In bytes; None if that is not known.
        rows: How many rows it has.
        first_event: Its first event time, as the ledger holds times; None if it has no valid one.
        last_event: Its last event time.
    """

    FILE: ClassVar = "file"
    BATCH: ClassVar = "batch"
    IMPORT: ClassVar = "import"
    RANGE: ClassVar = "range"

    kind: str
    slice: str
    fingerprint: str
    size: int | None
    rows: int
    first_event: datetime | None
    last_event: datetime | None
