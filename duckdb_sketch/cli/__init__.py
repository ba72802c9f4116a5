"""The command line, `duckdb-sketch`. Each command is a module of its own."""

from __future__ import annotations

import sys

import duckdb
import typer

from duckdb_sketch.cli import demo, inspect, install, plan, plot, rollup, show, spark, version
from duckdb_sketch.cli.output import log_line
from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup.errors import ChangedStatementError, LockedError

app = typer.Typer(
    name="duckdb-sketch",
    help="Distinct counts and distributions that roll up, inside DuckDB.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(inspect.inspect)
app.command()(install.install)
app.command()(plan.plan)
app.command()(plot.plot)
app.command()(show.show)
app.command()(version.version)
rollup.app.command()(spark.spark)
app.add_typer(rollup.app)


_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: another process has the database open


def main() -> None:
    """Run the command line.

    An error is one line on stderr, of JSON where `--json` was asked for. The exit code is 1, of a wrong command line
    2, and 75 if the same command may work later.
    """
    try:
        app()
    except (SketchError, duckdb.Error) as error:
        if "--json" in sys.argv:
            log_line("error", {"kind": type(error).__name__, "message": str(error)})
        else:
            print(f"duckdb-sketch: {_one_line(error)}", file=sys.stderr)
        sys.exit(_TRY_LATER if isinstance(error, LockedError) else 1)


def _one_line(error: Exception) -> str:
    # The difference between two statements is read line by line.
    return str(error) if isinstance(error, ChangedStatementError) else " ".join(str(error).split())
