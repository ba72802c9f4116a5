"""Appending: counting data that is in no file, once for each id that its caller gives it."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from duckdb_sketch.rollup.engines.engine import Engine
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.ledger.records import Batch
from duckdb_sketch.rollup.pipeline.commit import CountedError, commit
from duckdb_sketch.rollup.pipeline.merge import Merge
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.sources.data import Appended, events_of_data
from duckdb_sketch.rollup.sources.events import Events

Retried = Callable[[Callable[[], Batch | None]], Batch | None]


def append(target: Target, events: Events, engine: Engine, retried: Retried, *, levels: bool) -> Batch | None:
    """Count data that is one slice. It is aggregated once: only the commit is tried again.

    Args:
        target: The rollup.
        events: The data.
        engine: What aggregates it.
        retried: Tries again while another connection is in the way.
        levels: Whether to update the coarser levels.

    Returns:
        What was counted; None if another connection counted data of the same id meanwhile.

    Raises:
        SourceError: If the data cannot be read or aggregated.
        LockedError: If another connection is in the way for too long; nothing was counted.
    """
    table = target.table(events)
    policy = Policy("append", Merge(), levels=levels)
    with events.blamed(), engine.groups(events, table, target.limits()) as groups:

        def attempt() -> Batch | None:
            try:
                return commit(target, table, events, groups, policy)
            except CountedError:  # which stays so, however often it is tried
                return None

        return retried(attempt)


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
