"""A HyperLogLog sketch as a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from duckdb_sketch.families import Family
from duckdb_sketch.families.hll import HLL, HllDescription
from duckdb_sketch.families.record import Bounds
from duckdb_sketch.values.data import Data, column_of, values_of
from duckdb_sketch.values.distinct_sketch import DistinctSketch
from duckdb_sketch.values.session import row


@dataclass(frozen=True, repr=False)
class HllSketch(DistinctSketch):
    """How many distinct values: a HyperLogLog sketch, in the bytes of Apache DataSketches.

    Of the same values it has the same bytes, whatever their order and however they were merged.

    >>> monday, tuesday = HllSketch.from_values(["ann", "bob"]), HllSketch.from_values(["bob", "cy"])
    >>> (monday | tuesday).estimate
    3
    """

    family: ClassVar[Family] = HLL

    @classmethod
    def from_values(cls, data: Data, lg_k: int = 12, *, column: str | None = None) -> HllSketch:
        """Count distinct values.

        Args:
            data: A column: anything with the Arrow PyCapsule interface (PyArrow, Polars, DuckDB relations), pandas, a
                NumPy array of one dimension, or an iterable. A frame with one column is one too. NULLs are skipped.
                Each value counts as in a column of its own type: of `[1, 2.5]`, 1 as a BIGINT and 2.5 as a DOUBLE.
            lg_k: 2^lg_k registers, 4 to 21: the relative standard error is 1.04 / sqrt(2^lg_k).
            column: The column to count, of a frame with several.

        Raises:
            InvalidInputError: If `data` is not a column of values that can be counted, or `lg_k` is out of range.
            MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
        """
        with values_of(data, column) as values:
            states = [each.aggregate("hll_sketch_agg(x, $lg_k)", lg_k=lg_k) for each in values.by_type()]
        return cls(states[0]) if len(states) == 1 else cls.from_states(states)

    @classmethod
    def from_states(cls, data: Data, *, allow_different_lg_k: bool = False, column: str | None = None) -> HllSketch:
        """Merge a column of states, or an iterable of states or sketches.

        Args:
            data: The states, as for `from_values`. NULLs are skipped; without any, the sketch is empty.
            allow_different_lg_k: Whether states of several lg_k merge, to the precision of the least one.
            column: The column to merge, of a frame with several.

        Raises:
            InvalidInputError: If one of them is not an HLL sketch, or they differ in lg_k.
        """
        with column_of(data, column) as states:
            merged = "hll_union_agg(x::BLOB, $allowed)"
            return cls(states.aggregate(merged, allowed=allow_different_lg_k))

    @cached_property
    def description(self) -> HllDescription:
        """What the state is: lg_k, mode, bytes and so on."""
        return HllDescription(**self._about)

    @property
    def lg_k(self) -> int:
        """The logarithm of the number of registers to base 2."""
        return self.description.lg_k

    @property
    def estimate(self) -> int:
        """About how many distinct values: what `hll_sketch_estimate` says."""
        return int(self._answer(self._reading.estimate))

    def intersection(self, other: HllSketch) -> Bounds:
        """How many distinct values both have counted, with bounds of two standard deviations: `hll_intersection`.

        Raises:
            InvalidInputError: If they differ in lg_k.
        """
        (bounds,) = row("SELECT hll_intersection(?::BLOB, ?::BLOB)", self.state, other.state)
        return Bounds(**bounds)

    def __repr__(self) -> str:
        return f"<HllSketch: about {self.estimate:,} distinct, lg_k {self.lg_k}, {len(self.state):,} bytes>"
