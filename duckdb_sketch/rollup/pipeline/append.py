"""Appending: counting data that is in no file, once for each id that its caller gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.ledger.records import Batch
from duckdb_sketch.rollup.pipeline.commit import CountedError, commit
from duckdb_sketch.rollup.pipeline.merge import Merge
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.sources.data import Appended, events_of_data
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.spool import discarded_on_error, spool, spool_path

Retried = Callable[[Callable[[], Batch | None]], Batch | None]


@dataclass(frozen=True)
class Appending:
    """How data is counted that is one slice.

    Attributes:
        target: The rollup.
        engine: What aggregates it.
        retried: Tries again while another connection is in the way.
        levels: Whether to update the coarser levels.
    """

    target: Target
    engine: Engine
    retried: Retried
    levels: bool

    def append(self, events: Events) -> Batch | None:
        """Count data. It is aggregated once: only the commit is tried again.

        Args:
            events: The data.

        Returns:
            What was counted; None if another connection counted data of the same id meanwhile.

        Raises:
            SourceError: If the data cannot be read or aggregated.
            LockedError: If another connection is in the way for too long; nothing was counted.
        """
        target, table = self.target, self.target.table(events)
        policy = Policy("append", Merge(), levels=self.levels)
        with events.blamed(), self.engine.groups(events, table, target.limits()) as groups:

            def attempt() -> Batch | None:
                try:
                    return commit(target, table, events, groups, policy)
                except CountedError:  # which stays so, however often it is tried
                    return None

            return self.retried(attempt)

    def append_data(self, name: str, batch_id: str | None) -> Batch | None:
        """Count data that is registered under a name; see `append`.

        Args:
            name: The name.
            batch_id: The caller's name for the data.
        """
        return self.append(self._events_of(name, batch_id))

    def append_and_keep(self, name: str, batch_id: str, folder: str | Path) -> Batch | None:
        """Write data that is registered under a name into a file of a folder, and count it from there; see `append`."""
        target = self.target
        path = spool_path(folder, target.specification.source, batch_id)
        kept = spool(target.ledger.connection, name, path)
        with discarded_on_error(kept):
            slices = (Appended(batch_id, fingerprint=kept.path), kept)
            batch = self.append(replace(self._events_of(kept.scan, batch_id), slices=slices))
        if batch is not None:
            kept.publish()
        else:  # another connection has counted it meanwhile
            kept.discard()
        return batch

    def _events_of(self, name: str, batch_id: str | None) -> Events:
        target = self.target
        known = target.input_types()
        return events_of_data(target.ledger.connection, target.specification, name, batch_id, known, target.missing)


def events_of_groups(
    connection: duckdb.DuckDBPyConnection, target: Target, columns: str | None, batch_id: str | None
) -> Events:
    """The events that groups were made of elsewhere, none of which is here.

    Args:
        connection: The rollup's connection.
        target: The rollup.
        columns: What something with the columns of the events is registered as; None if that is not given.
        batch_id: The caller's name for the groups.

    Raises:
        SourceError: If the columns are others than those of what was counted before, or are not known.
    """
    known = target.known()
    if columns is not None:
        types = known.input_types if known else {}
        return events_of_data(connection, target.specification, f"{columns} LIMIT 0", batch_id, types, target.missing)
    if known is None:
        raise SourceError(
            f"there is no rollup {target.name} yet, and groups do not say what their columns were made of: give "
            "events, something with the columns of the events, of which no row is read"
        )
    return Events(connection, "", known.input_types, (Appended(batch_id),), lambda: "the data", marked=False)


def check_id(batch_id: str) -> None:
    """See that an id is one that the ledger can tell from all others: 7 and "007" would become one.

    Raises:
        InvalidInputError: If it is not.
    """
    if not isinstance(batch_id, str):
        raise InvalidInputError(
            f"batch_id is {batch_id!r}, {type(batch_id).__name__}: give text, such as batch_id={str(batch_id)!r}"
        )
    try:
        batch_id.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"batch_id {batch_id!r} is not Unicode text: {error.reason}") from error
