"""`duckdb-sketch plan`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from duckdb_sketch._text import bytes_text
from duckdb_sketch.cli.output import Output
from duckdb_sketch.families.histogram import HISTOGRAM
from duckdb_sketch.families.hll import HLL
from duckdb_sketch.families.theta import THETA
from duckdb_sketch.families.top_k import TOP_K
from duckdb_sketch.sizing import Sizing, size_rollup

_YEAR_OF_HOURS = 8_760


def plan(
    error: Annotated[float, typer.Option(help="Relative standard error of distinct counts: 0.01 is 1 %.")] = 0.02,
    rank_error: Annotated[float, typer.Option(help="Rank error of quantiles: 0.01 is 1 %.")] = 0.01,
    item_error: Annotated[
        float, typer.Option(help="How much too high a frequent item's count may be: 0.001 is 0.1 % of all values.")
    ] = 0.001,
    uniques: Annotated[float, typer.Option(help="Distinct values in all raw rows, such as 1e6.")] = 1e6,
    rows: Annotated[float, typer.Option(help="Raw rows, such as 1e9.")] = 1e8,
    rollup_rows: Annotated[
        float,
        typer.Option(help="Rows of the rollup: time buckets x combinations of dimensions. Default: a year of hours."),
    ] = _YEAR_OF_HOURS,
    raw_row: Annotated[int, typer.Option(help="Bytes per raw row.")] = 50,
    key_bytes: Annotated[int, typer.Option(help="Bytes per row of the rollup without its sketches.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Choose the precision of each kind of sketch for an error, and print the size of such a rollup."""
    chosen = size_rollup(
        error=error,
        rank_error=rank_error,
        item_error=item_error,
        uniques=round(uniques),
        rows=round(rows),
        rollup_rows=round(rollup_rows),
        raw_row=raw_row,
        key_bytes=key_bytes,
    )
    output = Output(as_json)
    if as_json:
        output.document(chosen)
        return
    output.table(_precision(chosen))
    output.table(_storage(chosen))
    output.line(f"The rollup is {_times(chosen.reduction)} smaller.")
    if chosen.reduction < 1:
        output.line("That is no gain: take longer buckets, fewer dimensions, or less precision.")


def _precision(chosen: Sizing) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("", "write", "error", "bytes"):
        table.add_column(name, justify="right" if name == "bytes" else "left")
    table.add_row(
        "distinct counts",
        HLL.build.call("x", str(chosen.lg_k)),
        f"{chosen.standard_error:.2%} standard",
        f"{chosen.distinct_bytes:,}",
    )
    table.add_row(
        "set operations",
        THETA.build.call("x", str(chosen.lg_nom_entries)),
        f"{chosen.theta_error:.2%} standard",
        f"{chosen.theta_bytes:,}",
    )
    table.add_row(
        "distributions",
        HISTOGRAM.build.call("x", str(chosen.bins)),
        f"{chosen.rank_error:.2%} of rank",
        f"{chosen.distribution_bytes:,}",
    )
    table.add_row(
        "frequent items",
        TOP_K.build.call("x", str(chosen.max_items)),
        f"{100 * chosen.count_error:.2g}% of values",
        f"{chosen.items_bytes:,}",
    )
    return table


def _storage(chosen: Sizing) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("", "rows", "bytes", "per row"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row("raw", f"{chosen.rows:,}", bytes_text(chosen.raw_bytes), f"{chosen.raw_bytes / chosen.rows:,.0f}")
    a_row = chosen.rollup_bytes / chosen.rollup_rows
    table.add_row("rollup", f"{chosen.rollup_rows:,}", bytes_text(chosen.rollup_bytes), f"{a_row:,.0f}")
    table.caption = f"About {chosen.uniques_a_row:,} distinct values per row, in an HLL sketch and a histogram."
    return table


def _times(factor: float) -> str:
    return f"{factor:,.0f} times" if factor >= 10 else f"{factor:.2g} times"
