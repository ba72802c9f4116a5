"""The parts that a SELECT is answered from: rows of tables, and raw events. Pure: SQL comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch import families
from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.bounds import Cut, Range, of_events, of_table
from duckdb_sketch.cube.canonical import Canonical, sql
from duckdb_sketch.cube.cover import Candidate, Segment, widened
from duckdb_sketch.cube.event_source import EventSource
from duckdb_sketch.cube.grain import grain_of
from duckdb_sketch.cube.match import Key, Match
from duckdb_sketch.cube.state import State, takes_doubles
from duckdb_sketch.cube.table import CubeTable

_BUCKET = "duckdb_sketch_bucket"  # stands in an expression where the event time was


@dataclass(frozen=True)
class Part:
    """What one SELECT of the UNION ALL reads.

    Attributes:
        name: The table; None for raw events.
        within: The range of event times.
        sql: The SELECT.
        rows: About how many rows it reads; None if that is not known.
        bytes: About how many bytes it reads.
        paths: The files that it reads.
        why: Why raw events are read: partial buckets, files not counted.
        columns: The SELECT of a table without its WHERE; empty for raw events.
    """

    name: str | None
    within: Range
    sql: str
    rows: int | None
    bytes: int
    paths: tuple[str, ...] = ()
    why: str = ""
    columns: str = ""


class Names:
    """The names of the columns of all parts: of keys by their canonical SQL, and of states."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self.keys: dict[str, str] = {}
        self.states: dict[State, str] = {}
        first = matches[0]
        taken: set[str] = set()
        for key in first.keys.values():
            self.keys[key.text] = _free(key.column or first.table.layout.time, taken)
        for state, metric in first.metrics.items():
            self.states[state] = _free(metric.name, taken)


def _free(name: str, taken: set[str]) -> str:
    """A name that is not a column of the events: an outer reference in a subquery must not find it by mistake."""
    candidate, number = f"_{name}", 2
    while candidate.lower() in taken:
        candidate, number = f"_{name}_{number}", number + 1
    taken.add(candidate.lower())
    return candidate


def parts_of(
    block: Block,
    matches: Sequence[Match],
    segments: Sequence[Segment],
    candidates: Sequence[Candidate],
    source: EventSource,
    *,
    unasked: frozenset[int] = frozenset(),
) -> list[Part]:
    """The parts that hold the events of all segments, each once.

    Args:
        block: The SELECT.
        matches: What of each table answers it.
        segments: Which table answers which range.
        candidates: How much of each table is read.
        source: The events.
        unasked: The ids of parts of WHERE that the segments take the place of.
    """
    names = Names(matches)
    by_name = {match.table.name: match for match in matches}
    reading = {candidate.table.name: candidate for candidate in candidates}
    writer = _Raw(block, matches[0], names, source, unasked)
    found: list[Part] = []
    for segment in segments:
        if segment.table is None:
            files = source.files(widened(segment.within), matches[0].table.clock)
            found += writer.part(segment.within, files, "partial buckets")
        else:
            name = segment.table.name
            found.append(_table_part(by_name[name], segment.within, names, reading[name], block.alias))
    for rollup in dict.fromkeys(segment.table.rollup for segment in segments if segment.table):
        own = [segment for segment in segments if segment.table and segment.table.rollup == rollup]
        table = own[0].table
        assert table is not None
        for within in _joined([segment.within for segment in own]):
            found += writer.part(within, table.slices.uncounted, "files not counted yet")
        found += writer.outliers(table, own, [path for path in table.slices.outliers if path in source.sizes])
    return found


def _joined(ranges: Sequence[Range]) -> list[Range]:
    """Ranges that follow on each other as one."""
    found: list[Range] = []
    for within in ranges:
        if found and found[-1].end is not None and found[-1].end == within.start:
            found[-1] = Range(found[-1].start, within.end)
        else:
            found.append(within)
    return found


def _table_part(match: Match, within: Range, names: Names, candidate: Candidate, alias: str) -> Part:
    table = match.table
    items = [f"{_key_column(match, key, alias)} AS {identifier(names.keys[text])}" for text, key in match.keys.items()]
    items += [f"{identifier(match.metrics[state].name)} AS {identifier(name)}" for state, name in names.states.items()]
    conditions = of_table(table, within)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = candidate.rows_within(within)
    columns = f"SELECT {', '.join(items) or '1 AS _one'} FROM {identifier(table.name)}"
    return Part(table.name, within, columns + where, rows, rows * candidate.bytes_per_row, columns=columns)


