"""Whether text is a value of a type as it is written, so that nothing of it is rounded or cut off. Pure: SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.sources.evidence import Formats, Kind
from duckdb_sketch.rollup.sources.floating import held
from duckdb_sketch.rollup.sources.structure import UNKNOWN, Structure, is_integer, sql_type, structure_of

#: Gives SQL of the kind of a JSON value; see `evidence`.
KindOf = Callable[[str], str]

_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_FITTING = {"DATE": Kind.DATE, "TIMESTAMP": Kind.DATE | Kind.TIMESTAMP}
_COARSE = ("TIMESTAMP_S", "TIMESTAMP_MS")
_MICROSECONDS = (*_COARSE, "TIMESTAMP WITH TIME ZONE", "TIME", "TIME WITH TIME ZONE")
_NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS", "TIME_NS")


def fits(text: str, kind: str, declared: str, formats: Formats) -> str:
    """SQL that tells whether a text is a value of a type, and not one that would be rounded to it.

    Args:
        text: SQL of the text.
        kind: SQL of its kind; see `evidence`.
        declared: The type, of no nested values.
        formats: How the text writes dates and numbers.
    """
    wanted = sql_type(structure_of(declared))
    cast = f"{formats.cast(text, declared, 'TRY_CAST')} IS NOT NULL"
    number = formats.number(text)
    if decimal := _DECIMAL.fullmatch(wanted):
        return f"{cast} AND {decimals(number)} <= {decimal[1]}"
    if is_integer(wanted):
        return f"regexp_full_match({number}, '[+-]?\\d+') AND {cast}"
    if wanted in ("DOUBLE", "FLOAT"):
        return f"{cast} AND {held(number, wanted)}"
    if wanted in _FITTING:
        endless = f"regexp_full_match({text}, '(?i)-?infinity')"
        return f"({kind} & {int(_FITTING[wanted])} > 0 OR {endless}) AND {cast}"
    if wanted in (*_MICROSECONDS, *_NANOSECONDS):
        places = 9 if wanted in _NANOSECONDS else 6
        cast += f" AND NOT regexp_matches({text}, '\\.\\d{{{places}}}\\d*[1-9]')"
    if wanted in _COARSE:
        exact = formats.cast(text, "TIMESTAMP", "TRY_CAST")
        cast += f" AND CAST({formats.cast(text, declared, 'TRY_CAST')} AS TIMESTAMP) = {exact}"
    return cast


def decimals(number: str) -> str:
    """SQL of how many digits behind the point a number needs."""
    fraction = f"regexp_extract({number}, '\\.(\\d*)', 1)"
    digits = f"regexp_replace(regexp_replace({number}, '[eE].*', ''), '\\D', '', 'g')"
    significant = f"length(rtrim({digits}, '0'))"
    exponent = f"coalesce(TRY_CAST(regexp_extract({number}, '[eE](.*)', 1) AS INTEGER), 0)"
    return (
        f"CASE WHEN {significant} = 0 THEN 0 "
        f"ELSE length({fraction}) - length({digits}) + {significant} - {exponent} END"
    )


def json_fits(value: str, declared: str, formats: Formats, kind_of: KindOf) -> str:
    """SQL that tells whether all values in JSON are of a type, nested or not, as they are written; NULL fits all.

    Args:
        value: SQL of the JSON.
        declared: The type.
        formats: How texts write dates and numbers.
        kind_of: Gives SQL of the kind of a JSON value.
    """
    return _json_fits(value, structure_of(declared), formats, kind_of, count())


def _json_fits(value: str, structure: Structure, formats: Formats, kind_of: KindOf, numbers: Iterator[int]) -> str:
    def inner(sql: str, part: Structure) -> str:
        return _json_fits(sql, part, formats, kind_of, numbers)

    if structure == UNKNOWN:
        return f"({value} IS NULL OR json_type({value}) IN ('NULL', 'OBJECT', 'ARRAY'))"
    if isinstance(structure, dict):
        fields = [inner(f"json_extract({value}, {quote(pointer(name))})", part) for name, part in structure.items()]
        return _of_type(value, "OBJECT", " AND ".join(fields))
    if isinstance(structure, list):
        name = f"element_{next(numbers)}"
        return _of_type(value, "ARRAY", _all(f"json_extract({value}, '$[*]')", name, inner(name, structure[0])))
    if isinstance(structure, tuple):
        name = f"value_{next(numbers)}"
        return _of_type(value, "OBJECT", _all(f"json_extract({value}, '$.*')", name, inner(name, structure[1])))
    if structure in ("JSON", "VARCHAR"):
        return "true"
    text = f"({value} ->> '$')"
    return f"({text} IS NULL OR coalesce({fits(text, kind_of(value), structure, formats)}, false))"


def _of_type(value: str, kind: str, condition: str) -> str:
    return (
        f"CASE WHEN {value} IS NULL OR json_type({value}) = 'NULL' THEN true "
        f"WHEN json_type({value}) = '{kind}' THEN {condition} ELSE false END"
    )


def _all(values: str, name: str, condition: str) -> str:
    return f"coalesce(list_bool_and(list_transform({values}, lambda {name}: {condition})), true)"


def pointer(key: str) -> str:
    """A key of JSON as a path to its value."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
