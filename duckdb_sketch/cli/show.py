"""`duckdb-sketch show`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._blocks import bar, sparkline
from duckdb_sketch._text import number_text
from duckdb_sketch.cli.options import ColumnName, SketchFile, TimeColumn, Where
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.selection import Group, Selection, sketch_columns
from duckdb_sketch.sketch_file import opened
from duckdb_sketch.values import ApproxHistogram, Bucket, HllSketch
from duckdb_sketch.view import extremes, view_of

_BUCKETS = 14
_FEW = 16  # so many different values have a line each
_SPARKS = 60
_SMALL = 24


def show(
    file: SketchFile,
    column: ColumnName = None,
    table: Annotated[str | None, typer.Option(help="Only those of this table.")] = None,
    time: TimeColumn = None,
    where: Where = None,
    every: Annotated[str | None, typer.Option(help="The width of a bucket over time: minute to year.")] = None,
    group_by: Annotated[
        list[str] | None, typer.Option(help="A line for each value of this column; may be given again.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many groups, those with most first.", min=1)] = 10,
) -> None:
    """Draw the sketches of a rollup in the terminal: distributions as bars, what changes over time as a line."""
    console = Console(highlight=False)
    with opened(file) as (connection, columns):
        for index, (chosen, kind) in enumerate(sketch_columns(connection, columns, table, column)):
            selection = Selection(connection, chosen, kind, where or "true").checked()
            if every is not None and not selection.times():
                raise InvalidInputError(f"every {every}: {chosen.table} has no column of times")
            if index:
                console.print()
            if group_by:
                _show_groups(console, selection, group_by, top)
            elif kind == "hll":
                _show_uniques(console, selection, time, every)
            else:
                _show_distribution(console, selection, time, every)


def _show_uniques(console: Console, selection: Selection, time: str | None, every: str | None) -> None:
    bounds = HllSketch(selection.united()).bounds(2)
    _headline(
        console,
        selection,
        f"{bounds.estimate:,.0f} different, 95 % sure of {bounds.lower:,.0f} to {bounds.upper:,.0f}",
    )
    _show_timeline(console, selection, time, every, "different values")


def _show_distribution(console: Console, selection: Selection, time: str | None, every: str | None) -> None:
    histogram = ApproxHistogram(selection.united())
    stats = histogram.stats
    if not stats.count:
        _headline(console, selection, "no values")
        return
    least, greatest = extremes(stats)
    mean = number_text(stats.mean or 0.0)
    text = f"{stats.count:,} values, {number_text(least)} to {number_text(greatest)}, mean {mean}"
    _headline(console, selection, text)
    rows = _rows(histogram)
    most = max(count for _, count in rows)
    room = max(10, min(console.width, 100) - max(len(name) for name, _ in rows) - len(f"{most:,.0f}") - 14)
    table = Table.grid(padding=(0, 1))
    for justify in ("right", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for name, count in rows:
        drawn = Text(bar(count / most, room).ljust(room), style="red")
        table.add_row(Text(name), drawn, f"{count:,.0f}", f"{100 * count / stats.count:.1f} %")
    console.print(table)
    for line in view_of(histogram, "auto").left_out:
        console.print(Text(f"({line})", style="dim"))
    _show_timeline(console, selection, time, every, "median")


def _rows(histogram: ApproxHistogram) -> list[tuple[str, float]]:
    """The lines of a histogram: where, and how many."""
    if histogram.stats.exact and histogram.stats.bins <= _FEW:
        return [(number_text(bin.center), bin.count) for bin in histogram.bins]
    edges = view_of(histogram, "auto").edges(_BUCKETS)
    return [(_range(bucket), bucket.count) for bucket in histogram.buckets(edges)]


def _range(bucket: Bucket) -> str:
    return f"{number_text(bucket.lower)} to {number_text(bucket.upper)}"


def _show_timeline(console: Console, selection: Selection, time: str | None, every: str | None, what: str) -> None:
    if time is None and every is None and len(selection.times()) > 1:
        console.print(Text(f"(over time: choose --time {' or '.join(selection.times())})", style="dim"))
        return
    name = selection.time(time)
    line = selection.timeline(name, every, min(console.width, _SPARKS)) if name else None
    if line is None:
        return
    unit, states = line
    values = [None if state is None else _value(selection, state) for state in states]
    known = [value for value in values if value is not None]
    if not known:
        return
    console.print(Text(f"{what} by {unit}, {number_text(min(known))} to {number_text(max(known))}:"))
    console.print(Text(sparkline(values), style="red"), no_wrap=True)


def _value(selection: Selection, state: bytes) -> float | None:
    return HllSketch(state).estimate if selection.kind == "hll" else ApproxHistogram(state).quantile(0.5)


def _show_groups(console: Console, selection: Selection, by: list[str], top: int) -> None:
    groups = selection.groups(by)
    _headline(console, selection, f"{len(groups):,} {'group' if len(groups) == 1 else 'groups'}")
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in by:
        table.add_column(Text(name), overflow="ellipsis")
    draw = _distinct_rows if selection.kind == "hll" else _distribution_rows
    draw(console, table, groups, top)
    console.print(table)
    if len(groups) > top:
        console.print(Text(f"(and {len(groups) - top:,} more)", style="dim"))


def _distinct_rows(console: Console, table: Table, groups: list[Group], top: int) -> None:
    bounds = {group: HllSketch(group.state).bounds(2) for group in groups}
    largest = sorted(groups, key=lambda group: -bounds[group].estimate)[:top]
    most = max((bounds[group].estimate for group in largest), default=0) or 1
    table.add_column("")
    table.add_column("different", justify="right")
    table.add_column("95 % sure", justify="right")
    for group in largest:
        lower, estimate, upper = bounds[group]
        drawn = Text(bar(estimate / most, _SMALL).ljust(_SMALL), style="red")
        table.add_row(*map(Text, group.name), drawn, f"{estimate:,.0f}", f"{lower:,.0f} to {upper:,.0f}")


def _distribution_rows(console: Console, table: Table, groups: list[Group], top: int) -> None:
    histograms = {group: ApproxHistogram(group.state) for group in groups}
    largest = sorted(groups, key=lambda group: -histograms[group].stats.count)[:top]
    for name in ("values", "5 %", "median", "95 %"):
        table.add_column(name, justify="right")
    counted = [histograms[group] for group in largest if histograms[group].stats.count]
    edges: list[float] = []
    if counted:
        edges = view_of(ApproxHistogram.from_states(counted), "auto").edges(_SMALL)
        table.add_column(f"{number_text(edges[0])} to {number_text(edges[-1])}")
    for group in largest:
        histogram = histograms[group]
        numbers = ["" if value is None else number_text(value) for value in histogram.quantile([0.05, 0.5, 0.95])]
        drawn = sparkline([bucket.count for bucket in histogram.buckets(edges)], low=0) if numbers[0] else ""
        table.add_row(*map(Text, group.name), f"{histogram.stats.count:,}", *numbers, Text(drawn, style="red"))


def _headline(console: Console, selection: Selection, text: str) -> None:
    rows = selection.rows()
    console.print(Text.assemble((str(selection.column), "bold"), f"  {rows:,} {'row' if rows == 1 else 'rows'}"))
    console.print(Text(text))
