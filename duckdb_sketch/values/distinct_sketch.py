"""What sketches of distinct values have in common as values."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families.reading import DistinctCount
from duckdb_sketch.families.record import Bounds
from duckdb_sketch.values.sketch import Sketch


@dataclass(frozen=True, repr=False)
class DistinctSketch(Sketch):
    """A sketch that tells about how many distinct values it has seen: its family is read as a `DistinctCount`."""

    @property
    def _reading(self) -> DistinctCount:
        reading = self.family.reading
        assert isinstance(reading, DistinctCount)
        return reading

    @property
    def estimate(self) -> float:
        """About how many distinct values."""
        return float(self._answer(self._reading.estimate))

    def bounds(self, num_std_dev: int = 2) -> Bounds:
        """The estimate, not rounded, and the interval around it.

        Args:
            num_std_dev: Standard deviations: 1 covers 68 %, 2 covers 95.4 %, 3 covers 99.7 %.

        Raises:
            InvalidInputError: If `num_std_dev` is not 1, 2 or 3.
        """
        if num_std_dev not in (1, 2, 3):
            raise InvalidInputError(f"num_std_dev is {num_std_dev}, and must be 1, 2 or 3")
        return Bounds(**self._answer(self._reading.bounds.format(state="{state}", deviations=int(num_std_dev))))

    def _repr_html_(self) -> str:
        """The estimate and its bounds, for notebooks."""
        lower, estimate, upper = self.bounds(2)
        return (
            f"<div><b>{estimate:,.0f}</b> distinct, with 95 % between {lower:,.0f} and {upper:,.0f}"
            f"<br><code>{escape(repr(self))}</code></div>"
        )