def _key_column(match: Match, key: Key, alias: str) -> str:
    if key.column is not None:
        return identifier(key.column)
    table = match.table
    bucket = table.layout.bucket
    same = table.layout.types[table.layout.time] == table.event_type
    grain = grain_of(key.node)
    if same and isinstance(key.node, exp.TimestampTrunc) and grain and grain.width == table.layout.granularity:
        return bucket
    if not same:
        bucket = f"CAST({bucket} AS {table.event_type})"
    return _of_bucket(key, table.event, alias, bucket)


def _of_bucket(key: Key, event: str, alias: str, bucket: str) -> str:
    """SQL of an expression with the bucket in place of the event time."""
    whole = key.node.copy()
    canonical = Canonical(alias)
    time = next(node for node in whole.walk() if node is not whole and canonical.text(node) == event)
    time.replace(exp.column(_BUCKET))
    return sql(whole).replace(_BUCKET, bucket)


class _Raw:
    """Writes the SELECTs that aggregate raw events to the states of the tables."""

    def __init__(self, block: Block, match: Match, names: Names, source: EventSource, unasked: frozenset[int]) -> None:
        self._block = block
        self._table = match.table
        self._source = source
        self._items = [f"{text} AS {identifier(names.keys[text])}" for text in match.keys]
        self._items += [f"{_aggregate(state)} AS {identifier(name)}" for state, name in names.states.items()]
        self._grouped = bool(match.keys)
        # What is asked of keys by a subquery is asked once, of the groups.
        later = unasked | {id(condition) for condition in match.filters if condition.find(exp.Query)}
        self._conditions = [block.canonical.text(condition) for condition in block.where if id(condition) not in later]

    def part(self, within: Range, files: Sequence[str], why: str) -> list[Part]:
        """The events of some files in a range; nothing if there are no files."""
        if not files:
            return []
        conditions = of_events(self._table, within)
        if conditions and within.start is None:
            # An event without a time is in no bucket, and so in the first segment, which has no start.
            conditions = [f"({' AND '.join(conditions)} OR {self._table.event} IS NULL)"]
        return [self._part(within, files, conditions, why)]

    def outliers(self, table: CubeTable, segments: Sequence[Segment], files: Sequence[str]) -> list[Part]:
        """The events that a rollup kept out as their time is NULL or not sane, where the query has room for them."""
        if not files:
            return []
        conditions = []
        if segments[0].within.start is None:
            conditions += [*of_events(table, Range(end=Cut(table.base, table.earliest))), f"{table.event} IS NULL"]
        if segments[-1].within.end is None:
            conditions += of_events(table, Range(start=Cut(table.base, table.latest)))
        if not conditions:
            return []
        within = Range(segments[0].within.start, segments[-1].within.end)
        return [self._part(within, files, [f"({' OR '.join(conditions)})"], "event times that were kept out")]

    def _part(self, within: Range, files: Sequence[str], conditions: Sequence[str], why: str) -> Part:
        block = self._block
        events = f"({self._source.scan(files)}) AS {identifier(block.alias)}"
        joins = "".join(f" {join}" for join in block.joins)
        every = [f"({condition})" for condition in (*self._conditions, *conditions)]
        where = f" WHERE {' AND '.join(every)}" if every else ""
        group = " GROUP BY ALL" if self._grouped else " HAVING count(*) > 0"
        text = f"SELECT {', '.join(self._items) or '1 AS _one'} FROM {events}{joins}{where}{group}"
        size = sum(self._source.sizes.get(path, 0) for path in files)
        return Part(None, within, text, None, size, tuple(files), why)


def _aggregate(state: State) -> str:
    """SQL of the aggregate over events that makes a state."""
    argument = state.argument or ("*" if state.aggregate == "count" else "")
    family = families.family_of(state.aggregate)
    if family is not None and state.aggregate == family.build.name and takes_doubles(family):
        argument = f"CAST({argument} AS DOUBLE)"
    where = (
        f" FILTER (WHERE {' AND '.join(f'({part})' for part in sorted(state.condition))})" if state.condition else ""
    )
    return f"{state.aggregate}({state.arguments(argument)}){where}"
