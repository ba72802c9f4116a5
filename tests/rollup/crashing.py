"""Rollups that are made to fail: at a statement, by an exception or by `kill -9`. Also a script, for child processes:

python crashing.py ROWS STATEMENT WHEN rollup refresh …

runs the command line with at most ROWS rows a batch; a STATEMENT other than 0 is the number of the one `before` or
`after` which the process kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import duckdb

Fault = Callable[[int, str], None]


class Faulty:
    """A connection whose statements are counted, and `fault` is told before and after each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, fault: Fault) -> None:
        self.inner = connection
        self.texts: list[str] = []
        self.fault = fault

    def execute(self, query: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        self.texts.append(query)
        number = len(self.texts)
        self.fault(number, "before")
        result = self.inner.execute(query, parameters)
        self.fault(number, "after")
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def main() -> None:
    from duckdb_sketch import cli
    from duckdb_sketch.rollup import rollup

    rows, statement, when = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    del sys.argv[1:4]

    def kill(number: int, moment: str) -> None:
        if (number, moment) == (statement, when):
            os.kill(os.getpid(), signal.SIGKILL)

    def open_faulty(*arguments: Any) -> Any:
        return Faulty(opened(*arguments), kill)

    opened = rollup.open_database
    rollup.open_database = open_faulty
    rollup.rows_that_fit = lambda *_: rows
    cli.main()


if __name__ == "__main__":
    main()
