"""Questions to whole columns of states, as a rollup has them: Arrow in, Arrow out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import DistinctCount, Family
from duckdb_sketch.values.data import Data, column_of, pyarrow

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


def hll_estimate(sketches: Data) -> pa.ChunkedArray:
    """About how many distinct values each sketch has counted.

    Args:
        sketches: A column of states: anything with the Arrow PyCapsule interface (PyArrow, Polars, DuckDB relations),
            a pandas Series, or an iterable of bytes or sketches.

    Returns:
        int64, as long as the column; null for a null.

    Raises:
        InvalidInputError: If one of them is not an HLL sketch.
        MissingDependencyError: If PyArrow is not installed.
    """
    return answers(sketches, "hll_sketch_estimate(x::BLOB)")


def hll_bounds(sketches: Data, num_std_dev: int = 2) -> pa.ChunkedArray:
    """The estimates, not rounded, and the intervals around them.

    Args:
        sketches: As for `hll_estimate`.
        num_std_dev: Standard deviations: 1, 2 or 3.

    Returns:
        Structs of `lower`, `estimate` and `upper`, float64; null for a null.

    Raises:
        InvalidInputError: If one of them is not an HLL sketch, or `num_std_dev` is out of range.
        MissingDependencyError: If PyArrow is not installed.
    """
    return answers(sketches, "hll_sketch_bounds(x::BLOB, $sigmas)", sigmas=num_std_dev)


def distinct_bounds(sketches: Data, family: Family, num_std_dev: int) -> pa.ChunkedArray:
    """The estimates of sketches that count distinct values, and the intervals around them: as `hll_bounds`."""
    reading = family.reading
    if not isinstance(reading, DistinctCount):
        raise InvalidInputError(f"{family.plural} do not count distinct values")
    return answers(sketches, reading.bounds.format(state="x::BLOB", deviations="$sigmas"), sigmas=num_std_dev)


def histogram_quantile(histograms: Data, q: float | Iterable[float]) -> pa.ChunkedArray:
    """The quantile of each histogram, or several of each.

    Args:
        histograms: A column of states, as for `hll_estimate`.
        q: A fraction, 0 to 1, or several.

    Returns:
        float64 for a number, lists of float64 for several; null for a null, and of an empty histogram.

    Raises:
        InvalidInputError: If one of them is not a histogram, or `q` is out of range.
        MissingDependencyError: If PyArrow is not installed.
    """
    return _at("approx_histogram_quantile", histograms, q)


def histogram_cdf(histograms: Data, x: float | Iterable[float]) -> pa.ChunkedArray:
    """The fraction of each histogram's values that are at most `x`, or several of each: as `histogram_quantile`."""
    return _at("approx_histogram_cdf", histograms, x)


def histogram_stats(histograms: Data) -> pa.ChunkedArray:
    """What each histogram holds: structs of `count`, `min`, `max`, `mean` and the rest of `approx_histogram_stats`.

    Raises:
        InvalidInputError: If one of them is not a histogram.
        MissingDependencyError: If PyArrow is not installed.
    """
    return answers(histograms, "approx_histogram_stats(x::BLOB)")


def _at(function: str, histograms: Data, points: float | Iterable[float]) -> pa.ChunkedArray:
    if isinstance(points, Iterable):
        numbers = [float(point) for point in points]
        return answers(histograms, f"{function}(x::BLOB, $points::DOUBLE[])", points=numbers)
    return answers(histograms, f"{function}(x::BLOB, $point::DOUBLE)", point=float(points))


def answers(states: Data, expression: str, **parameters: Any) -> pa.ChunkedArray:
    """What an expression over `x` says of each state, as an Arrow column.

    Raises:
        InvalidInputError: If one of them is no such state.
        MissingDependencyError: If PyArrow is not installed.
    """
    pyarrow("an Arrow column of answers")
    with column_of(states) as column:
        return column.select(expression, **parameters).to_arrow_table().column("answer")
