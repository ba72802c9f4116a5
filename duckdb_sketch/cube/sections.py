"""Sections of a table: the ranges that its rollups have counted, cut where any of them ends.

Rollups of one table are refreshed at different times, so that their ranges overlap. Sections do not: each rollup has
counted whole ones, from the first on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from duckdb_sketch.rollup.ledger.records import CountedSlice
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.table_range import TableRange
from duckdb_sketch.rollup.sources.table_reader import TableReader

_BYTES_A_ROW = 16  # rough: columns that a query does not mention are not read


@dataclass(frozen=True)
class Sections:
    """The sections of a table.

    Attributes:
        there: Each once, in order; the last one is what no rollup has counted, if that is anything.
        parts: The ids of the sections of each range that was counted, by its id.
        sizes: About how many bytes each has, by id.
    """

    there: tuple[TableRange, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)

    @staticmethod
    def of(reader: TableReader, counted: Sequence[CountedSlice]) -> Sections:
        """The sections of a table of which ranges have been counted.

        Raises:
            SourceError: If the table cannot be read.
        """
        ranges = [reader.counted(each.kind, each.slice, each.fingerprint) for each in counted]
        ends = reader.ordered([each.high for each in ranges if each.high is not None])
        places = {end: place for place, end in enumerate(ends)}
        sections = [reader.section(low, high) for low, high in zip([None, *ends], ends, strict=False)]
        parts: dict[str, tuple[str, ...]] = {}
        sizes: dict[str, int] = {}
        for each, known in zip(ranges, counted, strict=True):
            first = 0 if each.low is None else places.get(each.low, -1) + 1
            within = sections[first : places[each.high or ""] + 1]
            parts[each.id] = tuple(section.id for section in within)
            sizes |= dict.fromkeys(parts[each.id], known.rows * _BYTES_A_ROW // len(within))
        rest = reader.section(ends[-1] if ends else None, None)
        ((rows,),) = fetch(rest.table.connection, f"SELECT count(*) FROM {rest.table.sql} WHERE {rest.condition}")
        if rows or not sections:
            sections.append(rest)
            sizes[rest.id] = rows * _BYTES_A_ROW
        return Sections(tuple(sections), parts, sizes)

    def within(self, name: str) -> tuple[str, ...]:
        """The sections of a range; a file is whole."""
        return self.parts.get(name, (name,))

    def counted(self, ranges: Mapping[str, CountedSlice]) -> dict[str, CountedSlice]:
        """The sections of the ranges that a rollup has counted; each has events in what is known of its range."""
        return {part: replace(known, slice=part) for name, known in ranges.items() for part in self.within(name)}


#: Those of what is no table.
NO_SECTIONS = Sections()
