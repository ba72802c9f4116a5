"""How a commit puts groups into a rollup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from duckdb_sketch.rollup.engines.engine import Groups
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, RollupRecord
from duckdb_sketch.rollup.specification.table import Table

Kind = Literal["refresh", "append", "rebuild", "replay"]


class Placement(Protocol):
    """Puts the groups of a batch into a rollup's table, inside a commit."""

    def put(self, ledger: Ledger, record: RollupRecord, table: Table, groups: Groups, batch: Batch) -> RollupRecord:
        """Do it, and note the buckets that changed.

        Args:
            ledger: The ledger.
            record: The rollup's record, of which `last_batch` is this batch.
            table: Its table.
            groups: The groups, which may be changed.
            batch: Is filled in.

        Returns:
            The record as it is then.
        """


@dataclass(frozen=True)
class Policy:
    """How a commit puts groups into a rollup.

    Attributes:
        kind: What the ledger calls the batch.
        placement: What happens to the groups.
        after: The last batch that the groups depend on; None if they depend on none. If there was another since, they
            are not committed.
        complete: Whether everything that there is has been counted then, so that the watermark may move.
        levels: Whether to update the coarser levels.
        origins: The declarations of the sources that slices are from, by the ids of those.
    """

    kind: Kind
    placement: Placement
    after: int | None = None
    complete: bool = True
    levels: bool = True
    origins: Mapping[str, str] = field(default_factory=dict)
