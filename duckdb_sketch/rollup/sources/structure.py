"""The types of nested JSON, from what `json_group_structure` says of its values. Pure."""

from __future__ import annotations

from json import dumps
from typing import Any

from sqlglot import exp

from duckdb_sketch._sql import identifier, quote

#: A type of which there is no evidence: all values are NULL.
UNKNOWN = "NULL"

_WHOLE = ("BIGINT", "UBIGINT")

_UNKNOWN = '"NULL"'

Structure = Any  # a name of a type, {field: structure}, or [structure]


class DisagreementError(Exception):
    """Two structures have different types in one place."""


def merged(one: Structure, other: Structure) -> Structure:
    """What has the fields of both; where one has no evidence, the other's type.

    Raises:
        DisagreementError: If the two have different types in one place.
    """
    if UNKNOWN in (one, other):
        return other if one == UNKNOWN else one
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            name: merged(one.get(name, UNKNOWN), other.get(name, UNKNOWN)) for name in dict.fromkeys((*one, *other))
        }
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0] if one else UNKNOWN, other[0] if other else UNKNOWN)]
    if one == other or (one in _WHOLE and other in _WHOLE):
        return "BIGINT" if one in _WHOLE else one
    raise DisagreementError(f"{sql_type(one)} and {sql_type(other)}")


def sql_type(structure: Structure) -> str:
    """The type in SQL; what there is no evidence of is of DuckDB's type "NULL"."""
    if isinstance(structure, dict):
        return f"STRUCT({', '.join(f'{identifier(name)} {sql_type(kind)}' for name, kind in structure.items())})"
    if isinstance(structure, list):
        return f"{sql_type(structure[0] if structure else UNKNOWN)}[]"
    return "BIGINT" if structure in _WHOLE else _UNKNOWN if structure == UNKNOWN else str(structure)


def transformed(json: str, kind: str) -> str:
    """SQL of JSON as a nested type: fields that it lacks are NULL, and so is what there is no evidence of."""
    return f"json_transform({json}, {quote(dumps(_template(structure_of(kind))))})"


def _template(structure: Structure) -> Structure:
    """A structure as `json_transform` takes it."""
    if isinstance(structure, dict):
        return {name: _template(kind) for name, kind in structure.items()}
    if isinstance(structure, list):
        return [_template(kind) for kind in structure]
    return "INTEGER" if structure == UNKNOWN else structure


def structure_of(kind: str) -> Structure:
    """The structure of a type in SQL."""
    return _structure(exp.DataType.build(kind, dialect="duckdb"))


def _structure(kind: exp.DataType) -> Structure:
    if kind.is_type(exp.DataType.Type.STRUCT):
        return {field.name: _structure(field.args["kind"]) for field in kind.expressions}
    if kind.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return [_structure(kind.expressions[0])]
    name = kind.sql(dialect="duckdb").strip('"').upper()
    return UNKNOWN if name == "NULL" else {"TEXT": "VARCHAR"}.get(name, name)
