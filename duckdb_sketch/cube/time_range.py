"""What a WHERE says of the event time: the half-open range in which all of its events are. Pure, but for constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlglot import exp

from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.bounds import Cut, Moment, Range
from duckdb_sketch.cube.bucket_calendar import Calendar, ceiling
from duckdb_sketch.cube.canonical import sql, without_parens
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.grain import Grain, grain_of
from duckdb_sketch.cube.table import CubeTable
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table

_MICROSECOND = timedelta(microseconds=1)
_MARGIN = timedelta(hours=3)
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}

#: Gives the times that constant expressions stand for, beside an event time of a SQL type; None for what is not a time.
Moments = Callable[[Sequence[str], str], Sequence[datetime | None]]


@dataclass(frozen=True)
class Comparison:
    """A comparison of the event time, or of its truncation, with a constant.

    Attributes:
        node: The comparison, or the BETWEEN that it is half of.
        operator: `exp.GTE`, `exp.LT` and so on, the time being on the left.
        constant: SQL of the constant.
        grain: How the time is truncated; None if it is not.
    """

    node: exp.Expr
    operator: type[exp.Expr]
    constant: str
    grain: Grain | None


class TimeRange:
    """What a SELECT says of the event time of some tables.

    Attributes:
        within: The range that holds all of its events.
        stated: The ids of the parts of WHERE that say no more than that range.
    """

    def __init__(
        self, block: Block, table: CubeTable, functions: Functions, calendar: Calendar, moments: Moments
    ) -> None:
        self._canonical = block.canonical
        self._table = table
        self._functions = functions
        self._calendar = calendar
        self._known: dict[str, datetime | None] = {}
        self._compared: dict[int, Sequence[Comparison]] = {}
        found = [(condition, list(self._comparisons(condition))) for condition in block.where]
        inner = [
            comparison
            for root in (*block.roots(), *block.where)
            for node in root.find_all(*_MIRRORED)
            for comparison in self._comparisons(node)
        ]
        texts = list(
            dict.fromkeys(comparison.constant for _, comparisons in found for comparison in comparisons)
            | dict.fromkeys(comparison.constant for comparison in inner)
        )
        if texts:
            self._known = dict(zip(texts, moments(texts, table.event_type), strict=True))
        self.stated: set[int] = set()
        self.within = Range()
        self._read(found)

    def is_aligned(self, node: exp.Expr, table: CubeTable) -> bool | None:
        """Whether a comparison with the event time is the same for all events of each bucket; None if it is none."""
        for comparison in self._comparisons(node):
            if comparison.grain is not None or comparison.operator not in (exp.GTE, exp.LT):
                return None
            time = self._known.get(comparison.constant)
            if time is None or table.layout.zoned != table.zoned:
                return None
            layout = table.layout
            return ceiling(self._calendar, layout, time) == time == self._calendar.floor(layout, time) or None
        return None

    def _read(self, found: list[tuple[exp.Expr, list[Comparison]]]) -> None:
        starts: list[Moment | Cut] = []
        ends: list[Moment | Cut] = []
        for condition, comparisons in found:
            times = [self._known.get(comparison.constant) for comparison in comparisons]
            if not comparisons or None in times:
                continue
            if any(c.grain is None and not self._is_plain(c) for c in comparisons):
                continue
            for comparison, time in zip(comparisons, times, strict=True):
                assert time is not None
                if comparison.grain is None:
                    self.stated.add(id(condition))
                    _bound(comparison.operator, time, starts, ends)
                else:
                    self._truncated(comparison, time, starts, ends)
        # Where clocks go back, a bucket may begin after its events. A cut is also asked for by its own condition, a
        # moment is not: so near to each other the moment counts.
        margin = _MARGIN if self._table.zoned else timedelta(0)
        start = max(starts, key=lambda end: end.value - margin * isinstance(end, Cut), default=None)
        end = min(ends, key=lambda end: end.value + margin * isinstance(end, Cut), default=None)
        self.within = Range(start, end)

    def _is_plain(self, comparison: Comparison) -> bool:
        # Between two microseconds there are nanoseconds, which a Moment cannot tell apart.
        return self._table.event_type != "TIMESTAMP_NS" or comparison.operator in (exp.GTE, exp.LT)

    def _truncated(
        self, comparison: Comparison, time: datetime, starts: list[Moment | Cut], ends: list[Moment | Cut]
    ) -> None:
        assert comparison.grain is not None
        layout = _layout(self._table, comparison.grain.width)
        floor = self._calendar.floor(layout, time)
        after = self._calendar.next(layout, floor)
        up = floor if floor == time else after
        operator = comparison.operator
        if operator in (exp.GTE, exp.EQ):
            starts.append(Cut(layout, up if operator is exp.GTE else floor))
        if operator is exp.GT:
            starts.append(Cut(layout, after))
        if operator is exp.LT:
            ends.append(Cut(layout, up))
        if operator in (exp.LTE, exp.EQ):
            ends.append(Cut(layout, after))

    def _comparisons(self, condition: exp.Expr) -> Sequence[Comparison]:
        """The comparisons that a condition is; none if it is another one."""
        if id(condition) not in self._compared:
            self._compared[id(condition)] = self._read_comparisons(condition)
        return self._compared[id(condition)]

    def _read_comparisons(self, condition: exp.Expr) -> Sequence[Comparison]:
        node = without_parens(condition)
        if isinstance(node, exp.Between) and not node.args.get("symmetric"):
            found = [
                self._comparison(condition, exp.GTE, node.this, node.args["low"]),
                self._comparison(condition, exp.LTE, node.this, node.args["high"]),
            ]
        elif type(node) in _MIRRORED:
            operator = type(node)
            found = [
                self._comparison(condition, operator, node.this, node.expression)
                or self._comparison(condition, _MIRRORED[operator], node.expression, node.this)
            ]
        else:
            return ()
        return [comparison for comparison in found if comparison] if None not in found else ()

    def _comparison(
        self, condition: exp.Expr, operator: type[exp.Expr], time: exp.Expr, constant: exp.Expr
    ) -> Comparison | None:
        time = without_parens(time)
        if isinstance(time, exp.Literal) or not is_constant(constant, self._functions):
            return None
        if self._canonical.text(time) == self._table.event:
            return Comparison(condition, operator, sql(constant), None)
        grain = grain_of(time)
        if grain is None or not grain.truncates or self._canonical.text(grain.argument) != self._table.event:
            return None
        if self._table.zoned and grain.utc and (grain.width.local or not grain.width.microseconds):
            return None
        return Comparison(condition, operator, sql(constant), grain)


def is_constant(node: exp.Expr, functions: Functions) -> bool:
    """Whether an expression is the same for all events."""
    refused = (exp.Column, exp.Query, exp.Star, exp.Window)
    return not any(
        isinstance(part, refused) or functions.is_aggregate(part) or functions.is_volatile(part) for part in node.walk()
    )


def _bound(operator: type[exp.Expr], time: datetime, starts: list[Moment | Cut], ends: list[Moment | Cut]) -> None:
    if operator in (exp.GTE, exp.EQ):
        starts.append(Moment(time))
    if operator is exp.GT:
        starts.append(Moment(time + _MICROSECOND))
    if operator is exp.LT:
        ends.append(Moment(time))
    if operator in (exp.LTE, exp.EQ):
        ends.append(Moment(time + _MICROSECOND))


def _layout(table: CubeTable, width: Granularity) -> Table:
    kind = "TIMESTAMP WITH TIME ZONE" if table.zoned else "TIMESTAMP"
    layout = table.layout
    return replace(layout, granularity=width, types={**layout.types, layout.time: kind}, shifted=None)
