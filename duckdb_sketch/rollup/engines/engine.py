"""Engines make groups of events: this process, with DuckDB, or a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from duckdb_sketch.rollup.ledger.records import CountedSlice
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.specification.table import Table


@dataclass(frozen=True)
class Limits:
    """Which event times are valid: from `earliest` on, before `latest`; both as the ledger holds times."""

    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class Groups:
    """Groups of one batch, one row each, in a table of the rollup's connection.

    Attributes:
        table: The name of the table. It has the columns of the rollup's table, then `ROWS` and `LATEST`.
        slices: The slices that they were made of, and what is in each.
    """

    table: str
    slices: Sequence[CountedSlice]


class Engine(Protocol):
    """Makes the groups of one rollup."""

    def groups(self, events: Events, table: Table, limits: Limits) -> AbstractContextManager[Groups]:
        """The groups of a batch, which are there until the context ends. Nothing of the rollup changes.

        Args:
            events: The events, which are read once.
            table: The rollup's table, there or to be made.
            limits: Which event times count for the extents of slices.

        Raises:
            UnreadableError: If the events cannot be read or aggregated.
            SourceError: If their groups are not those of the rollup.
        """
