"""A `hyperUnique` of Druid as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from duckdb_sketch.families import Family
from duckdb_sketch.families.hyper_unique import HYPER_UNIQUE
from duckdb_sketch.values.columns import answers
from duckdb_sketch.values.data import Data, values_of
from duckdb_sketch.values.distinct_sketch import DistinctSketch

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


@dataclass(frozen=True, repr=False)
class HyperUniqueSketch(DistinctSketch):
    """How many distinct texts: a `hyperUnique` as Druid stores it, of 2,048 registers.

    Its hash is not that of `HllSketch`: the two never merge. For new data `HllSketch` is the better one.

    >>> monday, tuesday = HyperUniqueSketch.from_values(["ann", "bob"]), HyperUniqueSketch.from_values(["bob", "cy"])
    >>> round((monday | tuesday).estimate)
    3
    """

    family: ClassVar[Family] = HYPER_UNIQUE

    @classmethod
    def from_values(cls, data: Data, *, column: str | None = None) -> HyperUniqueSketch:
        """Count distinct texts.

        Args:
            data: A column of texts, as for `HllSketch.from_values`. NULLs are skipped; the empty text counts. Write
                numbers as texts first, in the form in which Druid has them.
            column: The column to count, of a frame with several.

        Raises:
            InvalidInputError: If `data` is not a column of texts.
            MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
        """
        with values_of(data, column) as values:
            return cls(values.aggregate("hyper_unique_agg(x)"))

    def __repr__(self) -> str:
        return f"<HyperUniqueSketch: about {self.estimate:,.0f} distinct, {len(self.state):,} bytes>"


def hyper_unique_estimate(sketches: Data) -> pa.ChunkedArray:
    """About how many distinct texts each `hyperUnique` of Druid has counted.

    Args:
        sketches: A column of states, as for `hll_estimate`.

    Returns:
        float64, not rounded, as long as the column; null for a null.

    Raises:
        InvalidInputError: If one of them is not a `hyperUnique`.
        MissingDependencyError: If PyArrow is not installed.
    """
    return answers(sketches, "hyper_unique_estimate(x::BLOB)")
