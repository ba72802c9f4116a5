"""Where in a text file a value is."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def line_of(path: str, column: str, value: str, *, is_json: bool) -> int | None:
    """The line of the first row whose column has a value; None if it cannot be found.

    Args:
        path: The file.
        column: The column's name.
        value: The value, as text.
        is_json: Whether it is a file of JSON lines; else it is CSV.
    """
    try:
        with _opened(path) as file:
            return _json_line(file, column, value) if is_json else _csv_line(file, column, value)
    except (OSError, UnicodeError, csv.Error, EOFError):
        return None


def _csv_line(file: TextIO, column: str, value: str) -> int | None:
    first = file.readline()
    delimiter = max(",;\t|", key=first.count)
    names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if column.lower() not in names:
        return None
    index = names.index(column.lower())
    rows = csv.reader(file, delimiter=delimiter)
    for row in rows:
        if len(row) > index and row[index].strip() == value:
            return rows.line_num + 1
    return None


def _json_line(file: TextIO, column: str, value: str) -> int | None:
    for number, line in enumerate(file, 1):
        try:
            row = json.loads(line, parse_int=str, parse_float=str)
        except ValueError:
            return None
        found = {name.lower(): each for name, each in row.items()} if isinstance(row, dict) else {}
        if str(found.get(column.lower())) == value:
            return number
    return None


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path.endswith(".gz"):
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    else:
        with open(path, encoding="utf-8-sig", newline="") as file:
            yield file
