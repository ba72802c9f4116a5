"""What sketches a Parquet file, a folder of them or a DuckDB database holds."""

from __future__ import annotations

from pathlib import Path

import duckdb

from duckdb_sketch.errors import SketchError
from duckdb_sketch.families import DistinctCount, Distribution, Family, Number, Ranking
from duckdb_sketch.sketch_file import StateColumn, families_in, fetch_row, opened, states_of
from duckdb_sketch.summary import (
    QUANTILES,
    Content,
    DistinctSummary,
    DistributionSummary,
    NumberSummary,
    RankingSummary,
    Summary,
)

_RANKED = 5  # that many items are listed


def inspect(file: Path, name: str | None = None) -> list[Summary]:
    """Summarize every column of sketches in a Parquet file, a folder of them, or a DuckDB database.

    A database is opened read-only.

    Args:
        file: The file or folder.
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
    if isinstance(reading, Ranking):
        return _ranking(connection, states, family, reading)
    return _number(connection, states, family, reading)


def _distinct(
    connection: duckdb.DuckDBPyConnection, states: str, family: Family, reading: DistinctCount
) -> DistinctSummary:
    estimate, seen = _bounds(reading, "sketch"), f"FILTER (NOT ({family.is_empty}))"
    least, greatest, low, median, high, *modes = fetch_row(
        connection,
        f"""
        SELECT
            coalesce(min({reading.lg_size}) {seen}, min({reading.lg_size})),
            coalesce(max({reading.lg_size}) {seen}, max({reading.lg_size})),
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
        written="lg_k {0}" if family.precision is None else family.precision.written,
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


def _ranking(connection: duckdb.DuckDBPyConnection, states: str, family: Family, reading: Ranking) -> RankingSummary:
    low, median, high = fetch_row(
        connection,
        f"SELECT min(n), median(n), max(n) FROM (SELECT {reading.total.format(state='sketch')} AS n FROM {states})",
    )
    answers = (reading.total, reading.max_error, reading.items)
    total, max_error, items = fetch_row(
        connection,
        f"SELECT {', '.join(answer.format(state='u', k=_RANKED) for answer in answers)} "
        f"FROM (SELECT {family.united('sketch')} AS u FROM {states})",
    )
    return RankingSummary((low, median, high), total, max_error, [(each["item"], each["count"]) for each in items])
