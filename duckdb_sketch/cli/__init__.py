"""The command line, `duckdb-sketch`. Each command is a module of its own."""

from __future__ import annotations

import sys

import typer

from duckdb_sketch.cli import demo, inspect, install, version
from duckdb_sketch.errors import SketchError

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
app.command()(version.version)


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except SketchError as error:
        print(f"duckdb-sketch: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
