"""An approximate histogram as a value."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, overload

from duckdb_sketch.families import Family
from duckdb_sketch.families.histogram import HISTOGRAM, Bin, Bucket, HistogramStats
from duckdb_sketch.families.record import Bounds
from duckdb_sketch.values.data import Data, column_of, values_of
from duckdb_sketch.values.session import row
from duckdb_sketch.values.sketch import Sketch
from duckdb_sketch.values.svg import svg_of_bars

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BARS = 30


@dataclass(frozen=True, repr=False)
class ApproxHistogram(Sketch):
    """The distribution of numbers: bins of center and count, after Ben-Haim and Tom-Tov (JMLR 11, 2010).

    >>> prices = ApproxHistogram.from_values([1.19, 0.05, 1.04, 0.16, 1.03])
    >>> prices.quantile(0.5)
    1.03
    """

    family: ClassVar[Family] = HISTOGRAM

    @classmethod
    def from_values(cls, data: Data, bins: int = 50, *, column: str | None = None) -> ApproxHistogram:
        """Sketch numbers.

        Args:
            data: A column of what DuckDB casts to DOUBLE: anything with the Arrow PyCapsule interface (PyArrow, Polars,
                DuckDB relations), pandas, a NumPy array of one dimension, or an iterable. A frame with one column is
                one too. NULLs are skipped, which NaN is in pandas; any other NaN and the infinities are counted, as
                `stats.non_finite`, and are in no bin.
            bins: Maximum number of bins, 2 to 65535: 50 take at most 700 bytes.
            column: The column to sketch, of a frame with several.

        Raises:
            InvalidInputError: If `data` is not a column of numbers, or `bins` is out of range.
            MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
        """
        with values_of(data, column) as values:
            return cls(values.aggregate("approx_histogram_agg(x, $bins)", bins=bins))

    @classmethod
    def from_states(cls, data: Data, bins: int | None = None, *, column: str | None = None) -> ApproxHistogram:
        """Merge a column of states, or an iterable of states or histograms.

        Args:
            data: The states, as for `from_values`. NULLs are skipped; without any, the histogram is empty.
            bins: Maximum number of bins; None takes the highest maximum among the states.
            column: The column to merge, of a frame with several.

        Raises:
            InvalidInputError: If one of them is not a histogram, or `bins` is out of range.
        """
        with column_of(data, column) as states:
            if bins is None:
                return cls(states.aggregate("approx_histogram_union_agg(x::BLOB)"))
            return cls(states.aggregate("approx_histogram_union_agg(x::BLOB, $bins)", bins=bins))

    @cached_property
    def stats(self) -> HistogramStats:
        """The properties of the histogram: count, extremes, mean, size, accuracy."""
        return HistogramStats(**self._about)

    @cached_property
    def bins(self) -> tuple[Bin, ...]:
        """The bins, ascending."""
        (bins,) = row("SELECT approx_histogram_bins(?::BLOB)", self.state)
        return tuple(Bin(**bin) for bin in bins)

    @overload
    def quantile(self, q: float) -> float | None: ...
    @overload
    def quantile(self, q: NDArray[Any]) -> NDArray[np.float64]: ...
    @overload
    def quantile(self, q: Iterable[float]) -> list[float | None]: ...
    def quantile(self, q: Any) -> Any:
        """The smallest value with at least a fraction `q` of all values at or below it; the inverse of `cdf`.

        Args:
            q: A fraction, 0 to 1: 0 asks for the minimum, 1 for the maximum. Or several of them.

        Returns:
            A number for a number, a list for an iterable, and for a NumPy array one of its shape. None (in an array
            NaN) of an empty histogram.

        Raises:
            InvalidInputError: If a fraction is outside 0 to 1.
        """
        return self._at("approx_histogram_quantile", q)

    @overload
    def cdf(self, x: float) -> float | None: ...
    @overload
    def cdf(self, x: NDArray[Any]) -> NDArray[np.float64]: ...
    @overload
    def cdf(self, x: Iterable[float]) -> list[float | None]: ...
    def cdf(self, x: Any) -> Any:
        """The fraction of values that are at most `x`; numbers, lists and arrays as for `quantile`.

        Raises:
            InvalidInputError: If `x` is NaN.
        """
        return self._at("approx_histogram_cdf", x)

    @overload
    def count_below(self, x: float) -> float: ...
    @overload
    def count_below(self, x: NDArray[Any]) -> NDArray[np.float64]: ...
    @overload
    def count_below(self, x: Iterable[float]) -> list[float]: ...
    def count_below(self, x: Any) -> Any:
        """The number of values that are at most `x`: *sum* in the paper (algorithm 3). As for `cdf`."""
        return self._at("approx_histogram_count_below", x)

    def quantile_bounds(self, q: float) -> Bounds | None:
        """The quantile, and the bracket in which the exact one is proven to lie; None for an empty histogram.

        Raises:
            InvalidInputError: If `q` is outside 0 to 1.
        """
        (bounds,) = row("SELECT approx_histogram_quantile_bounds(?::BLOB, ?::DOUBLE)", self.state, q)
        return None if bounds is None else Bounds(**bounds)

    def equi_width(self, n: int) -> list[Bucket]:
        """`n` buckets of equal width from the minimum to the maximum; one if these are equal."""
        return self._buckets("approx_histogram_equi_width(?::BLOB, ?)", n)

    def equi_depth(self, n: int) -> list[Bucket]:
        """`n` buckets with an equal number of values each: *uniform* in the paper (algorithm 4)."""
        return self._buckets("approx_histogram_equi_depth(?::BLOB, ?)", n)

    def buckets(self, edges: Iterable[float]) -> list[Bucket]:
        """The buckets between edges, which may be infinite. Values outside of all edges are in no bucket.

        Raises:
            InvalidInputError: If there are fewer than two edges, or they do not ascend.
        """
        return self._buckets("approx_histogram_buckets(?::BLOB, ?::DOUBLE[])", [float(edge) for edge in edges])

    def __repr__(self) -> str:
        stats = self.stats
        if stats.min is None:
            return f"<ApproxHistogram: empty, at most {stats.max_bins} bins>"
        return (
            f"<ApproxHistogram: {stats.count:,} values, {stats.min:g} to {stats.max:g}, median {self.quantile(0.5):g}, "
            f"{stats.bins} bins, {stats.bytes:,} bytes>"
        )

    def _repr_html_(self) -> str:
        """The numbers and, of the 98 % in the middle, a small picture, for notebooks."""
        numbers = f"<code>{escape(repr(self))}</code>"
        if self.stats.min is None:
            return numbers
        low, high = (float(edge or 0) for edge in self.quantile([0.01, 0.99]))
        edges = [low + (high - low) * i / _BARS for i in range(_BARS)] + [high]
        if not all(a < b for a, b in pairwise(edges)):
            return numbers
        heights = [bucket.count for bucket in self.buckets(edges)]
        return f"<div>{numbers}<br>{svg_of_bars(heights, f'{low:g}', f'{high:g}')}</div>"

    def _at(self, function: str, points: Any) -> Any:
        """The answers of a function of a histogram and a list of numbers."""
        if not isinstance(points, Iterable):
            return self._at(function, [points])[0]
        numpy: Any = sys.modules.get("numpy")
        if numpy and isinstance(points, numpy.ndarray):
            return numpy.array(self._at(function, points.ravel().tolist()), dtype=float).reshape(points.shape)
        numbers = [float(point) for point in points]
        (answers,) = row(f"SELECT {function}(?::BLOB, ?::DOUBLE[])", self.state, numbers)
        return answers

    def _buckets(self, call: str, parameter: Any) -> list[Bucket]:
        (buckets,) = row(f"SELECT {call}", self.state, parameter)
        return [Bucket(**bucket) for bucket in buckets]
