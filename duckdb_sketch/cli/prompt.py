"""The prompt of `duckdb-sketch query`: history, completion, and one query after another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import duckdb

from duckdb_sketch.cube import Cube
from duckdb_sketch.errors import MissingDependencyError, SketchError

_HISTORY = Path("~/.duckdb_sketch_history")
_WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "HAVING", "FILTER", "BETWEEN", "INTERVAL"),
    *("count(*)", "count(DISTINCT ", "approx_count_distinct(", "sum(", "avg(", "min(", "max(", "median("),
    *("quantile_cont(", "date_trunc('day', ", "date_trunc('month', ", "now()", "CURRENT_DATE"),
)


def run_prompt(cube: Cube, answer: Callable[[str], None]) -> None:
    """Ask for queries until the input ends. A query ends with a semicolon or an empty line; `.help` says more.

    Args:
        cube: Whose metrics, dimensions and tables are completed.
        answer: Answers a query.

    Raises:
        MissingDependencyError: If prompt_toolkit is not installed.
    """
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import FileHistory
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the prompt needs prompt_toolkit: pip install prompt_toolkit", name=error.name
        ) from error
    words = [*_WORDS, *cube.words()]
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(_HISTORY.expanduser())),
        completer=WordCompleter(words, ignore_case=True, WORD=True),
        complete_while_typing=False,
    )
    print("Ask about the events; .explain QUERY says what is read, .metrics and .dimensions what there is, .exit ends.")
    while True:
        try:
            text = _read(session.prompt)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text in (".exit", ".quit", "exit", "quit"):
            return
        if text:
            _answer(cube, text, answer)


def _read(ask: Callable[[str], str]) -> str:
    """A query, which may have several lines."""
    lines: list[str] = []
    while True:
        line = ask("... " if lines else "> ").rstrip()
        lines.append(line)
        text = "\n".join(lines).strip()
        if not line or line.endswith(";") or text.startswith(".") or text in ("exit", "quit"):
            return text.rstrip(";").strip()


def _answer(cube: Cube, text: str, answer: Callable[[str], None]) -> None:
    command, _, rest = text.partition(" ")
    try:
        if command == ".explain":
            print(cube.explain(rest))
        elif command == ".metrics":
            print("\n".join(map(str, cube.metrics())))
        elif command == ".dimensions":
            print("\n".join(map(str, cube.dimensions())))
        elif command.startswith("."):
            print(".explain QUERY, .metrics, .dimensions, .exit")
        else:
            answer(text)
    except (SketchError, duckdb.Error) as error:
        print(error, file=sys.stderr)
