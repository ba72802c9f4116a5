"""A slice of a source: events that are counted as a whole, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from duckdb_sketch.rollup.errors import SourceError

#: Of a slice that was counted: nothing about it is new; its time of change is, and its bytes are not; its bytes are.
Comparison = Literal["same", "touched", "changed"]


class Slice(Protocol):
    """A file, an object, data that was appended, a range of offsets."""

    @property
    def kind(self) -> str:
        """Which sort of slice it is, such as `file`; slices of one kind have different ids."""

    @property
    def id(self) -> str | None:
        """What it is known by in the ledger, such as a file's path; None if nobody will ask for it again."""

    @property
    def size(self) -> int | None:
        """In bytes; None if that is not known."""

    def recorded(self) -> str:
        """The fingerprint for the ledger, once it has been read: text that changes if it does, or is empty."""

    def compare(self, fingerprint: str) -> Comparison:
        """How it stands to what was counted under this fingerprint."""

    def check_unchanged(self) -> None:
        """See that it still is as it was when it was found.

        Raises:
            SourceError: If it is not.
        """


S = TypeVar("S", bound=Slice)


@dataclass(frozen=True)
class Poll(Generic[S]):
    """What a source has, beside what was counted.

    Attributes:
        new: Slices that have not been counted.
        changed: Slices that changed after they were counted, as they are now.
        touched: Slices whose bytes are as they were counted, and whose time of change is not.
        duplicates: Other names of slices, which are left out.
        failures: What was wrong with those of several sources that could not be looked at, by their declarations.
    """

    new: tuple[S, ...]
    changed: tuple[S, ...]
    touched: tuple[S, ...] = ()
    duplicates: tuple[str, ...] = ()
    failures: Mapping[str, SourceError] = field(default_factory=dict)

    @staticmethod
    def of(found: Iterable[S], fingerprints: Mapping[str, str], duplicates: Iterable[str] = ()) -> Poll[S]:
        """Compare the slices that there are with those that were counted.

        A slice that was counted and is gone is not a change: its rows are in the rollup, and may stay.

        Args:
            found: What there is.
            fingerprints: Those of the slices that were counted, by their ids.
            duplicates: Other names of what there is.
        """
        new, changed, touched = [], [], []
        for each in found:
            known = fingerprints.get(each.id or "")
            comparison = None if known is None else each.compare(known)
            if comparison is None:
                new.append(each)
            elif comparison == "changed":
                changed.append(each)
            elif comparison == "touched":
                touched.append(each)
        return Poll(tuple(new), tuple(changed), tuple(touched), tuple(duplicates))
