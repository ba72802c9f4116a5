"""Sections of a table: the ranges that its rollups have counted, cut where any of them ends.

Rollups of one table are refreshed at different times, so that their ranges overlap. Sections do not: each rollup has
counted whole ones, from the first on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from duckdb_sketch.rollup.ledger.records import CountedSlice
from duckdb_sketch.rollup.sources.source import Range, Ranges

_BYTES_A_ROW = 16  # rough: columns that a query does not mention are not read


@dataclass(frozen=True)
class Sections:
    """The sections of a table.

    Attributes:
        there: Each once, in order; the last one is what no rollup has counted, if that is anything.
        parts: The ids of the sections of each range that was counted, by its id.
        sizes: About how many bytes each has, by id.
        changed: What is wrong with what rollups have counted, by their names: rows came or went behind the cursor.
    """

    there: tuple[Range, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    changed: Mapping[str, str] = field(default_factory=dict, hash=False)

    @staticmethod
    def of(reader: Ranges, by_rollup: Mapping[str, Sequence[CountedSlice]]) -> Sections:
        """The sections of a table of which rollups have counted ranges.

        Raises:
            SourceError: If the table cannot be read.
        """
        counted = [each for known in by_rollup.values() for each in known]
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
        rows = reader.count(rest.low)
        if rows or not sections:
            sections.append(rest)
            sizes[rest.id] = rows * _BYTES_A_ROW
        return Sections(tuple(sections), parts, sizes, _changed(reader, by_rollup, ends))

    def within(self, name: str) -> tuple[str, ...]:
        """The sections of a range; a file is whole."""
        return self.parts.get(name, (name,))

    def counted(self, ranges: Mapping[str, CountedSlice]) -> dict[str, CountedSlice]:
        """The sections of the ranges that a rollup has counted; each has events in what is known of its range."""
        return {part: replace(known, slice=part) for name, known in ranges.items() for part in self.within(name)}


def _changed(reader: Ranges, by_rollup: Mapping[str, Sequence[CountedSlice]], ends: Sequence[str]) -> dict[str, str]:
    """The rollups that have counted another number of rows than there are up to where they are.

    The counts are quick: of all rows, which DuckDB knows, and of those above a cursor, which are few. That rows have
    other values takes a look at all of them, and is a refresh's to find.

    Raises:
        SourceError: If rows have no cursor.
    """
    found: dict[str, str] = {}
    total: int | None = None
    for rollup, known in by_rollup.items():
        if not known:
            continue
        total = reader.count(None) if total is None else total
        ranges = [reader.counted(each.kind, each.slice, each.fingerprint) for each in known]
        last = max((each.high or "" for each in ranges), key=ends.index)
        now, then = total - reader.count(last), sum(each.rows for each in known)
        if now != then:
            reader.require_cursor()
            found[rollup] = f"{reader.section(None, last).id}: {then:,} rows then, {now:,} now"
    return found


#: Those of what is not a table.
NO_SECTIONS = Sections()
