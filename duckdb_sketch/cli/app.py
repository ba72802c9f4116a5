"""The list of commands."""

from __future__ import annotations

from typing import Annotated, ClassVar

import typer

from duckdb_sketch.cli.lazy import Command, LazyGroup, new_app
from duckdb_sketch.cli.version import version


class Commands(LazyGroup):
    """The commands of `duckdb-sketch`."""

    lazy: ClassVar = {
        "demo": Command(
            "duckdb_sketch.cli.demo:demo",
            "Roll up a year of flights and a week of bids: how large, exact and fast the results are, and a picture.",
        ),
        "inspect": Command(
            "duckdb_sketch.cli.inspect:inspect",
            "Print the sketches in a Parquet file or a DuckDB database: precision, estimates, bytes.",
        ),
        "install": Command(
            "duckdb_sketch.cli.install:install",
            "Make LOAD duckdb_sketch FROM duckdb_sketch work in all of your DuckDB 2.x clients.",
        ),
        "plan": Command(
            "duckdb_sketch.cli.plan:plan",
            "Choose the precision of each kind of sketch for an error, and print the size of such a rollup.",
        ),
        "plot": Command(
            "duckdb_sketch.cli.plot:plot",
            "Draw the sketches of a rollup: a distribution, uniques or quantiles over time, or the daily cycle.",
        ),
        "query": Command(
            "duckdb_sketch.cli.query:query",
            "Query the events, answered from the rollups that read least, and from raw files for the rest.",
        ),
        "serve": Command(
            "duckdb_sketch.cli.serve:serve",
            "Refresh rollups on their triggers, and answer queries over HTTP at the same time.",
        ),
        "show": Command(
            "duckdb_sketch.cli.show:show",
            "Draw the sketches of a rollup in the terminal: distributions as bars, values over time as a line.",
        ),
        "uninstall": Command(
            "duckdb_sketch.cli.uninstall:uninstall",
            "Remove the files that install has written to DuckDB's folders; the package stays.",
        ),
        "version": Command("duckdb_sketch.cli.version:version", "Print the versions of duckdb_sketch and DuckDB."),
        "rollup": Command(
            "duckdb_sketch.cli.rollup:app",
            "Tables that stay right and current: one SELECT … GROUP BY is the whole specification.",
        ),
    }


app = new_app(
    name="duckdb-sketch",
    cls=Commands,
    help="Distinct counts and distributions that roll up, inside DuckDB.",
    no_args_is_help=True,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the versions.")
    ] = False,
) -> None:
    # What comes before a command.
    return
