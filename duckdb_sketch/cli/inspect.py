"""`duckdb-sketch inspect`."""

from __future__ import annotations

from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._text import bytes_text
from duckdb_sketch.cli.options import ColumnName, SketchFile
from duckdb_sketch.inspection import QUANTILES, Distinct, Distribution, Summary
from duckdb_sketch.inspection import inspect as inspect_file

_COLUMNS_SIDE_BY_SIDE = 2  # what 80 characters have room for


def inspect(
    file: SketchFile,
    column: ColumnName = None,
) -> None:
    """Say what sketches a Parquet file or a DuckDB database holds: precision, estimates, bytes."""
    summaries = inspect_file(file, column)
    console = Console(highlight=False)
    for name, group in groupby(summaries, key=lambda summary: summary.column.table):
        columns = list(group)
        for start in range(0, len(columns), _COLUMNS_SIDE_BY_SIDE):
            console.print(_table(name, columns[start : start + _COLUMNS_SIDE_BY_SIDE]))


def _table(name: str, summaries: list[Summary]) -> Table:
    table = Table(title=Text(name), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    described = [_describe(summary) for summary in summaries]
    table.add_column("column")
    for summary in summaries:
        table.add_column(Text(summary.column.name), justify="right")
    labels = dict.fromkeys(label for description in described for label in description)
    for label in labels:
        table.add_row(label, *(Text(description.get(label, "")) for description in described))
    return table


def _describe(summary: Summary) -> dict[str, str]:
    """The lines of one column of the table, by their labels."""
    content = summary.content
    lines = {"sketches": "HyperLogLog" if isinstance(content, Distinct) else "approximate histogram"}
    lines |= _describe_distinct(content) if isinstance(content, Distinct) else _describe_distribution(content)
    lines |= {"rows": f"{summary.rows:,}", "NULL": f"{summary.nulls:,}", "empty sketches": f"{summary.empty:,}"}
    if summary.others:
        lines["other or damaged"] = f"{summary.others:,}"
    lines["bytes a sketch"] = f"{summary.bytes / summary.sketches:,.1f}"
    lines["bytes in all"] = bytes_text(summary.bytes)
    return lines


def _describe_distinct(content: Distinct) -> dict[str, str]:
    low, median, high = content.estimates
    lines = {
        "precision": f"lg_k {_range(content.lg_k)}",
        "held as": ", ".join(f"{mode} {count:,}" for mode, count in content.modes.items()),
        "least in a row": f"{low:,.0f} different",
        "median": f"{median:,.0f} different",
        "most": f"{high:,.0f} different",
    }
    if content.union is None:
        return {**lines, "all united": "precisions differ"}
    lower, estimate, upper = content.union
    return {**lines, "all united": f"{estimate:,.0f} different", "95 % sure": f"{lower:,.0f} to {upper:,.0f}"}


def _describe_distribution(content: Distribution) -> dict[str, str]:
    low, median, high = content.counts
    states = {"exact": content.exact, "inexact": content.inexact}
    lines = {
        "precision": f"{_range(content.max_bins)} bins",
        "held as": ", ".join(f"{state} {count:,}" for state, count in states.items() if count),
        "least in a row": f"{low:,.0f} values",
        "median": f"{median:,.0f} values",
        "most": f"{high:,.0f} values",
        "all united": f"{content.total:,} values",
    }
    if content.extremes is None or content.quantiles is None:
        return lines
    quantiles = zip(QUANTILES, content.quantiles, strict=True)
    return {
        **lines,
        "minimum": f"{content.extremes[0]:,.6g}",
        **{f"quantile {fraction:.0%}": f"{value:,.6g}" for fraction, value in quantiles},
        "maximum": f"{content.extremes[1]:,.6g}",
    }


def _range(limits: tuple[int, int]) -> str:
    low, high = limits
    return str(low) if low == high else f"{low} to {high}"
