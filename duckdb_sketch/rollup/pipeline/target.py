"""The rollup that a batch goes into, as its caller states it, and as the ledger has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.engines.binding import bind
from duckdb_sketch.rollup.engines.engine import Limits
from duckdb_sketch.rollup.errors import ChangedStatementError, LockedError, SourceError
from duckdb_sketch.rollup.ledger.database import require_free
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import fetch_row
from duckdb_sketch.rollup.settings import Missing, Settings
from duckdb_sketch.rollup.sources.declared import kept_text, missing_of
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.kinds import united
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table

_OF_A_NEW_ROLLUP = ("allowed_lateness", "late", "earliest", "latest")
_FIXED = ("time_zone", "earliest", "latest")


@dataclass(frozen=True)
class Target:
    """A rollup by its name, which may not be there yet.

    Attributes:
        ledger: The ledger of its database.
        name: Its name.
        specification: The statement that its caller gives.
        settings: The settings that its caller gives.
        source: How its caller declares the source; None if it does not.
    """

    ledger: Ledger
    name: str
    specification: Specification
    settings: Settings
    source: str | None = None

    def known(self) -> RollupRecord | None:
        """Its record; None if it is not there yet.

        Raises:
            ChangedStatementError: If it was made with another statement or other settings.
        """
        record = self.ledger.find_rollup(self.name)
        if record is not None:
            self.check(record)
        return record

    def record(self) -> RollupRecord:
        """Its record, or what that would be."""
        return self.known() or self.fresh({})

    def fingerprints(self, kind: str) -> dict[str, str]:
        """The fingerprints of the slices of a kind that it has counted, by id."""
        if self.known() is None:
            return {}
        return {name: counted.fingerprint for name, counted in self.ledger.slices(self.name, kind).items()}

    def limits(self) -> Limits:
        """Which event times are valid."""
        record = self.record()
        return Limits(record.earliest, record.latest)

    def input_types(self) -> dict[str, str]:
        """The types of the columns in what was counted; empty if nothing was."""
        record = self.known()
        return record.input_types if record else {}

    def table(self, events: Events) -> Table:
        """Its table, or the one that would be made of some events.

        Raises:
            SpecificationError: If DuckDB does not take the statement over these events.
        """
        record = self.known()
        if record is None:
            return bind(self.specification, self.name, self.settings.time_zone, events)
        stored = table_of(self.ledger, record)
        if not _unpinned(record, events.types):
            return stored
        fresh = bind(self.specification, self.name, record.time_zone, events)
        return replace(stored, types={name: self._wider(stored, fresh, name) for name in stored.types})

    def _wider(self, stored: Table, fresh: Table, name: str) -> str:
        """The type of a column from now on: the one that it has, if that holds more and there is something in it."""
        kind, wanted = stored.types[name], fresh.types[name]
        if kind == wanted or united(kind, wanted) in (None, wanted):
            return wanted
        (values,) = fetch_row(self.ledger.connection, f"SELECT count({identifier(name)}) FROM {stored.sql}")
        return kind if values else wanted

    def open(self, table: Table, types: dict[str, str]) -> None:
        """See that it is there as it was bound, or make it, inside the caller's transaction.

        Args:
            table: The table that groups were made for.
            types: The types of the columns that they were made of.

        Raises:
            ChangedStatementError: If it was made with another statement or other settings.
            LockedError: If another connection has made it with other columns meanwhile.
        """
        self.ledger.create()
        record = self.known()
        if record is None:
            require_free(self.ledger.connection, self.name)
            self.ledger.connection.execute(table.create())
            self.ledger.add(self.fresh(types))
            return
        stored = table_of(self.ledger, record)
        if stored != table:
            self._retype(stored, table)
        (zone,) = fetch_row(self.ledger.connection, "SELECT current_setting('TimeZone')")
        if record.time_zone not in (None, zone):
            raise LockedError(f"another connection has made the rollup {self.name} in another time zone meanwhile")
        self._update(record, types)

    def _retype(self, stored: Table, table: Table) -> None:
        """Give columns a type that holds more, and those that have only NULL so far the type of the first values.

        Raises:
            LockedError: If another connection has made the rollup with other columns meanwhile.
        """
        if replace(stored, types=table.types) != table or list(stored.types) != list(table.types):
            raise LockedError(f"another connection has made the rollup {self.name} with other columns meanwhile")
        changed = {name: kind for name, kind in table.types.items() if kind != stored.types[name]}
        for level in (stored, *_levels(self.ledger, self.name)):
            for name, kind in changed.items():
                if name in level.types:
                    _retype_column(self.ledger, level, name, kind)

    def _update(self, record: RollupRecord, types: dict[str, str]) -> None:
        given: dict[str, Any] = {"allowed_lateness": self.settings.allowed_lateness, "late": self.settings.late}
        given["source"] = self.kept_source(record)
        changed = {name: value for name, value in given.items() if value not in (None, getattr(record, name))}
        if fresh := _unpinned(record, types):
            changed["input_types"] = {**record.input_types, **fresh}
        if changed:
            self.ledger.set(self.name, **changed)

    def kept_source(self, record: RollupRecord | None) -> str | None:
        """How the source is declared from now on, and what a column is that its files lack."""
        return kept_text(self.source, record.source if record else None, self.settings.missing)

    @property
    def missing(self) -> Missing | None:
        """What a column is that a file or data lacks: what the caller says, or the ledger has."""
        return self.settings.missing or missing_of(self.kept_source(self.ledger.find_rollup(self.name)))

    def fresh(self, types: dict[str, str]) -> RollupRecord:
        """The record of a rollup that is made of events with columns of these types."""
        settings = self.settings
        record = RollupRecord(
            name=self.name,
            statement=self.specification.statement,
            source=self.kept_source(None),
            input_types=types,
            time_zone=settings.time_zone,
        )
        chosen = {name: value for name in _OF_A_NEW_ROLLUP if (value := getattr(settings, name)) is not None}
        return replace(record, **chosen)

    def check(self, record: RollupRecord) -> None:
        """See that the rollup was made with this statement and these settings.

        Raises:
            ChangedStatementError: If it was not.
        """
        difference = Specification.parse(record.statement).difference(self.specification)
        if difference:
            raise ChangedStatementError(
                f"the rollup {self.name} was made with another statement; replay rebuilds it with this one:\n"
                f"{difference}"
            )
        for name in _FIXED:
            given = getattr(self.settings, name)
            if given is not None and given != getattr(record, name):
                raise ChangedStatementError(
                    f"the rollup {self.name} was made with {name} {getattr(record, name)}, not {given}: leave it as it "
                    "is, or replay, which rebuilds it"
                )

    def changes(self, record: RollupRecord) -> dict[str, Any]:
        """The settings by which a replay makes it another rollup."""
        return {
            name: given
            for name in _FIXED
            if (given := getattr(self.settings, name)) not in (None, getattr(record, name))
        }


def _unpinned(record: RollupRecord, types: Mapping[str, str]) -> dict[str, str]:
    """Types of columns of which there was no evidence yet, less of a nested one, or a type that holds less."""
    known = {name.lower(): (name, kind) for name, kind in record.input_types.items()}
    fresh = {}
    for name, kind in types.items():
        spelled, before = known.get(name.lower(), (name, None))
        both = united(before, kind) or kind
        if before is None or both != united(before, before):
            fresh[spelled] = both
    return fresh


def _levels(ledger: Ledger, name: str) -> list[Table]:
    children = ledger.children(name)
    return [table for child in children for table in (table_of(ledger, child), *_levels(ledger, child.name))]


def _retype_column(ledger: Ledger, table: Table, name: str, kind: str) -> None:
    column = identifier(name)
    (values,) = fetch_row(ledger.connection, f"SELECT count({column}) FROM {table.sql}")
    if values and united(table.types[name], kind) is None:
        raise SourceError(
            f"column {name} would be {kind}, and the rollup {table.name} has {table.types[name]}: replay rebuilds it"
        )
    ledger.connection.execute(f"ALTER TABLE {table.sql} ALTER {column} TYPE {kind}")
