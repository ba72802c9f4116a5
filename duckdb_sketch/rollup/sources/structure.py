"""Types of columns, taken apart: which type holds the values of two, and how JSON becomes one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from json import dumps
from typing import Any

from duckdb_sketch._sql import identifier, quote

#: A type of which there is no evidence: all values are NULL.
UNKNOWN = "NULL"
#: What stands in an object of which no field is known, so that it is a type, and no value of another one.
OBJECT = {"no field": UNKNOWN}

#: The integers by what they hold, and how many bits that takes.
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
#: Types whose values are hashed alike (STORAGE.md), each family from what holds least to what holds most.
_WIDER = (
    ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"),
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"),
    ("TIME", "TIME_NS"),
)
_NAMES = {
    "INT1": "TINYINT",
    **dict.fromkeys(("INT2", "INT16", "SHORT"), "SMALLINT"),
    **dict.fromkeys(("INT", "INT4", "INT32", "SIGNED", "INTEGRAL"), "INTEGER"),
    **dict.fromkeys(("INT8", "INT64", "LONG", "OID"), "BIGINT"),
    **dict.fromkeys(("TEXT", "STRING", "CHAR", "BPCHAR", "NVARCHAR"), "VARCHAR"),
    **dict.fromkeys(("BOOL", "LOGICAL"), "BOOLEAN"),
    **dict.fromkeys(("BYTEA", "BINARY", "VARBINARY"), "BLOB"),
    **dict.fromkeys(("DECIMAL", "NUMERIC", "DEC"), "DECIMAL(18,3)"),
    "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NS WITH TIME ZONE": "TIMESTAMPTZ_NS",
    "TIMESTAMP_US": "TIMESTAMP",
    "FLOAT8": "DOUBLE",
    "FLOAT4": "FLOAT",
    "REAL": "FLOAT",
    "INT128": "HUGEINT",
    '"NULL"': UNKNOWN,
}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|DEC)\((\d+)(?:,(\d+))?\)")
_LENGTH = re.compile(r"(VARCHAR|TEXT|STRING|CHAR|BPCHAR|NVARCHAR)\(\d+\)")  # which DuckDB takes no notice of
_TOKEN = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[(),\[\]]|[^\s(),\[\]\"']+")

Structure = Any  # the name of a type, {field: structure}, [structure] or (key, value)


class DisagreementError(Exception):
    """Two structures have different types in one place."""


def merged(one: Structure, other: Structure) -> Structure:
    """What holds the values of both, and has the fields of both; where one has no evidence, the other's type.

    The order of structures does not matter, but for that of fields.

    Raises:
        DisagreementError: If values of the two are not hashed alike, or no type holds both.
    """
    if UNKNOWN in (one, other):
        return other if one == UNKNOWN else one
    if OBJECT in (one, other) and isinstance(one, (dict, tuple)) and isinstance(other, (dict, tuple)):
        return other if one == OBJECT else one
    if isinstance(one, dict) and isinstance(other, dict):
        names = dict.fromkeys((*one, *other))
        _check_names(names)
        return {name: merged(one.get(name, UNKNOWN), other.get(name, UNKNOWN)) for name in names}
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])]
    if isinstance(one, tuple) and isinstance(other, tuple):
        return tuple(merged(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, str) and isinstance(other, str) and (wider := _wider(one, other)):
        return wider
    raise DisagreementError(f"{sql_type(one)} and {sql_type(other)}")


def _check_names(names: Iterable[str]) -> None:
    """See that no two fields are one field to DuckDB.

    Raises:
        DisagreementError: If two differ in capitals alone.
    """
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name:
            raise DisagreementError(f"the fields {known[name.lower()]} and {name}, which differ in case only")


def _wider(one: str, other: str) -> str | None:
    """The type that holds the values of two whose values are hashed alike; None if there is none."""
    if one == other:
        return one
    if is_integer(one) and is_integer(other):
        return _integer(one, other)
    for family in _WIDER:
        if one in family and other in family:
            return max(one, other, key=family.index)
    first, second = _DECIMAL.fullmatch(one), _DECIMAL.fullmatch(other)
    if first and second and first[2] == second[2]:
        return max(one, other, key=lambda kind: int(kind[8:].partition(",")[0]))
    return None


def is_integer(kind: str) -> bool:
    """Whether a type is one of integers."""
    return kind.removeprefix("U") in _BITS


def _integer(one: str, other: str) -> str | None:
    """The narrowest integer that holds the values of two; None if one is UHUGEINT and the other may be negative."""
    bits, others = _BITS[one.removeprefix("U")], _BITS[other.removeprefix("U")]
    if one.startswith("U") == other.startswith("U"):
        return one if bits >= others else other
    signed, unsigned = (others, bits) if one.startswith("U") else (bits, others)
    return next((name for name, size in _BITS.items() if size >= signed and size > unsigned), None)


def sql_type(structure: Structure, unknown: str = '"NULL"') -> str:
    """The type in SQL, as DuckDB prints it.

    Args:
        structure: The structure.
        unknown: What stands for a type of which there is no evidence; DuckDB's own is "NULL".
    """
    if isinstance(structure, dict):
        fields = ", ".join(f"{_field(name)} {sql_type(kind, unknown)}" for name, kind in structure.items())
        return f"STRUCT({fields})"
    if isinstance(structure, list):
        return f"{sql_type(structure[0], unknown)}[]"
    if isinstance(structure, tuple):
        return f"MAP({', '.join(sql_type(part, unknown) for part in structure)})"
    return unknown if structure == UNKNOWN else str(structure)


def _field(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else identifier(name)


def structure_of_json(group: Any) -> Structure:
    """The structure in what `json_group_structure` says of values.

    Raises:
        DisagreementError: If two fields of it differ in capitals alone.
    """
    if isinstance(group, dict):
        _check_names(group)
        return {name: structure_of_json(kind) for name, kind in group.items()}
    if isinstance(group, list):
        return [structure_of_json(group[0]) if group else UNKNOWN]
    return "BIGINT" if group == "UBIGINT" else group


def transformed(json: str, kind: str) -> str:
    """SQL of JSON as a nested type: fields that it lacks are NULL, and so is what there is no evidence of."""
    return f"json_transform({json}, {quote(dumps(_template(structure_of(kind))))})"


def _template(structure: Structure) -> Structure:
    """A structure as `json_transform` takes it."""
    if isinstance(structure, dict):
        return {name: _template(kind) for name, kind in structure.items()}
    if isinstance(structure, list):
        return [_template(kind) for kind in structure]
    return sql_type(structure, "INTEGER")


def castable(kind: str) -> str:
    """A type as values can be cast to it: INTEGER where there is no evidence."""
    return sql_type(structure_of(kind), "INTEGER") if '"NULL"' in kind else kind


def structure_of(kind: str) -> Structure:
    """The structure of a type in SQL.

    Raises:
        ValueError: If it is not a type.
    """
    tokens = _TOKEN.findall(kind)[::-1]
    structure = _structure(tokens)
    if tokens:
        raise ValueError(f"{kind} is not a type")
    return structure


def canonical(kind: str) -> str:
    """A type under DuckDB's own names, as INT8 is a BIGINT; what is not a type, or one of others, stays as it is."""
    with suppress(ValueError, IndexError):
        found = sql_type(structure_of(kind))
        if "UNION(" not in found and found != kind.replace(" ", ""):
            return found
    return kind


