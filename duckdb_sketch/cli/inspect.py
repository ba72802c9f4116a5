"""`duckdb-sketch inspect`."""

from __future__ import annotations

from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._text import bytes_text
from duckdb_sketch.cli.options import ColumnName, SketchFile
from duckdb_sketch.inspection import inspect as inspect_file
from duckdb_sketch.summary import Summary

_COLUMNS_SIDE_BY_SIDE = 2  # what 80 characters have room for


def inspect(
    file: SketchFile,
    column: ColumnName = None,
) -> None:
    """Print the sketches in a Parquet file or a DuckDB database: precision, estimates, bytes."""
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
    lines = {"sketches": summary.title} | summary.content.lines()
    lines |= {"rows": f"{summary.rows:,}", "NULL": f"{summary.nulls:,}", "empty sketches": f"{summary.empty:,}"}
    if summary.others:
        lines["other or damaged"] = f"{summary.others:,}"
    if summary.bytes is not None:
        lines["bytes per sketch"] = f"{summary.bytes / summary.sketches:,.1f}"
        lines["bytes in all"] = bytes_text(summary.bytes)
    return lines
