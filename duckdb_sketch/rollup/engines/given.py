"""Groups that were aggregated elsewhere, such as on a cluster, and are given as data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from duckdb_sketch.rollup.engines.engine import Groups, Limits
from duckdb_sketch.rollup.engines.merging import merging
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import Events, reading
from duckdb_sketch.rollup.specification.table import Table

_GIVEN = "duckdb_sketch_given"


class GivenGroups:
    """An engine whose work has been done: it merges the rows of each group."""

    def __init__(self, name: str) -> None:
        """Take groups as they are.

        Args:
            name: What the groups are registered as; see `merging` for their columns.
        """
        self._name = name

    @contextmanager
    def groups(self, events: Events, table: Table, limits: Limits) -> Iterator[Groups]:
        """The groups of a batch; see `Engine`. Of `events` nothing is read."""
        with merged(events.connection, self._name, table) as name:
            yield Groups(name, ())


@contextmanager
def merged(connection: duckdb.DuckDBPyConnection, groups: str, table: Table) -> Iterator[str]:
    """The name of a table with one row per group.

    Args:
        connection: The rollup's connection.
        groups: What the groups are registered as.
        table: The rollup's table.

    Raises:
        SourceError: If they are not groups of this rollup.
    """
    with temporary(connection, _GIVEN):
        with reading():
            given = describe(connection, f"SELECT * FROM {groups}")
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {_GIVEN} AS {merging(table, given, groups)}")
            stray = f"{table.bucket} <> {table.truncated(table.bucket)}"
            (found,) = fetch_row(connection, f"SELECT min({table.bucket}) FILTER ({stray}) FROM {_GIVEN}")
        if found is not None:
            raise SourceError(
                f"{table.time} {found} is where no {table.granularity} of {table.name} begins: "
                "the groups are of another statement, or of another time zone"
            )
        yield _GIVEN
