"""What is said of an error, and the exit code that it leads to."""

from __future__ import annotations

import re
import sys

import duckdb

from duckdb_sketch.cli.output import log_line, printable
from duckdb_sketch.errors import InvalidInputError, SketchError
from duckdb_sketch.rollup.errors import ChangedFilesError, ChangedStatementError, LockedError

_CHANGED_FILES = 3  # everything else has been counted
_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: another process has the database open
# What files, disks, encodings and numbers out of range raise, wherever they are met.
_EXTERNAL = (SketchError, duckdb.Error, OSError, UnicodeError, OverflowError, MemoryError, RecursionError)
# How options are written in Python: with the command line's spelling behind it, and without.
_BOTH = re.compile(r"\b[a-z_]+=(?:'[^']*'|\{[^}]*\}) \((--[^)]*)\)")
_PYTHON = re.compile(
    r"\b(on_change|time_zone|allowed_lateness|late|memory_limit|older_than|name|missing|every|keep_changes|partition|sample|since)='([^']*)'"
)
_PHRASES = {
    "(wait=60, --wait 60)": "(--wait 60)",
    "before=datetime(2026, 1, 1)": "--before 2026-01-01",
    " (drop_rollup)": "",
}


def report(error: Exception) -> int:
    """Write an error to stderr as one line, of JSON where `--json` was asked for.

    Args:
        error: Raised again if neither this package nor anything outside of it raises such: then it is a bug, and has
            a traceback; unless an argument is not UTF-8, which is said instead.

    Returns:
        The exit code: 75 if the same command may work later, 3 if files changed after they were counted, else 1.
    """
    if not isinstance(error, _EXTERNAL):
        strange = [argument for argument in sys.argv if not _is_text(argument)]
        if not strange:
            raise error
        # What DuckDB raises for those is another exception in each version, and none of its own.
        error = InvalidInputError(f"the argument {strange[0]!r} is not UTF-8")
    if "--json" in sys.argv:
        log_line("error", {"kind": type(error).__name__, "message": _spelled(_text(error))})
    else:
        print(f"duckdb-sketch: {printable(_one_line(error))}", file=sys.stderr)
    if isinstance(error, LockedError):
        return _TRY_LATER
    return _CHANGED_FILES if isinstance(error, ChangedFilesError) else 1


def _is_text(argument: str) -> bool:
    """Whether an argument was UTF-8: bytes that were not are surrogates."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _one_line(error: Exception) -> str:
    text = _spelled(_text(error))
    # The difference between two statements is read line by line.
    return text if isinstance(error, ChangedStatementError) else re.sub(r" *\n\s*", " ", text.strip())


def _spelled(text: str) -> str:
    """An error as the command line's user would have written what it names."""
    for python, option in _PHRASES.items():
        text = text.replace(python, option)
    return _PYTHON.sub(_option, _BOTH.sub(r"\1", text))


def _option(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f"--{name.replace('_', '-')} {repr(value) if ' ' in value else value}"
