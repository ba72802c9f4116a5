"""Fractions in JSON with more digits than DuckDB's functions of JSON keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.files import FILE

_NUMBER = r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+"
# Numbers as DuckDB prints them come back; among the others only long ones do not, and those that are too small.
_LOST = (
    "strlen(t) > 17 AND t <> CAST(TRY_CAST(t AS DOUBLE) AS VARCHAR) "
    "OR (TRY_CAST(t AS DOUBLE) = 0 AND regexp_matches(t, '^[0.]*[1-9]'))"
)


@dataclass(frozen=True)
class LongFraction:
    """A number that is another one once DuckDB has read it from JSON.

    Attributes:
        file: The path of its file.
        text: The number as it is written.
        held: Whether a DOUBLE holds it all the same; see `floating`.
    """

    file: str
    text: str
    held: bool


def long_fractions(
    connection: duckdb.DuckDBPyConnection, objects: str, references: frozenset[str]
) -> dict[str, LongFraction]:
    """The first such number of each key that a statement mentions; if it can be, one that is not held.

    Args:
        connection: The connection.
        objects: The table of objects.
        references: The keys, in lower case.

    Returns:
        The numbers, by key in lower case.
    """
    found: dict[str, LongFraction] = {}
    rows = fetch(
        connection,
        f"SELECT {FILE}, CAST(json AS VARCHAR) FROM temp.{objects} WHERE len(list_filter(regexp_extract_all("
        f"CAST(json AS VARCHAR), '{_NUMBER}'), lambda t: {_LOST})) > 0 ORDER BY {FILE}",
    )
    for file, text in rows:
        for key, value in json.loads(text, parse_float=_Number).items():
            name = key.lower()
            for number in _numbers(value) if name in references else ():
                if name not in found or (found[name].held and not number.held):
                    found[name] = LongFraction(file, number, number.held)
    return found


class _Number(str):
    """A number as it is written."""

    @property
    def altered(self) -> bool:
        return Decimal(self) != Decimal(repr(float(self)))

    @property
    def held(self) -> bool:
        digits = _digits(self).strip("0")
        return digits == _digits(f"{float(self):.{max(len(digits) - 1, 0)}e}").strip("0")


def _digits(number: str) -> str:
    return re.sub(r"[eE].*|\D", "", number)


def _numbers(value: Any) -> Iterator[_Number]:
    """The numbers in a value, nested or not, that are altered."""
    if isinstance(value, _Number):
        if value.altered:
            yield value
    elif isinstance(value, (dict, list)):
        inner: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
        for each in inner:
            yield from _numbers(each)
