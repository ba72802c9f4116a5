"""`duckdb-sketch show`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._blocks import sparkline
from duckdb_sketch._text import number_text
from duckdb_sketch.cli.options import ColumnName, SketchFile, TimeColumn, Where
from duckdb_sketch.cli.rendering import Rendering, rendering_of
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.selection import Selection, sketch_columns
from duckdb_sketch.sketch_file import opened

_SPARKS = 60


def show(
    file: SketchFile,
    column: ColumnName = None,
    table: Annotated[str | None, typer.Option(help="Only sketches of this table.")] = None,
    time: TimeColumn = None,
    where: Where = None,
    every: Annotated[str | None, typer.Option(help="Bucket width over time: minute to year.")] = None,
    group_by: Annotated[
        list[str] | None, typer.Option(help="One line per value of this column; may be repeated.")
    ] = None,
    top: Annotated[int, typer.Option(help="Number of groups, largest first.", min=1)] = 10,
) -> None:
    """Draw the sketches of a rollup in the terminal: distributions as bars, values over time as a line."""
    console = Console(highlight=False)
    with opened(file) as (connection, columns):
        for index, (chosen, family) in enumerate(sketch_columns(connection, columns, table, column)):
            selection = Selection(connection, chosen, family, where or "true").checked()
            if every is not None and not selection.times():
                raise InvalidInputError(f"every {every}: {chosen.table} has no column of times")
            if index:
                console.print()
            rendering = rendering_of(selection)
            if group_by:
                _show_groups(console, selection, rendering, group_by, top)
            else:
                _show_united(console, selection, rendering, time, every)


def _show_united(
    console: Console, selection: Selection, rendering: Rendering, time: str | None, every: str | None
) -> None:
    state = selection.united()
    _headline(console, selection, rendering.headline(state))
    rendering.picture(console, state)
    _show_timeline(console, selection, rendering, time, every)


def _show_timeline(
    console: Console, selection: Selection, rendering: Rendering, time: str | None, every: str | None
) -> None:
    if time is None and every is None and len(selection.times()) > 1:
        console.print(Text(f"(over time: choose --time {' or '.join(selection.times())})", style="dim"))
        return
    name = selection.time(time)
    line = selection.timeline(name, every, min(console.width, _SPARKS)) if name else None
    if line is None:
        return
    unit, states = line
    values = [None if state is None else rendering.number(state) for state in states]
    known = [value for value in values if value is not None]
    if not known:
        return
    low, high = number_text(min(known)), number_text(max(known))
    console.print(Text(f"{rendering.series} by {unit}, {low} to {high}:"))
    console.print(Text(sparkline(values), style="red"), no_wrap=True)


def _show_groups(console: Console, selection: Selection, rendering: Rendering, by: list[str], top: int) -> None:
    groups = selection.groups(by)
    _headline(console, selection, f"{len(groups):,} {'group' if len(groups) == 1 else 'groups'}")
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in by:
        table.add_column(Text(name), overflow="ellipsis")
    rendering.rows(console, table, groups, top)
    console.print(table)
    if len(groups) > top:
        console.print(Text(f"(and {len(groups) - top:,} more)", style="dim"))


def _headline(console: Console, selection: Selection, text: str) -> None:
    rows = selection.rows()
    console.print(Text.assemble((str(selection.column), "bold"), f"  {rows:,} {'row' if rows == 1 else 'rows'}"))
    console.print(Text(text))
