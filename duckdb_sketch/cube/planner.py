"""Routing: which tables and which files answer a SELECT over events. Pure: constants and types are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlglot import exp

from duckdb_sketch.cube.answer import has_bounds
from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.bounds import Cut, End, Moment, Range
from duckdb_sketch.cube.bucket_calendar import Calendar
from duckdb_sketch.cube.canonical import sql, without_parens
from duckdb_sketch.cube.cover import Candidate, Cover, Segment, cost, widened
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.match import Match, Matching
from duckdb_sketch.cube.part import Part, parts_of
from duckdb_sketch.cube.reason import Reason, RejectedError, Rejection
from duckdb_sketch.cube.rewrite import Rewriter
from duckdb_sketch.cube.table import Clock, CubeTable, Span
from duckdb_sketch.cube.time_range import TimeRange

Edges = Literal["exact", "buckets"]


class Session(Protocol):
    """What the planner asks DuckDB."""

    functions: Functions

    @property
    def calendar(self) -> Calendar:
        """Truncates times."""

    def moments(self, expressions: Sequence[str], event_type: str) -> Sequence[datetime | None]:
        """The times of constant expressions, as they compare with an event time; None for what is no such time."""

    def describe(
        self, source: EventSource, alias: str, joins: Sequence[str], items: Sequence[str]
    ) -> list[tuple[str, str]]:
        """The names and SQL types of expressions over a table of events, grouped by those that do not aggregate."""


@dataclass
class Route:
    """How a SELECT over events is answered.

    Attributes:
        source: The name of the table of events.
        parts: What is read; raw events alone if no rollup answers.
        rejected: What does not answer, and why.
        approximate: The names of its columns that are estimates.
        within: The range of event times that it asks about, by the clock.
        clock: The event time that the range is of; None if it is of none.
        missing: What of the events in that range is in no file; None if all of it is.
        notes: What else is to be known.
    """

    source: str
    parts: list[Part] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    approximate: list[str] = field(default_factory=list)
    within: Range = field(default_factory=Range)
    clock: Clock | None = None
    missing: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def routed(self) -> bool:
        """Whether a rollup answers at least a part."""
        return any(part.name for part in self.parts)


@dataclass(frozen=True)
class _Plan:
    matches: list[Match]
    candidates: list[Candidate]
    segments: list[Segment]
    cost: float
    unasked: frozenset[int] = frozenset()  # parts of WHERE that a wider range takes the place of

    @property
    def width(self) -> float:
        """The width of the buckets that it reads, of the coarsest table."""
        return max(segment.table.width for segment in self.segments if segment.table)


class Planner:
    """Routes the SELECTs over one table of events.

    Args:
        source: The table of events.
        tables: The rollups of it, and their levels.
        session: Answers questions about constants and types.
        zone: The time zone of the session.
        exact: Whether estimates are refused.
        edges: Whether a partial bucket that cannot be read is an error, or is widened to a whole one.
    """

    def __init__(
        self,
        source: EventSource,
        tables: Sequence[CubeTable],
        session: Session,
        zone: str,
        *,
        exact: bool,
        edges: Edges = "exact",
    ) -> None:
        self._source = source
        self._tables = tables
        self._session = session
        self._zone = zone
        self._exact = exact
        self._edges = edges
        self._known_blocked: dict[str, list[Span]] = {}
        self._candidates: dict[str, Candidate] = {}
        self._gone = [
            (clock, path, span)
            for clock, counted in source.counted.items()
            for path, span in counted.ranges.items()
            if span is not None and path not in source.sizes
        ]
        self._appended = {(table.clock, table.slices.batches, table.slices.appended) for table in tables}

    def route(self, select: exp.Select, *, columns: Sequence[str] = (), errors: bool = False) -> Route:
        """Route a SELECT. It is rewritten if a rollup answers it, and left as it is if none does.

        Args:
            select: The SELECT.
            columns: The names of its columns over the events, where DuckDB has been asked.
            errors: Whether to append the bounds of its estimates.
        """
        route = Route(self._source.name)
        draft = select.copy()
        try:
            block = Block.of(draft, self._session.functions, frozenset(map(str.lower, self._source.columns)))
            types, names = self._types(block, columns)
        except RejectedError as error:
            route.rejected.append(error.of(None))
            return route
        matches = self._matches(block, types, route)
        plans = self._plans(matches, route)
        if not plans and route.missing is not None and self._edges == "buckets":
            plans = self._widened(matches, route)
        best = min(plans, key=lambda plan: (plan.cost, -plan.width), default=None)
        used = {segment.table.name for segment in best.segments if segment.table} if best else set()
        self._explain(used, matches, route)
        if best is None:
            return route
        chosen = [found for found in best.matches if found.table.name in used]
        route.parts = parts_of(block, chosen, best.segments, best.candidates, self._source, unasked=best.unasked)
        bounded = self._bounded(block, types) if errors else []
        route.approximate = Rewriter(block, chosen[0], types, names, bounded).run(route.parts)
        for name in {*select.args, *draft.args}:
            select.set(name, draft.args.get(name))
        return route

    def bounded(self, select: exp.Select) -> list[tuple[int, bool]]:
        """The columns of a SELECT that have bounds, by index, and whether raw events answer each exactly.

        A SELECT that cannot be read here has none.
        """
        try:
            block = Block.of(select.copy(), self._session.functions, frozenset(map(str.lower, self._source.columns)))
            types, _ = self._types(block, ())
        except RejectedError:
            return []
        items = block.select.expressions
        calls = {id(call.node): call for call in block.calls}
        found = self._bounded(block, types)
        names = {index: calls[id(without_parens(items[index].unalias()))].name for index in found}
        return [(index, not names[index].startswith("approx_")) for index in found]

    def _bounded(self, block: Block, types: Mapping[int, str]) -> list[int]:
        """The columns of a SELECT that may be estimates, and nothing else."""
        calls = {id(call.node): call for call in block.calls}
        found = [calls.get(id(without_parens(item.unalias()))) for item in block.select.expressions]
        return [
            index
            for index, call in enumerate(found)
            if call is not None and has_bounds(call, block.canonical, types[id(call.node)])
        ]

    def _types(self, block: Block, columns: Sequence[str]) -> tuple[dict[int, str], dict[int, str]]:
        """The types of the aggregates over the events, by the ids of their nodes, and the names of nameless columns."""
        items = block.select.expressions
        nameless = [index for index, item in enumerate(items) if not isinstance(item, exp.Alias)]
        calls = [sql(call.node) for call in block.calls]
        if len(columns) == len(items):
            found = self._described(block, calls)
            names = {index: columns[index] for index in nameless}
        else:
            found = self._described(block, [*(sql(items[index]) for index in nameless), *calls])
            names = {index: name for index, (name, _) in zip(nameless, found, strict=False)}
            found = found[len(nameless) :]
        types = {id(call.node): kind for call, (_, kind) in zip(block.calls, found, strict=True)}
        return types, names

    def _described(self, block: Block, items: Sequence[str]) -> list[tuple[str, str]]:
        return self._session.describe(self._source, block.alias, block.joins, items) if items else []

    def _matches(self, block: Block, types: Mapping[int, str], route: Route) -> list[tuple[Match, TimeRange]]:
        times: dict[Clock, TimeRange] = {}
        matching = Matching(block, types, exact=self._exact)
        found = []
        for table in self._tables:
            try:
                self._require_usable(table)
                time = times.get(table.clock)
                if time is None:
                    session = self._session
                    time = TimeRange(block, table, session.functions, session.calendar, session.moments)
                    times[table.clock] = time
                found.append((matching.match(table, time), time))
            except RejectedError as error:
                route.rejected.append(error.of(table.name))
        if times:
            route.clock, time = next(iter(times.items()))
            route.within = time.within
        return found

    def _require_usable(self, table: CubeTable) -> None:
        layout = table.layout
        if table.zone not in (None, self._zone):
            raise RejectedError(Reason.OTHER_ZONE, f"{table.zone}; the query is asked in {self._zone}")
        if table.zoned and not layout.zoned:
            raise RejectedError(Reason.OTHER_ZONE, f"{layout.time} has no time zone, and the event time has one")
        if table.behind:
            raise RejectedError(Reason.LAGS, f"{table.behind} behind; refresh the rollup")
        if table.slices.changed is not None:
            raise RejectedError(Reason.CHANGED_FILE, f"{table.slices.changed}; refresh with on_change='rebuild'")

    def _plans(self, matches: Sequence[tuple[Match, TimeRange]], route: Route) -> list[_Plan]:
        """The plans by which the events can be read, each once."""
        groups: dict[object, list[tuple[Match, TimeRange]]] = {}
        for found, time in matches:
            groups.setdefault(found.signature, []).append((found, time))
        plans: list[_Plan] = []
        for group in groups.values():
            within = _limited(group[0][1].within, group[0][0].table)
            by_rollup: dict[str, list[Match]] = {}
            for found, _ in group:
                by_rollup.setdefault(found.table.rollup, []).append(found)
            choices = list(by_rollup.values())
            for chosen in choices if len(choices) == 1 else [*choices, [found for found, _ in group]]:
                plan = self._plan(chosen, within, route)
                if plan is not None:
                    plans.append(plan)
        return plans

    def _widened(self, matches: Sequence[tuple[Match, TimeRange]], route: Route) -> list[_Plan]:
        """Plans for the whole buckets that a range lies in, of the finest table that has them."""
        for found, time in sorted(matches, key=lambda pair: pair[0].table.width):
            layout, calendar = found.table.layout, self._session.calendar
            start, end = (
                Cut(layout, calendar.floor(layout, bound.value)) if isinstance(bound, Moment) else bound
                for bound in (time.within.start, _last(time.within.end))
            )
            if isinstance(time.within.end, Moment) and end is not None:
                end = Cut(layout, calendar.next(layout, end.value))
            group = [other for other, _ in matches if other.signature == found.signature]
            within = Range(start, end)
            plan = self._plan(group, within, route)
            if plan is not None:
                route.missing = None
                route.within = within
                route.notes.append(f"the range of time is widened to whole buckets: {within}")
                return [replace(plan, unasked=frozenset(time.stated))]
        return []

    def _plan(self, matches: list[Match], within: Range, route: Route) -> _Plan | None:
        candidates = [self._candidate(found) for found in matches]
        cover, clock = Cover(candidates, self._session.calendar), matches[0].table.clock
        segments = [each for each in cover.segments(within) if each.table or self._holds_events(each, clock)]
        if not any(segment.table for segment in segments):
            return None
        for segment in segments:
            missing = None if segment.table else self._source.missing(widened(segment.within), clock)
            if missing is not None:
                route.missing = f"{missing}, and events of {segment.within} are needed one by one"
                return None
        return _Plan(matches, candidates, segments, cost(segments, candidates, self._source, clock))

    def _candidate(self, found: Match) -> Candidate:
        table = found.table
        known = self._candidates.get(table.name)
        if known is None or known.bytes_per_row != found.bytes_per_row:
            known = self._candidates[table.name] = Candidate(table, found.bytes_per_row, self._blocked(table))
        return known

    def _holds_events(self, segment: Segment, clock: Clock) -> bool:
        within = widened(segment.within)
        return bool(self._source.files(within, clock)) or self._source.missing(within, clock) is not None

    def _blocked(self, table: CubeTable) -> list[Span]:
        """Where a table does not have all events."""
        if table.name not in self._known_blocked:
            found: list[Span] = [(None, table.expired_before)] if table.expired_before else []
            found += table.slices.dropped
            self._known_blocked[table.name] = found + self._lacking(table)
        return list(self._known_blocked[table.name])

    def _lacking(self, table: CubeTable) -> list[Span]:
        """Where events are that another rollup has, that this one has not, and that are in no file."""
        found: list[Span] = []
        for clock, path, (first, last) in self._gone:
            if path not in table.slices.ranges:
                found.append((first, _after(last)) if clock == table.clock else (None, None))
        for clock, batches, appended in self._appended:
            if batches - table.slices.batches:
                spans: list[Span] = [(first, _after(last)) for first, last in appended]
                found += spans if clock == table.clock else [(None, None)]
        return found

    def _explain(self, used: set[str], matches: Sequence[tuple[Match, TimeRange]], route: Route) -> None:
        """Say why each other table that matches is not read."""
        for found, time in matches:
            table = found.table
            if table.name in used:
                continue
            within = _limited(time.within, table)
            candidate = self._candidate(found)
            cover = Cover([candidate], self._session.calendar)
            route.rejected.append(Rejection(table.name, *self._why(cover, candidate, within)))

    def _why(self, cover: Cover, candidate: Candidate, within: Range) -> tuple[Reason, str]:
        table = candidate.table
        if cover.free(candidate, within) is not None:
            return Reason.DEARER, ""
        if cover.free(candidate, within, blocked=False) is None:
            return Reason.NO_WHOLE_BUCKET, str(within)
        expired: list[Span] = [(None, table.expired_before)] if table.expired_before else []
        if cover.free(replace(candidate, blocked=expired), within) is None:
            return Reason.EXPIRED, f"before {table.expired_before}"
        if self._lacking(table):
            return Reason.MISSING_EVENTS, "those that only another rollup has counted"
        return Reason.DROPPED, ""


def _limited(within: Range, table: CubeTable) -> Range:
    """A range without the ends beyond which no rollup has events: what else there is has an extra part."""
    start, end = within.start, within.end
    return Range(
        None if start is not None and start.value <= table.earliest else start,
        None if end is not None and end.value >= table.latest else end,
    )


def _last(end: End) -> End:
    """A moment within a range that ends at a moment."""
    return Moment(end.value - timedelta(microseconds=1)) if isinstance(end, Moment) else end


def _after(last: datetime) -> datetime:
    return last + timedelta(microseconds=1)
