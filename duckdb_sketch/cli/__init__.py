"""The command line, `duckdb-sketch`. Each command is a module of its own, imported when it is called."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line.

    An error is one line on stderr, of JSON where `--json` was asked for. The exit code is 1, of a wrong command line
    2, and 75 if the same command may work later.
    """
    if sys.argv[1:] in (["version"], ["--version"]):
        # Asked for by scripts again and again. The parser of command lines alone takes 0.15 s to import.
        from duckdb_sketch.cli.version import version

        version()
        return
    from duckdb_sketch.cli.app import app

    try:
        app()
    except Exception as error:
        from duckdb_sketch.cli.failure import report  # only here: it has to know DuckDB's errors

        sys.exit(report(error))
