"""Which rollups answer queries, and which would. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.cube.answer import Call
from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.canonical import sql
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.grain import grain_of
from duckdb_sketch.cube.reason import RejectedError
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.expand import expand
from duckdb_sketch.rollup.specification.specification import Specification

_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_USUAL = "hour"  # where a query compares the event time, or does not mention it
_BYTES_A_SECOND = 300e6  # that a core reads and merges, roughly


@dataclass(frozen=True)
class Advice:
    """What a query reads, and what would answer it from less.

    Attributes:
        query: The query.
        tables: The rollups and levels that it reads; none if raw events answer it.
        rows: About how many of their rows.
        bytes: About how many bytes, raw files included.
        seconds: About how long that takes one core.
        reasons: Why raw events are read, where no rollup answers.
        statements: Statements of rollups that would answer the SELECTs that none answers now.
    """

    query: str
    tables: tuple[str, ...]
    rows: int
    bytes: int
    reasons: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """About how long a core takes to read and merge that much."""
        return self.bytes / _BYTES_A_SECOND

    def __str__(self) -> str:
        tables = ", ".join(self.tables) or "raw events"
        lines = [f"{tables}: {self.rows:,} rows, {self.bytes:,} bytes, about {self.seconds:.3f} s"]
        return "\n".join([*lines, *self.reasons, *self.statements])


def suggest(select: exp.Select, functions: Functions, columns: Sequence[str], event: str) -> str | None:
    """A statement of a rollup that answers a SELECT over events; None if no rollup could.

    Args:
        select: The SELECT.
        functions: DuckDB's functions.
        columns: The names of the events' columns.
        event: SQL of the event time.
    """
    try:
        block = Block.of(select.copy(), functions, frozenset(map(str.lower, columns)))
    except RejectedError:
        return None
    if block.joins:
        return None
    unit = min((unit for unit in _widths(block, event)), key=_UNITS.index, default=_USUAL)
    dimensions = list(dict.fromkeys(_dimensions(block, event)))
    metrics = {_name(call): sql(call.node) for call in block.calls if not _is_over(call, dimensions)}
    items = [f"date_trunc('{unit}', {event}) AS {unit}", *dimensions]
    items += [f"{text} AS {name}" for name, text in (metrics or {"events": "count(*)"}).items()]
    statement = f"SELECT {', '.join(items)} FROM {block.source} GROUP BY ALL"
    try:
        return Specification.parse(expand(statement)).statement
    except SpecificationError:
        return None


def _widths(block: Block, event: str) -> Iterator[str]:
    """The units of time that a SELECT tells apart."""
    for root in (*block.roots(), *block.where):
        for node in root.walk():
            if not isinstance(node, exp.Column) or block.canonical.text(node) != event:
                continue
            grain = grain_of(node.parent) if node.parent is not None else None
            if grain is None:
                yield _USUAL
            else:
                yield grain.width.unit if grain.width.unit in _UNITS else _USUAL


def _dimensions(block: Block, event: str) -> Iterator[str]:
    """The columns that a SELECT groups and filters by."""
    calls = {id(call.node) for call in block.calls}
    roots = [*block.roots(), *block.where, *(part for call in block.calls for part in call.condition)]
    while roots:
        node = roots.pop(0)
        if isinstance(node, exp.Query) or id(node) in calls:
            continue
        if isinstance(node, exp.Column):
            text = block.canonical.text(node)
            if text != event and not isinstance(node.parent, exp.Ordered):
                yield text
            continue
        roots += node.iter_expressions()


def _is_over(call: Call, dimensions: Sequence[str]) -> bool:
    """Whether a call is of dimensions alone."""
    columns = [column.name.lower() for argument in call.arguments for column in argument.find_all(exp.Column)]
    return bool(columns) and call.distinct and all(column in dimensions for column in columns)


def _name(call: Call) -> str:
    return re.sub(r"\W+", "_", sql(call.function).lower()).strip("_") + ("_filtered" if call.condition else "")
