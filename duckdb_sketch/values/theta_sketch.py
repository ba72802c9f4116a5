"""A theta sketch as a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from duckdb_sketch.families import Family
from duckdb_sketch.families.record import Bounds
from duckdb_sketch.families.theta import THETA, ThetaDescription
from duckdb_sketch.values.data import Data, column_of, values_of
from duckdb_sketch.values.distinct_sketch import DistinctSketch
from duckdb_sketch.values.session import row


@dataclass(frozen=True, repr=False)
class ThetaSketch(DistinctSketch):
    """Which distinct values, as a sample: a theta sketch, in the bytes of Apache DataSketches.

    Sketches can be united, intersected and subtracted, and the result is a sketch again. Of the same values one has the
    same bytes, whatever their order and however they were merged.

    >>> monday, tuesday = ThetaSketch.from_values(["ann", "bob"]), ThetaSketch.from_values(["bob", "cy"])
    >>> (monday | tuesday).estimate, (monday & tuesday).estimate, (monday - tuesday).estimate
    (3, 1, 1)
    """

    family: ClassVar[Family] = THETA

    @classmethod
    def from_values(cls, data: Data, lg_nom_entries: int = 12, *, column: str | None = None) -> ThetaSketch:
        """Sketch distinct values.

        Args:
            data: A column, as for `HllSketch.from_values`. NULLs are skipped.
            lg_nom_entries: Up to 2^lg_nom_entries entries of eight bytes are kept, 4 to 26: the relative standard error
                is 1 / sqrt(2^lg_nom_entries - 1).
            column: The column to sketch, of a frame with several.

        Raises:
            InvalidInputError: If `data` is not a column of values that can be counted, or `lg_nom_entries` is out of
                range.
            MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
        """
        with values_of(data, column) as values:
            states = [each.aggregate("theta_sketch_agg(x, $lg)", lg=lg_nom_entries) for each in values.by_type()]
        return cls(states[0]) if len(states) == 1 else cls.from_states(states)

    @classmethod
    def from_states(cls, data: Data, *, lg_nom_entries: int | None = None, column: str | None = None) -> ThetaSketch:
        """Unite a column of states, or an iterable of states or sketches.

        Args:
            data: The states, as for `from_values`. NULLs are skipped; without any, the sketch is empty.
            lg_nom_entries: The precision of the union, 4 to 26; by default the least of those that are united.
            column: The column to unite, of a frame with several.

        Raises:
            InvalidInputError: If one of them is not a theta sketch, or `lg_nom_entries` is out of range.
        """
        with column_of(data, column) as states:
            if lg_nom_entries is None:
                return cls(states.aggregate("theta_union_agg(x::BLOB)"))
            return cls(states.aggregate("theta_union_agg(x::BLOB, $lg)", lg=lg_nom_entries))

    @cached_property
    def description(self) -> ThetaDescription:
        """What the state is: lg_nom_entries, mode, theta and so on."""
        return ThetaDescription(**self._about)

    @property
    def lg_nom_entries(self) -> int:
        """The logarithm of the nominal number of entries to base 2."""
        return self.description.lg_nom_entries

    @property
    def estimate(self) -> int:
        """About how many distinct values: what `theta_sketch_estimate` says."""
        return int(self._answer(self._reading.estimate))

    def jaccard(self, other: ThetaSketch) -> Bounds:
        """How much of what either has seen both have seen, from 0 to 1, with bounds of two standard deviations."""
        return Bounds(**self._of_both("theta_jaccard", other))

    def __and__(self, other: ThetaSketch) -> ThetaSketch:
        """The sketch of what both have seen."""
        if not isinstance(other, ThetaSketch):
            return NotImplemented
        return ThetaSketch(self._of_both("theta_intersection", other))

    def __sub__(self, other: ThetaSketch) -> ThetaSketch:
        """The sketch of what this one has seen and the other has not."""
        if not isinstance(other, ThetaSketch):
            return NotImplemented
        return ThetaSketch(self._of_both("theta_difference", other))

    def _of_both(self, function: str, other: ThetaSketch) -> Any:
        (answer,) = row(f"SELECT {function}(?::BLOB, ?::BLOB)", self.state, other.state)
        return answer

    def __repr__(self) -> str:
        return (
            f"<ThetaSketch: about {self.estimate:,} distinct, lg_nom_entries {self.lg_nom_entries}, "
            f"{len(self.state):,} bytes>"
        )
