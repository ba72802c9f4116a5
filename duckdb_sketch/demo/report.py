"""What the demo prints: tables and sentences for 80 columns and more."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._sql import quote
from duckdb_sketch._text import bytes_text
from duckdb_sketch.demo.accuracy import GROUPINGS, QUANTILES, Grouping, RankError, UniquesError
from duckdb_sketch.demo.bids import BID_DAYS, BID_HOURS, BIDS, Asked, RawBids
from duckdb_sketch.demo.rollup import DATABASE, LevelCost, Raw
from duckdb_sketch.demo.timing import REPEATS, Timing

_TITLES = {"flights_hourly": "hours", "flights_daily": "days", "flights_monthly": "months"}
_TITLES_OF_BIDS = {BID_HOURS: "hours", BID_DAYS: "days"}


def print_sizes(console: Console, raw: Raw, levels: list[LevelCost]) -> None:
    """Rows and bytes before and after."""
    table = _table("Rows and bytes (Parquet: zstd)", "", "rows", "flights per row", "Parquet", "DuckDB", "made in")
    table.add_row(f"raw, {raw.columns} columns", f"{raw.rows:,}", "1", bytes_text(raw.parquet_bytes), "", "")
    table.add_row("raw, 5 columns", f"{raw.rows:,}", "1", bytes_text(raw.used_bytes), "", "")
    table.add_section()
    for level in levels:
        table.add_row(
            _TITLES[level.table],
            f"{level.rows:,}",
            f"{raw.rows / level.rows:,.1f}",
            bytes_text(level.parquet_bytes),
            bytes_text(level.duckdb_bytes),
            f"{level.seconds:.2f} s",
        )
    _print(console, table)
    for level in levels:
        _note(console, _size_sentence(raw, level))
    _note(
        console,
        "Hours, days and months are each by origin and carrier; the 5 columns are those that they are made of. An "
        "hour of one carrier at one airport is only a few flights.",
    )


def print_bids(
    console: Console, flights: Raw, levels: list[LevelCost], bids: RawBids, bid_levels: list[LevelCost]
) -> None:
    """What a rollup saves of few and of many events per row."""
    columns = ("events per row", "raw", "rolled up", "smaller by")
    table = _table("Where a rollup pays (Parquet: zstd)", "", *columns)
    named = [*((f"flights, {_TITLES[level.table]}", flights.rows, flights.used_bytes, level) for level in levels)]
    named += [(f"bids, {_TITLES_OF_BIDS[level.table]}", bids.rows, bids.parquet_bytes, level) for level in bid_levels]
    for name, events, raw, level in named:
        if level.table == BID_HOURS:
            table.add_section()
        size = level.parquet_bytes
        share = f"{events / level.rows:,.1f}"
        table.add_row(name, share, bytes_text(raw), bytes_text(size), f"{raw / size:.1f}x")
    _print(console, table)
    fewer = f" ({BIDS:,} with the native extension, which is faster)" if bids.rows < BIDS else ""
    _note(
        console,
        f"{bids.rows:,} generated bids of a week{fewer}, by country, next to the flights. A state takes up to a few "
        "kilobytes, so a rollup pays if a row replaces hundreds of events or more.",
    )


def print_uniques(console: Console, errors: list[tuple[Grouping, UniquesError]]) -> None:
    """Estimates of distinct aircraft against the exact numbers."""
    table = _table(
        "Distinct aircraft: estimated against exact", "groups by", "groups", "exactly right", "mean", "worst"
    )
    for grouping, error in errors:
        _separate(table, grouping)
        table.add_row(
            _name(grouping),
            f"{error.groups:,}",
            f"{error.correct:.1%}",
            f"{error.mean:.2f} se",
            f"{error.worst:.2f} se",
        )
    _print(console, table)
    _note(
        console,
        f"se: standard errors, of 1.04 / sqrt(4096) = {1.04 / 4096**0.5:.3%} of the exact number. About two estimates "
        "in three should be within one. Up to a few hundred values, a sketch knows each value and is exact.",
    )


def print_quantiles(console: Console, errors: list[tuple[Grouping, RankError]]) -> None:
    """Rank errors of the quantiles."""
    table = _table("Departure delays: rank errors of quantiles", "groups by", "mean", "worst", "guaranteed")
    for grouping, error in errors:
        _separate(table, grouping)
        table.add_row(_name(grouping), f"{error.mean:.3%}", f"{error.worst:.2%}", f"{error.guaranteed:.2%}")
    _print(console, table)
    quantiles = ", ".join(f"{100 * fraction:g}" for fraction in QUANTILES)
    _note(
        console,
        f"Over the quantiles {quantiles} %. A rank error of 1 % in the median: 49 % or 51 % of the departures had at "
        "most this delay. Guaranteed: no sketch of those groups can be off by more.",
    )


def print_timings(console: Console, timings: list[Timing]) -> None:
    """The same question on raw and on rolled-up data."""
    table = _table(f"The same question, from Parquet (best of {REPEATS})", "", "raw, exact", *_TITLES.values())
    for timing in timings:
        estimates = [_milliseconds(timing.rolled_up[name], timing.raw) for name in _TITLES]
        table.add_row(timing.question, f"{1000 * timing.raw:.1f} ms", *estimates)
    _print(console, table)
    _note(
        console,
        "Distinct aircraft by carrier; the quantiles 50, 90 and 99 % of delays by month. In brackets: how many times "
        "as fast as the raw flights; below 1x it is slower.",
    )


def print_files(console: Console, files: list[Path]) -> None:
    """What was written."""
    table = _table("Written", "file", "bytes")
    for file in files:
        table.add_row(str(file), bytes_text(file.stat().st_size))
    _print(console, table)


def print_sql(console: Console, folder: Path) -> None:
    """Statements that the reader can paste."""
    _note(console, "To go on in a DuckDB 2.0 shell, run `duckdb-sketch install` once, start it here, and paste:")
    console.print()
    console.print(Text(_sql(folder)), soft_wrap=True)


def print_query(console: Console, asked: Asked) -> None:
    """A query over the bids themselves, its rows, and what they were read from."""
    console.print()
    _note(console, "Or ask about the bids themselves, in Python or with `duckdb-sketch query`:")
    console.print()
    answer = asked.answer
    console.print(Text(answer.explanation.query), soft_wrap=True)
    relation = answer.relation
    estimates = answer.explanation.approximate
    first, *others = (f"~{name}" if name in estimates else name for name in relation.columns)
    table = _table("From the rollups (~: estimates)", first, *others)
    for row in relation.fetchall():
        table.add_row(*(_cell(value) for value in row))
    _print(console, table)
    _note(
        console,
        f"Answered in {1000 * asked.seconds:.0f} ms, planning included; exactly, from the raw file, in "
        f"{1000 * asked.raw_seconds:.0f} ms. What was read (--explain):",
    )
    console.print()
    console.print(Text(str(answer.explanation)), soft_wrap=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _sql(folder: Path) -> str:
    return f"""\
