"""The column of truncated time of a statement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.node_text import text_of
from duckdb_sketch.rollup.specification.select_column import SelectColumn


@dataclass(frozen=True)
class TimeColumn:
    """The column of truncated time.

    Attributes:
        name: The column's name.
        argument: SQL of the event time that is truncated.
        granularity: The width of a bucket.
        bucketed: Whether it is `time_bucket` that truncates.
        shifted: SQL of the origin or the offset that `time_bucket` was given.
    """

    name: str
    argument: str
    granularity: Granularity
    bucketed: bool = False
    shifted: str | None = None


def time_of(keys: Sequence[SelectColumn]) -> TimeColumn:
    """The finest of the truncated times among the keys of a statement.

    Raises:
        SpecificationError: If there is none.
    """
    found = [time for key in keys if (time := truncation_of(key))]
    if not found:
        raise SpecificationError(
            "no column is a truncated time: select date_trunc('hour', ts) AS hour, or "
            "time_bucket(INTERVAL '15 minutes', ts)"
        )
    return min(found, key=lambda time: (time.granularity.months, time.granularity.days, time.granularity.microseconds))


def truncation_of(key: SelectColumn) -> TimeColumn | None:
    """The truncated time that a column is; None if it is none.

    Raises:
        SpecificationError: If it is truncated to buckets that a rollup does not have.
    """
    node = key.expression
    day = False
    while isinstance(node, (exp.Cast, exp.Paren)):
        if isinstance(node, exp.Cast):
            if node.to.this == exp.DataType.Type.DATE:
                day = True
            elif node.to.this not in exp.DataType.TEMPORAL_TYPES:
                return None
        node = node.this
    if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
        time = TimeColumn(key.name, text_of(node.this), Granularity.parse(node.args["unit"].name))
    elif isinstance(node, exp.DateBin):
        time = _time_bucket(key, node)
    elif day:
        return TimeColumn(key.name, text_of(node), Granularity(1, "day"))
    else:
        return None
    if day and not (time.granularity.days or time.granularity.months):
        raise SpecificationError(
            f"{text_of(key.expression)} makes days of {time.granularity}s: write date_trunc('day', …)"
        )
    return time


def _time_bucket(key: SelectColumn, node: exp.DateBin) -> TimeColumn:
    width = node.this
    if isinstance(width, exp.Interval):
        text = f"{width.this.name} {width.unit.name}" if width.unit else width.this.name
    else:
        text = width.this.name if isinstance(width, exp.Cast) else width.name
    third = node.args.get("unit")  # where sqlglot puts it, whatever it is
    if isinstance(third, exp.Var):
        raise SpecificationError(
            f"{key.name}: give the zone to the rollup (--time-zone), or truncate local time: "
            "time_bucket(…, ts AT TIME ZONE 'Europe/Berlin')"
        )
    shifted = None if third is None else text_of(third)
    return TimeColumn(key.name, text_of(node.expression), Granularity.parse(text), bucketed=True, shifted=shifted)
