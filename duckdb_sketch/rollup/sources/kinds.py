"""Types whose values are hashed alike, so that values of one are those of the other (STORAGE.md)."""

from __future__ import annotations

import re

from duckdb_sketch.rollup.sources.structure import DisagreementError, Structure, merged, structure_of

INTEGERS = {f"{sign}{width}" for sign in ("", "U") for width in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")}
_ALIKE = (
    INTEGERS,
    {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
    {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", "TIMESTAMP_NS WITH TIME ZONE"},
    {"TIME", "TIME_NS"},
)
_SCALE = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")


def same_kind(known: str, given: str) -> bool:
    """Whether values of two types are the same values.

    Integers are, in every width, and so are times of every unit, and DECIMALs of one scale. Nested types are if their
    fields are; one may have fields that the other lacks.
    """
    if known == given or any(known in kind and given in kind for kind in _ALIKE):
        return True
    one, other = _SCALE.fullmatch(known), _SCALE.fullmatch(given)
    if one and other:
        return one[1] == other[1]
    if not (known.startswith("STRUCT(") or known.endswith("]")) or "(" in known.partition("(")[0]:
        return False
    try:
        merged(_plain(structure_of(known)), _plain(structure_of(given)))
    except (DisagreementError, ValueError):
        return False
    return True


def _plain(structure: Structure) -> Structure:
    """A structure in which integers of all widths are one type."""
    if isinstance(structure, dict):
        return {name: _plain(kind) for name, kind in structure.items()}
    if isinstance(structure, list):
        return [_plain(kind) for kind in structure]
    return "BIGINT" if structure in (*INTEGERS, "INT") else structure
