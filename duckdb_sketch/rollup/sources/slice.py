"""A slice of a source: events that are counted as a whole, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Slice(Protocol):
    """A file, an object, data that was appended, a range of offsets."""

    @property
    def kind(self) -> str:
        """Which sort of slice it is, such as `file`; slices of one kind have different ids."""

    @property
    def id(self) -> str | None:
        """What it is known by in the ledger, such as a file's path; None if nobody will ask for it again."""

    @property
    def fingerprint(self) -> str:
        """Text that changes if the slice does; empty if it never does."""

    @property
    def size(self) -> int | None:
        """In bytes; None if that is not known."""

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
    """

    new: tuple[S, ...]
    changed: tuple[S, ...]

    @staticmethod
    def of(found: Iterable[S], fingerprints: Mapping[str, str]) -> Poll[S]:
        """Compare the slices that there are with those that were counted.

        A slice that was counted and is gone is no change: its rows are in the rollup, and may stay.

        Args:
            found: What there is.
            fingerprints: Those of the slices that were counted, by their ids.
        """
        new, changed = [], []
        for each in found:
            known = fingerprints.get(each.id or "")
            if known is None:
                new.append(each)
            elif known != each.fingerprint:
                changed.append(each)
        return Poll(tuple(new), tuple(changed))
