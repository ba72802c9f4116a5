"""DuckDB in this process, as an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.engine import Groups, Limits
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.ledger.records import CountedSlice
from duckdb_sketch.rollup.query import describe, fetch, temporary
from duckdb_sketch.rollup.sources.events import Events, Extent, reading
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.kinds import same_kind
from duckdb_sketch.rollup.specification.specification import Specification, over
from duckdb_sketch.rollup.specification.table import LATEST, ROWS, Table, literal

_GROUPS = "duckdb_sketch_groups"
_SPOOL = "duckdb_sketch_spool"


class DuckDBEngine:
    """Aggregates events with DuckDB, into a temporary table."""

    def __init__(self, specification: Specification) -> None:
        self._specification = specification

    @contextmanager
    def groups(self, events: Events, table: Table, limits: Limits) -> Iterator[Groups]:
        """The groups of a batch; see `Engine`."""
        with ExitStack() as stack:
            with self.spooled(events) as spooled:
                groups = stack.enter_context(self.aggregated(spooled, table))
                known = self._known_extents(spooled, table, limits)
                if known is not None:
                    _check(spooled, known, table)
                extents = self._read_extents(spooled, table, limits) if known is None else known
            yield Groups(groups, counted(events, extents))

    @contextmanager
    def aggregated(self, events: Events, table: Table, condition: str | None = None) -> Iterator[str]:
        """The name of a table of the groups of some events.

        Args:
            events: The events.
            table: The rollup's table.
            condition: A predicate on the events, besides those of the statement.
        """
        with temporary(events.connection, _GROUPS):
            with reading():
                self._aggregate(events, table, condition)
            yield _GROUPS

    @contextmanager
    def spooled(self, events: Events) -> Iterator[Events]:
        """The events in a temporary table, if that is how to read them, with the columns that the statement uses."""
        if not events.spool:
            yield events
            return
        with temporary(events.connection, _SPOOL):
            with reading():
                columns = describe(events.connection, events.columns)
                used = [identifier(name) for name in columns if name == FILE or self._specification.may_use(name)]
                events.connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE {_SPOOL} AS SELECT {', '.join(used)} FROM ({events.sql})"
                )
            yield Events(events.connection, f"SELECT * FROM {_SPOOL}", events.types, events.slices, events.culprit)

    def extents(self, events: Events, table: Table, limits: Limits) -> Mapping[str, Extent]:
        """How many rows each slice has, and its first and last valid event time.

        Raises:
            SourceError: If the statistics of a slice contradict what is in it.
        """
        known = self._known_extents(events, table, limits)
        return self._read_extents(events, table, limits) if known is None else known

    def _known_extents(self, events: Events, table: Table, limits: Limits) -> Mapping[str, Extent] | None:
        """The extents of slices as far as that needs no reading; None if it does."""
        if not events.marked:
            return {}  # those of its groups
        column = self._specification.event_column
        kind = next((kind for name, kind in events.types.items() if name.lower() == column), None)
        if column is None or kind is None or kind.endswith("TIME ZONE") != table.zoned or kind.endswith("_NS"):
            return None
        found = events.extents(column)
        return found if found is not None and all(_is_valid(extent, limits) for extent in found.values()) else None

    def _aggregate(self, events: Events, table: Table, condition: str | None) -> None:
        """Make the table of groups.

        Raises:
            SourceError: If their types are others than the table's.
        """
        specification = self._specification.typed(events.types)
        extra = (f"count(*) AS {ROWS}", f"max({specification.event()}) AS {LATEST}")
        statement = over(events.sql, specification.aggregate(extra, condition))
        events.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_GROUPS} AS {statement}")
        types = describe(events.connection, f"SELECT {table.columns} FROM {_GROUPS}")
        bucket = table.types[table.time]
        if {types[table.time], bucket} == {"DATE", "TIMESTAMP"}:
            # A database of another version: date_trunc('day', TIMESTAMP) is a DATE before DuckDB 2.0.
            types[table.time] = bucket
            events.connection.execute(f"ALTER TABLE {_GROUPS} ALTER {table.bucket} TYPE {bucket}")
        for column, kind in types.items():
            known = table.types[column]
            if not same_kind(known, kind):
                raise SourceError(f"column {column} would be {kind}, and the rollup {table.name} has {known}")

    def _read_extents(self, events: Events, table: Table, limits: Limits) -> Mapping[str, Extent]:
        event = table.naive(self._specification.typed(events.types).event())
        earliest = table.naive_truncated(limits.earliest)
        valid = f"{event} >= {earliest} AND {event} < {literal(limits.latest)}"
        with reading():
            rows = fetch(
                events.connection,
                over(
                    events.sql,
                    f"SELECT {identifier(FILE)}, count(*), min({event}) FILTER ({valid}), "
                    f"max({event}) FILTER ({valid}), {earliest} FROM {self._specification.events()} GROUP BY ALL",
                ),
            )
        for slice_id, _, first, last, start in rows:
            for time in (first, last):
                # DuckDB does not ask of each row what statistics say of all. What no datetime can be is text.
                if time is not None and (isinstance(time, str) or not start <= time < limits.latest):
                    raise _contradicted(slice_id, time)
        return {slice_id: Extent(*extent) for slice_id, *extent, _ in rows}


def _check(events: Events, extents: Mapping[str, Extent], table: Table) -> None:
    """See that no group lies outside of the extents of all slices.

    Raises:
        SourceError: If one does.
    """
    firsts = [extent.first for extent in extents.values() if extent.first is not None]
    lasts = [extent.last for extent in extents.values() if extent.last is not None]
    if not firsts or not lasts:
        return
    bucket, latest = table.naive(table.bucket), table.naive(LATEST)
    outside = f"{bucket} < {table.naive_truncated(min(firsts))} OR {latest} > {literal(max(lasts))}"
    rows = fetch(events.connection, f"SELECT {latest} FROM {_GROUPS} WHERE {outside} LIMIT 1")
    if rows:
        raise _contradicted(" or ".join(sorted(extents)[:3]), rows[0][0])


def _contradicted(slice_id: str, time: object) -> SourceError:
    return SourceError(f"{slice_id} is corrupt: {time} lies outside its own column statistics")


def _is_valid(extent: Extent, limits: Limits) -> bool:
    times = [time for time in (extent.first, extent.last) if time is not None]
    return all(limits.earliest <= time < limits.latest for time in times)


def counted(events: Events, extents: Mapping[str, Extent]) -> list[CountedSlice]:
    """The slices of some events, as the ledger has them; none of data whose extent is that of the batch."""
    found = []
    for each in events.slices if events.marked else ():
        extent = extents.get(each.id or "", Extent(0, None, None))
        found.append(
            CountedSlice(each.kind, each.id or "", each.recorded(), each.size, extent.rows, extent.first, extent.last)
        )
    return found
