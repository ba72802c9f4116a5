"""A source: where events come from, as slices that are each counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.slice import Poll, Slice


class SourceSlice(Slice, Protocol):
    """A slice that its source can read again: a file, or a range of a table's cursor."""

    @property
    def path(self) -> str:
        """What it is known by, in the ledger and to its user."""

    @property
    def reader(self) -> str:
        """How it is read; slices of one batch are read alike."""

    @property
    def sql(self) -> str | None:
        """A query of its rows, with the column `FILE`, if that is all it takes to read them; None of a file."""

    def is_there(self) -> bool:
        """Whether it is still there, as far as that is cheap to know."""

    def require(self) -> None:
        """See that a slice that has been counted is there, as it was.

        Raises:
            SourceError: If it is not.
        """


class Range(SourceSlice, Protocol):
    """A slice of something that grows in one order: the rows of a table by a cursor, the messages of a log."""

    @property
    def id(self) -> str:
        """See `Slice`."""

    @property
    def low(self) -> str | None:
        """The value that it begins after, as text; None if it begins with the first."""

    @property
    def high(self) -> str | None:
        """Its last value; None if it goes on to the last that there is."""


class Ranges(Protocol):
    """A source whose slices are ranges."""

    def counted(self, kind: str, name: str, fingerprint: str) -> Range:
        """See `Source`."""

    def section(self, low: str | None, high: str | None) -> Range:
        """What is above one value, up to another."""

    def ordered(self, values: Sequence[str]) -> list[str]:
        """Values in their order, each once."""

    def count(self, low: str | None) -> int:
        """How many rows are above a value; all that there are if it is None."""

    def require_cursor(self) -> None:
        """See that each row is in a range.

        Raises:
            SourceError: If one is not.
        """


class Source(Protocol):
    """Files, or a table."""

    @property
    def kind(self) -> str:
        """The kind of its slices in the ledger."""

    @property
    def declared(self) -> Sequence[str]:
        """What each of several sources that it is made of is known by: paths, or the declaration of a table."""

    def origin(self, slice_id: str) -> str:
        """Which of these a slice is of, which the last poll has found."""

    @property
    def transactional(self) -> bool:
        """Whether a batch is read in the transaction that commits it, so that all of it is of one snapshot."""

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[Any]:
        """Which slices are new, and which have changed.

        Args:
            fingerprints: Those of the slices that were counted, by id.
        """

    def rows(self, slices: Sequence[Any]) -> dict[str, int]:
        """How many rows each slice has, by id; for some it is a guess."""

    def events(self, slices: Sequence[Any], known: Mapping[str, str]) -> AbstractContextManager[Events]:
        """The events of some slices, as long as this lasts.

        Args:
            slices: At least one.
            known: The types of the columns in what was counted before; empty if nothing was.
        """

    def counted(self, kind: str, name: str, fingerprint: str) -> Any:
        """The slice of a kind that was counted under an id and a fingerprint.

        Raises:
            SourceError: If it is of another source.
        """
