"""The command line, `duckdb-sketch`. Each command is a module of its own, imported when it is called."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Stopped(BaseException):
    """A signal asked the process to end. typer handles KeyboardInterrupt by itself; this it lets through."""


def main() -> None:
    """Run the command line.

    An error is one line on stderr, of JSON where `--json` was asked for. The exit code is 1, of a wrong command line
    2, and 75 if the same command may work later; 130 after Ctrl-C and 143 after SIGTERM, when what was counted before
    is kept.
    """
    if sys.argv[1:] in (["version"], ["--version"]):
        # Asked for by scripts again and again. The parser of command lines alone takes 0.15 s to import.
        from duckdb_sketch.cli.version import version

        version()
        return
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)  # the second one ends the process at once
        raise Stopped

    logging.getLogger("duckdb_sketch").addHandler(_Log())
    with _handling(stop):
        try:
            from duckdb_sketch.cli.app import app

            app()
        except BaseException as error:
            if received:  # whatever became of it on its way through DuckDB
                sys.exit(_stopped(received[0]))
            if not isinstance(error, Exception):
                raise
            from duckdb_sketch.cli.failure import report  # only here: it has to know DuckDB's errors

            sys.exit(report(error))


class _Log(logging.Handler):
    """Writes what the package logs to stderr, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        _say(record.levelname.lower(), {"message": record.getMessage()})


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals that ask a process to end for a while, where that is possible: in the main thread."""
    from duckdb_sketch._system import stop_signals  # only here: asking for the version imports next to nothing

    before = {}
    with suppress(ValueError):
        for number in stop_signals():
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def _stopped(number: int) -> int:
    from duckdb_sketch._system import stop_signals

    how = stop_signals()[number]
    _say("error", {"kind": how, "message": f"{how}; what was counted before is kept"})
    return 128 + number


def _say(event: str, fields: dict[str, str]) -> None:
    """A line on stderr, of JSON where `--json` was asked for."""
    if "--json" in sys.argv:
        from duckdb_sketch.cli.output import log_line

        log_line(event, fields)
    else:
        print(f"duckdb-sketch: {fields['message']}", file=sys.stderr)
