"""What sketches a Parquet file or a DuckDB database holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch.errors import SketchError
from duckdb_sketch.families import DistinctCount, Distribution, Family, Number
from duckdb_sketch.sketch_file import StateColumn, families_in, fetch_row, opened, states_of

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class DistinctSummary:
    """What a column of states knows of distinct values.

    Attributes:
        modes: How many sketches are held in each mode, of those modes that occur.
        lg_k: The least and the greatest precision, of those that are not empty: an empty one takes any other's.
        estimates: The least, the median and the greatest estimate.
        union: The estimate of all sketches together, with two standard errors either way: (lower, estimate, upper).
            `None` where precisions differ.
    """

    modes: dict[str, int]
    lg_k: tuple[int, int]
    estimates: tuple[float, float, float]
    union: tuple[float, float, float] | None

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.estimates
        lines = {
            "precision": f"lg_k {_range(self.lg_k)}",
            "held as": ", ".join(f"{mode} {count:,}" for mode, count in self.modes.items()),
            "least in a row": f"{low:,.0f} different",
            "median": f"{median:,.0f} different",
            "most": f"{high:,.0f} different",
        }
        if self.union is None:
            return {**lines, "all united": "precisions differ"}
        lower, estimate, upper = self.union
        return {**lines, "all united": f"{estimate:,.0f} different", "95 % sure": f"{lower:,.0f} to {upper:,.0f}"}


@dataclass(frozen=True)
class DistributionSummary:
    """What a column of states knows of the distribution of values.

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

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.counts
        states = {"exact": self.exact, "inexact": self.inexact}
        lines = {
            "precision": f"{_range(self.max_bins)} bins",
            "held as": ", ".join(f"{state} {count:,}" for state, count in states.items() if count),
            "least in a row": f"{low:,.0f} values",
            "median": f"{median:,.0f} values",
            "most": f"{high:,.0f} values",
            "all united": f"{self.total:,} values",
        }
        if self.extremes is None or self.quantiles is None:
            return lines
        quantiles = zip(QUANTILES, self.quantiles, strict=True)
        return {
            **lines,
            "minimum": f"{self.extremes[0]:,.6g}",
            **{f"quantile {fraction:.0%}": f"{value:,.6g}" for fraction, value in quantiles},
            "maximum": f"{self.extremes[1]:,.6g}",
        }


@dataclass(frozen=True)
class NumberSummary:
    """What a column of states says of which one number is read.

    Attributes:
        noun: What the number counts.
        numbers: The least, the median and the greatest.
        union: That of all states together.
    """

    noun: str
    numbers: tuple[float, float, float]
    union: float

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.numbers
        numbers = {"least in a row": low, "median": median, "most": high, "all united": self.union}
        return {label: f"{number:,.6g} {self.noun}" for label, number in numbers.items()}


Content = DistinctSummary | DistributionSummary | NumberSummary


@dataclass(frozen=True)
class Summary:
    """A column of sketches.

    Attributes:
        column: Which one.
        kind: The name of their family.
        title: What one of them is called.
        rows: How many rows its table has.
        nulls: How many of them are NULL.
        others: How many hold other or damaged values, which nothing else here counts.
        empty: How many sketches have seen no value.
        bytes: What the sketches take, before any compression; None of a type that has no bytes of its own.
        content: What they know.
    """

    column: StateColumn
    kind: str
    title: str
    rows: int
    nulls: int
    others: int
    empty: int
    bytes: int | None
    content: Content

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
        sketches = [(column, family) for column in columns for family in families_in(connection, column)]
        if not sketches:
            blobs = ", ".join(map(str, columns)) or "none"
            raise SketchError(f"{file} holds no sketches (its BLOB columns: {blobs})")
        chosen = [(column, family) for column, family in sketches if name in (None, column.name)]
        if not chosen:
            there_are = ", ".join(dict.fromkeys(str(column) for column, _ in sketches))
            raise SketchError(f"{file} has no sketches in a column {name!r}; there are {there_are}")
        return [_summary(connection, column, family) for column, family in chosen]