def _structure(tokens: list[str]) -> Structure:
    """The structure that tokens, the first of them last, begin with; they are taken."""
    structure = _base(tokens)
    while tokens and tokens[-1] == "[":
        tokens.pop()
        if _next(tokens) == "]":
            structure = [structure]
        else:  # of a fixed length
            length = tokens.pop()
            structure = f"{sql_type(structure)}[{length}]"
        tokens.pop()
    return structure


def _base(tokens: list[str]) -> Structure:
    word = tokens.pop() if tokens else ""
    name = word if word.startswith('"') else word.upper()
    if name in ("STRUCT", "MAP") and _next(tokens) == "(":
        parts = []
        while tokens and tokens.pop() != ")":  # ( or ,
            field = tokens.pop() if name == "STRUCT" else ""
            parts.append((_unquoted(field), _structure(tokens)))
            if _next(tokens) == ")":
                tokens.pop()
                break
        return dict(parts) if name == "STRUCT" else tuple(kind for _, kind in parts)
    text = name
    if _next(tokens) == "(":
        text += _arguments(tokens)
    if _next(tokens) is not None and _next(tokens).upper() == "WITH":  # type: ignore[union-attr]
        text += "".join(f" {tokens.pop().upper()}" for _ in range(min(3, len(tokens))))
    if decimal := _DECIMAL.fullmatch(text):
        return f"DECIMAL({decimal[1]},{decimal[2] or 0})"
    text = _LENGTH.sub(r"\1", text)
    return _NAMES.get(text, text)


def _arguments(tokens: list[str]) -> str:
    """What stands in parentheses, as it is."""
    text, depth = "", 0
    while tokens:
        token = tokens.pop()
        text += token
        depth += (token == "(") - (token == ")")
        if depth == 0:
            break
    return text.replace("','", "', '")


def _next(tokens: list[str]) -> str | None:
    return tokens[-1] if tokens else None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
