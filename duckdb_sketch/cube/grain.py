"""Expressions over the event time that are the same for all events of a bucket, and of which width. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.cube.canonical import without_parens
from duckdb_sketch.cube.functions import name_of
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.granularity import Granularity

_PARTS = {
    **{unit: unit for unit in ("millennium", "century", "decade", "year", "quarter", "month")},
    **dict.fromkeys(("monthname", "last_day"), "month"),
    **dict.fromkeys(("week", "weekofyear", "yearweek", "isoyear"), "week"),
    **dict.fromkeys(("day", "dayofmonth", "dayofweek", "isodow", "dow", "dayofyear", "doy", "dayname"), "day"),
    **{unit: unit for unit in ("hour", "minute", "second")},
}
_FORMATS = {
    **dict.fromkeys("yY", "year"),
    **dict.fromkeys("bBm", "month"),
    **dict.fromkeys("aAwudjxvVGgUW", "day"),
    **dict.fromkeys("HIp", "hour"),
    "M": "minute",
    "S": "second",
}
_ORDER = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True)
class Grain:
    """The widest bucket within which an expression is constant.

    Attributes:
        width: The width of the bucket.
        argument: The node of the event time in the expression.
        truncates: Whether the expression is the start of that bucket, and not a part of it.
        utc: Whether `time_bucket` counts its buckets, in a zone from UTC.
    """

    width: Granularity
    argument: exp.Expr
    truncates: bool = False
    utc: bool = False


def grain_of(node: exp.Expr) -> Grain | None:
    """The grain of an expression that truncates a time or takes a part of it; None if it is no such expression."""
    if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
        unit = node.args.get("unit")
        return _grain(unit.name if unit is not None else "", node.this, truncates=True)
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DATE:
        return _grain("day", node.this, truncates=True)
    if isinstance(node, exp.DateBin):
        return _bucket(node)
    if isinstance(node, exp.Extract):
        return _part(node.this.name, node.expression)
    if isinstance(node, exp.TimeToStr):
        return _format(node)
    if not isinstance(node, exp.Func):
        return None
    name = name_of(node)
    if name in ("date_part", "datepart") and isinstance(node, exp.Anonymous) and len(node.expressions) == 2:
        part, time = node.expressions
        return _part(part.name, time) if isinstance(part, exp.Literal) else None
    if name in _PARTS:
        argument = node.expressions[0] if isinstance(node, exp.Anonymous) and node.expressions else node.this
        return _part(name, argument) if isinstance(argument, exp.Expr) else None
    return None


def _part(name: str, argument: exp.Expr) -> Grain | None:
    unit = _PARTS.get(name.lower())
    return _grain(unit, argument) if unit else None


def _grain(unit: str, argument: exp.Expr, *, truncates: bool = False, utc: bool = False) -> Grain | None:
    try:
        return Grain(Granularity.parse(unit), without_parens(argument), truncates, utc)
    except SpecificationError:
        return None


def _bucket(node: exp.DateBin) -> Grain | None:
    if node.args.get("unit") is not None or node.args.get("zone") is not None:
        return None  # an origin of its own
    width = node.this
    if isinstance(width, exp.Interval) and isinstance(width.this, exp.Literal):
        text = f"{width.this.name} {width.unit.name}" if width.unit else width.this.name
    elif isinstance(width, exp.Cast) and isinstance(width.this, exp.Literal):
        text = width.this.name
    else:
        return None
    return _grain(text, node.expression, truncates=True, utc=True)


def _format(node: exp.TimeToStr) -> Grain | None:
    text = node.args.get("format")
    if not isinstance(text, exp.Literal):
        return None
    letters = re.findall(r"%-?(.)", text.name.replace("%%", ""))
    units = [_FORMATS.get(letter) for letter in letters]
    if not units or None in units:
        return None
    return _grain(max((unit for unit in units if unit), key=_ORDER.index), node.this)


def is_constant_within(grain: Grain, width: Granularity, *, zoned: bool, local: bool) -> bool:
    """Whether an expression is constant within each bucket of a table.

    Args:
        grain: The expression's grain.
        width: The width of the table's buckets.
        zoned: Whether times have a zone.
        local: Whether the table's buckets begin where the zone says.
    """
    if not zoned:
        return width == grain.width or width.nests_in(grain.width, zoned=False)
    if grain.utc and (grain.width.local or not grain.width.microseconds):
        return False  # it counts from UTC where its name says that it does not
    if width == grain.width:
        return local or not width.local
    if width.local != local:
        return False
    return width.nests_in(grain.width, zoned=True)
