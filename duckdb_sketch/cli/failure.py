"""What is said of an error, and the exit code that it leads to."""

from __future__ import annotations

import sys

import duckdb

from duckdb_sketch.cli.output import log_line
from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup.errors import ChangedFilesError, ChangedStatementError, LockedError

_CHANGED_FILES = 3  # everything else has been counted
_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: another process has the database open


def report(error: Exception) -> int:
    """Write an error to stderr as one line, of JSON where `--json` was asked for.

    Args:
        error: Raised again if it is neither this package's nor DuckDB's: then it is a bug, and has a traceback.

    Returns:
        The exit code: 75 if the same command may work later, 3 if files changed after they were counted, else 1.
    """
    if not isinstance(error, (SketchError, duckdb.Error)):
        raise error
    if "--json" in sys.argv:
        log_line("error", {"kind": type(error).__name__, "message": str(error)})
    else:
        print(f"duckdb-sketch: {_text(error)}", file=sys.stderr)
    if isinstance(error, LockedError):
        return _TRY_LATER
    return _CHANGED_FILES if isinstance(error, ChangedFilesError) else 1


def _text(error: Exception) -> str:
    # The difference between two statements is read line by line.
    return str(error) if isinstance(error, ChangedStatementError) else " ".join(str(error).split())
