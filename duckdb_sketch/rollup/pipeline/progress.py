"""How far a long job is, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from duckdb_sketch._text import counted, listed
from duckdb_sketch.rollup.ledger.records import Batch


@dataclass(frozen=True)
class Progress:
    """How far a long job is.

    Attributes:
        files: Files counted.
        of_files: Files that there are to count.
        rows: Rows counted.
        of_rows: Rows that there are to count; of text files, a guess.
    """

    files: int
    of_files: int
    rows: int
    of_rows: int


@dataclass
class Refreshed:
    """What a refresh did.

    Attributes:
        rollup: The rollup or level.
        files: Files counted.
        rebuilt: Files that had changed, and whose buckets were rebuilt.
        changed: Files that changed after they were counted, and were left as they were counted.
        duplicates: Names that were left out: each is another name of a file that is counted, such as a link.
        batches: The numbers of the batches.
        rows: Rows counted.
        late_rows: Of those, the ones for buckets that were final.
        dropped_rows: Rows for final or expired buckets that were left out.
        rejected_rows: Rows kept out, whose event time is NULL or out of range, or that could not be read.
        unreadable_rows: Of those, the ones that could not be read, where the source's declaration ignores errors.
        watermark: Buckets that end by then are final.
    """

    rollup: str
    files: int = 0
    rebuilt: int = 0
    changed: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    rows: int = 0
    late_rows: int = 0
    dropped_rows: int = 0
    rejected_rows: int = 0
    unreadable_rows: int = 0
    watermark: datetime | None = None
    noun: ClassVar[str] = "file"

    def __str__(self) -> str:
        parts = [counted(self.files, self.noun), counted(self.rows, "row")]
        parts += [f"{counted(self.rebuilt, f'changed {self.noun}')} rebuilt"] if self.rebuilt else []
        parts += [f"changed since counted: {listed(self.changed)}"] if self.changed else []
        parts += [f"left out as other names of the same files: {listed(self.duplicates)}"] if self.duplicates else []
        parts += [f"{counted(self.late_rows, 'row')} late"] if self.late_rows else []
        parts += [f"{counted(self.dropped_rows, 'row')} dropped as late"] if self.dropped_rows else []
        parts += [f"{counted(self.unreadable_rows, 'row')} rejected: unreadable"] if self.unreadable_rows else []
        timeless = self.rejected_rows - self.unreadable_rows
        parts += [f"{counted(timeless, 'row')} rejected: no valid time"] if timeless else []
        noun = "batch" if len(self.batches) == 1 else "batches"
        batches = f" ({noun} {', '.join(map(str, self.batches))})" if self.batches else ": nothing new"
        return f"{self.rollup}: {', '.join(parts)}{batches}; watermark {self.watermark or 'not set'}"

    def add(self, batch: Batch) -> None:
        """Add what a batch did."""
        self.batches.append(batch.batch)
        self.rows += batch.rows
        self.late_rows += batch.late_rows
        self.dropped_rows += batch.dropped_rows
        self.rejected_rows += batch.rejected_rows

    @staticmethod
    def of(rollup: str, kind: str, slices: int = 0) -> Refreshed:
        """What was done with slices of a kind."""
        return (_RefreshedRanges if kind == "range" else Refreshed)(rollup, files=slices)


class _RefreshedRanges(Refreshed):
    noun = "range"
