"""What sketches a Parquet file or a DuckDB database holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch.errors import SketchError
from duckdb_sketch.sketch_file import Column, Kind, fetch_row, kinds_in, opened, valid

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Distinct:
    """What a column of HLL sketches knows of different values.

    Attributes:
        modes: How many sketches are in mode LIST, SET and HLL, of those modes that occur.
        lg_k: The least and the greatest precision, of those that are not empty: an empty one takes any other's.
        estimates: The least, the median and the greatest estimate.
        union: The estimate of all sketches together, with two standard errors either way: (lower, estimate, upper).
            `None` where precisions differ.
    """

    modes: dict[str, int]
    lg_k: tuple[int, int]
    estimates: tuple[float, float, float]
    union: tuple[float, float, float] | None


@dataclass(frozen=True)
class Distribution:
    """What a column of approximate histograms knows of values.

    Attributes:
        exact: How many histograms still hold each value as it is.
        inexact: How many do not.
        max_bins: The least and the greatest number of bins allowed.
        counts: How many values a histogram counted: the least, the median and the greatest number.
        total: How many values all of them counted.
        extremes: The least and the greatest value; `None` where there is no value.
        quantiles: The union's quantiles of `QUANTILES`; `None` where there is no value.
    """

    exact: int
    inexact: int
    max_bins: tuple[int, int]
    counts: tuple[float, float, float]
    total: int
    extremes: tuple[float, float] | None
    quantiles: list[float] | None


@dataclass(frozen=True)
class Summary:
    """A column of sketches.

    Attributes:
        column: Which one.
        kind: Of which sketches.
        rows: How many rows its table has.
        nulls: How many of them are NULL.
        others: How many hold other or damaged blobs, which nothing else here counts.
        empty: How many sketches have seen no value.
        bytes: What the sketches take, before any compression.
        content: What they know.
    """

    column: Column
    kind: Kind
    rows: int
    nulls: int
    others: int
    empty: int
    bytes: int
    content: Distinct | Distribution

    @property
    def sketches(self) -> int:
        """How many rows hold a sketch."""
        return self.rows - self.nulls - self.others


def inspect(file: Path, name: str | None = None) -> list[Summary]:
    """Summarize every column of sketches in a Parquet file or a DuckDB database, which is opened read-only.

    Args:
        file: The file.
        name: Only the columns of this name.

    Raises:
        SketchError: If there is no such file, no sketch in it, no such column, or DuckDB cannot read it.
        LoadError: If the extension cannot be loaded.
    """
    with opened(file) as (connection, columns):
        kinds = {column: kinds_in(connection, column) for column in columns}
        sketches = [(column, kind) for column, found in kinds.items() for kind in found]
        if not sketches:
            blobs = ", ".join(map(str, columns)) or "none"
            raise SketchError(f"{file} holds no sketches (its BLOB columns: {blobs})")
        chosen = [(column, kind) for column, kind in sketches if name in (None, column.name)]
        if not chosen:
            there_are = ", ".join(dict.fromkeys(str(column) for column, _ in sketches))
            raise SketchError(f"{file} has no sketches in a column {name!r}; there are {there_are}")
        return [_summary(connection, column, kind) for column, kind in chosen]


def _summary(connection: duckdb.DuckDBPyConnection, column: Column, kind: Kind) -> Summary:
    rows, nulls = fetch_row(connection, f"SELECT count(*), count(*) - count({column.quoted}) FROM {column.source}")
    seen = "about.coupons" if kind == "hll" else "about.count + about.non_finite"
    sketches, empty, bytes_ = fetch_row(
        connection,
        f"""
        SELECT count(*), count(*) FILTER ({seen} = 0), sum(octet_length(sketch))::BIGINT FROM {valid(column, kind)}
        """,
    )
    return Summary(
        column=column,
        kind=kind,
        rows=rows,
        nulls=nulls,
        others=rows - nulls - sketches,
        empty=empty,
        bytes=bytes_,
        content=_distinct(connection, column) if kind == "hll" else _distribution(connection, column),
    )


def _distinct(connection: duckdb.DuckDBPyConnection, column: Column) -> Distinct:
    sketches = valid(column, "hll")
    *modes, least, greatest, low, median, high = fetch_row(
        connection,
        f"""
        SELECT
            count(*) FILTER (about.mode = 'LIST'), count(*) FILTER (about.mode = 'SET'),
            count(*) FILTER (about.mode = 'HLL'),
            coalesce(min(about.lg_k) FILTER (about.coupons > 0), min(about.lg_k)),
            coalesce(max(about.lg_k) FILTER (about.coupons > 0), max(about.lg_k)),
            min(about.estimate), median(about.estimate), max(about.estimate)
        FROM {sketches}
        """,
    )
    union = None
    if least == greatest:
        (bounds,) = fetch_row(connection, f"SELECT hll_sketch_bounds(hll_union_agg(sketch), 2) FROM {sketches}")
        union = (bounds["lower"], bounds["estimate"], bounds["upper"])
    return Distinct(
        modes={mode: count for mode, count in zip(("LIST", "SET", "HLL"), modes, strict=True) if count},
        lg_k=(least, greatest),
        estimates=(low, median, high),
        union=union,
    )


def _distribution(connection: duckdb.DuckDBPyConnection, column: Column) -> Distribution:
    row = fetch_row(
        connection,
        f"""
        SELECT
            count(*) FILTER (about.exact), count(*) FILTER (NOT about.exact),
            min(about.max_bins), max(about.max_bins),
            min(about.count), median(about.count), max(about.count), sum(about.count)::HUGEINT,
            min(about.min), max(about.max),
            approx_histogram_quantile(approx_histogram_union_agg(sketch), {list(QUANTILES)})
        FROM {valid(column, "histogram")}
        """,
    )
    exact, inexact, least_bins, most_bins, fewest, median, most, total, low, high, quantiles = row
    return Distribution(
        exact=exact,
        inexact=inexact,
        max_bins=(least_bins, most_bins),
        counts=(fewest, median, most),
        total=total,
        extremes=None if low is None else (low, high),
        quantiles=None if low is None else quantiles,
    )