def _summary(connection: duckdb.DuckDBPyConnection, column: StateColumn, family: Family) -> Summary:
    rows, nulls = fetch_row(connection, f"SELECT count(*), count(*) - count({column.quoted}) FROM {column.source}")
    size = "sum(octet_length(sketch))::BIGINT" if column.data_type == "BLOB" else "NULL"
    sketches, empty, bytes_ = fetch_row(
        connection,
        f"SELECT count(*), count(*) FILTER ({family.is_empty}), {size} FROM {states_of(column, family)}",
    )
    return Summary(
        column=column,
        kind=family.name,
        title=family.title,
        rows=rows,
        nulls=nulls,
        others=rows - nulls - sketches,
        empty=empty,
        bytes=bytes_,
        content=_content(connection, column, family),
    )


def _content(connection: duckdb.DuckDBPyConnection, column: StateColumn, family: Family) -> Content:
    states, reading = states_of(column, family), family.reading
    if isinstance(reading, DistinctCount):
        return _distinct(connection, states, family, reading)
    if isinstance(reading, Distribution):
        return _distribution(connection, states, family, reading)
    return _number(connection, states, family, reading)


def _distinct(
    connection: duckdb.DuckDBPyConnection, states: str, family: Family, reading: DistinctCount
) -> DistinctSummary:
    estimate, seen = _bounds(reading, "sketch"), f"FILTER (NOT ({family.is_empty}))"
    least, greatest, low, median, high, *modes = fetch_row(
        connection,
        f"""
        SELECT
            coalesce(min({reading.lg_k}) {seen}, min({reading.lg_k})),
            coalesce(max({reading.lg_k}) {seen}, max({reading.lg_k})),
            min(estimate), median(estimate), max(estimate),
            {", ".join(f"count(*) FILTER ({condition})" for condition in reading.modes.values())}
        FROM (SELECT *, {estimate}.estimate AS estimate FROM {states})
        """,
    )
    union = None
    if least == greatest:
        (bounds,) = fetch_row(
            connection, f"SELECT {_bounds(reading, 'u')} FROM (SELECT {family.united('sketch')} AS u FROM {states})"
        )
        union = (bounds["lower"], bounds["estimate"], bounds["upper"])
    return DistinctSummary(
        modes={mode: count for mode, count in zip(reading.modes, modes, strict=True) if count},
        lg_k=(least, greatest),
        estimates=(low, median, high),
        union=union,
    )


def _bounds(reading: DistinctCount, state: str) -> str:
    return f"({reading.bounds.format(state=state, deviations=2)})"


def _distribution(
    connection: duckdb.DuckDBPyConnection, states: str, family: Family, reading: Distribution
) -> DistributionSummary:
    exact, inexact, least_bins, most_bins, fewest, median, most, total, low, high, quantiles = fetch_row(
        connection,
        f"""
        SELECT
            count(*) FILTER (about.exact), count(*) FILTER (NOT about.exact),
            min(about.max_bins), max(about.max_bins),
            min(about.count), median(about.count), max(about.count), sum(about.count)::HUGEINT,
            min(about.min), max(about.max),
            {reading.quantile.format(state=family.united("sketch"), q=list(QUANTILES))}
        FROM (SELECT sketch, {reading.stats.format(state="sketch")} AS about FROM {states})
        """,
    )
    return DistributionSummary(
        exact=exact,
        inexact=inexact,
        max_bins=(least_bins, most_bins),
        counts=(fewest, median, most),
        total=total,
        extremes=None if low is None else (low, high),
        quantiles=None if low is None else quantiles,
    )


def _number(connection: duckdb.DuckDBPyConnection, states: str, family: Family, reading: Number) -> NumberSummary:
    number = reading.number.format(state="sketch")
    low, median, high = fetch_row(
        connection, f"SELECT min(n), median(n), max(n) FROM (SELECT {number} AS n FROM {states})"
    )
    union = f"SELECT {reading.number.format(state='u')} FROM (SELECT {family.united('sketch')} AS u FROM {states})"
    return NumberSummary(reading.noun, (low, median, high), fetch_row(connection, union)[0])


def _range(limits: tuple[int, int]) -> str:
    low, high = limits
    return str(low) if low == high else f"{low} to {high}"
