"""What a command says: text for people, or JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDEST = 100_000
# Of C0 and C1, what reverses the direction of text, and halves of characters that no encoding has.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Output:
    """The standard output of a command."""

    def __init__(self, as_json: bool) -> None:
        self.json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """Print a line for people."""
        self._console.print(plain(text))

    def table(self, table: Table) -> None:
        """Print a table for people."""
        self._console.print(table)

    def rows(self, table: Table) -> None:
        """Print rows of which nothing may be left out: as wide as they are, but folded to fit a terminal."""
        for column in table.columns:
            column.overflow = "fold"
        console = self._console if self._console.is_terminal else Console(highlight=False, width=_WIDEST)
        console.print(table)

    def document(self, value: object) -> None:
        """Print a value, dataclasses and lists of them included, as one JSON document."""
        print(json.dumps(value, default=_plain, indent=2))


def printable(text: str) -> str:
    """Text whose control characters are escaped, but for the ends of lines: a name may not steer the terminal."""
    return "".join(
        character if character == "\n" or not _CONTROL.match(character) else ascii(character)[1:-1]
        for character in text
    )


def plain(text: str) -> Text:
    """Text as it is, none of which is markup."""
    return Text(printable(text))


def log_line(event: str, value: object) -> None:
    """Write an event and what is to be said of it as a line of JSON to the standard error."""
    fields = value if isinstance(value, dict) else _plain(value)
    line = {"time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "event": event, **fields}
    print(json.dumps(line, default=_plain), file=sys.stderr, flush=True)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (Path, Decimal)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no JSON form")