LOAD duckdb_sketch FROM duckdb_sketch;
ATTACH {quote(folder / DATABASE)} AS demo (READ_ONLY);

-- Distinct aircraft and the delay that 90 % do not exceed, by month and airport.
SELECT
    month,
    origin,
    hll_sketch_estimate(hll_union_agg(aircraft)) AS distinct_aircraft,
    approx_histogram_quantile(approx_histogram_union_agg(delays), 0.9) AS p90_delay
FROM demo.flights_monthly
GROUP BY ALL ORDER BY ALL;

-- A question nobody planned for, from the hours in Parquet: the evenings of the summer.
SELECT
    carrier,
    sum(flights) AS flights,
    hll_sketch_bounds(hll_union_agg(aircraft), 2) AS aircraft,
    approx_histogram_cdf(approx_histogram_union_agg(delays), 15) AS on_time
FROM {quote(folder / "flights_hourly.parquet")}
WHERE month(hour) BETWEEN 6 AND 8 AND hour(hour) >= 18
GROUP BY carrier ORDER BY flights DESC;"""


def _size_sentence(raw: Raw, level: LevelCost) -> str:
    return (
        f"{_TITLES[level.table].capitalize()}: {level.rows / raw.rows:.1%} of the rows, "
        f"{level.parquet_bytes / raw.parquet_bytes:.0%} of the bytes of the whole raw file, "
        f"{level.parquet_bytes / raw.used_bytes:.0%} of those of the 5 columns."
    )


def _milliseconds(seconds: float, raw: float) -> str:
    return f"{1000 * seconds:.1f} ms ({raw / seconds:.1f}x)"


def _name(grouping: Grouping) -> str:
    return ", ".join([grouping.granularity, *grouping.dimensions])


def _separate(table: Table, grouping: Grouping) -> None:
    first_without_dimensions = next(other for other in GROUPINGS if not other.dimensions)
    if grouping == first_without_dimensions:
        table.add_section()


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE_HEAD)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _print(console: Console, table: Table) -> None:
    console.print()
    console.print(table)


def _note(console: Console, text: str) -> None:
    console.print(Text(text))
