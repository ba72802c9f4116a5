"""The commit: groups, slices, batch, changes, watermark and coarser levels in one transaction. Nothing else writes."""

from __future__ import annotations

from collections.abc import Sequence

from duckdb_sketch.rollup.engines.engine import Groups
from duckdb_sketch.rollup.errors import LockedError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.positions import note_counted
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice, RollupRecord
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.pipeline.merge import Merge
from duckdb_sketch.rollup.pipeline.policy import Policy
from duckdb_sketch.rollup.pipeline.pruning import prune
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.pipeline.watermark import advance
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.slice import Slice
from duckdb_sketch.rollup.sources.source import SourceSlice
from duckdb_sketch.rollup.specification.table import Table


class CountedError(LockedError):
    """Some of the slices have been counted by another connection meanwhile."""


def commit(target: Target, table: Table, events: Events, groups: Groups, policy: Policy) -> Batch:
    """Put the groups of some events into a rollup, or nothing of them.

    Args:
        target: The rollup, which is made if it is not there.
        table: Its table, which the groups were made for.
        events: What the groups were made of.
        groups: The groups, and the slices that are counted with them.
        policy: How.

    Returns:
        What was done.

    Raises:
        CountedError: If some of the slices have been counted meanwhile.
        LockedError: If another connection is changing the rollup, or has changed what the groups depend on.
        LateDataError: If rows are late, and late rows are refused.
        SourceError: If a slice changed while it was read.
    """
    ledger, name = target.ledger, target.name
    with ledger.transaction():
        if policy.kind != "replay":  # which may make another rollup of it
            target.open(table, dict(events.types))
        record = ledger.begin_rollup(name)
        _check_order(record, policy)
        if isinstance(policy.placement, Merge):
            _check_uncounted(ledger, name, events.slices)
        batch = Batch(record.last_batch, policy.kind)
        record = policy.placement.put(ledger, record, table, groups, batch)
        batch.rejected_rows += events.rejected
        slices = [*groups.slices, *_appended(events, batch)]
        if not isinstance(policy.placement, Merge):
            ledger.forget_slices(name, slices)
        ledger.add_slices(name, batch.batch, slices)
        note_counted(ledger, name, groups.slices, policy.origins)
        for each in events.slices:
            each.check_unchanged()
        ledger.add_batch(name, batch)
        advance(ledger, record, table, batch, complete=policy.complete)
        if policy.levels:
            update_levels(ledger, name)
        prune(ledger, record, target.settings.keep_changes)
    return batch


def note_touched(target: Target, slices: Sequence[SourceSlice]) -> None:
    """Write the fingerprints of slices that hold what was counted, so that they are not read again."""
    with target.ledger.transaction():
        for kind in {each.kind for each in slices}:
            recorded = {each.path: each.recorded() for each in slices if each.kind == kind}
            target.ledger.set_fingerprints(target.name, recorded, kind)


def _check_order(record: RollupRecord, policy: Policy) -> None:
    if policy.after is not None and record.last_batch != policy.after + 1:
        raise LockedError(f"another connection has counted a batch into {record.name} during its {policy.kind}")


def _check_uncounted(ledger: Ledger, name: str, slices: Sequence[Slice]) -> None:
    for kind in {each.kind for each in slices}:
        ids = [each.id for each in slices if each.kind == kind and each.id is not None]
        if ledger.known(name, kind, ids):
            raise CountedError(f"another connection has counted some of the same data into {name} meanwhile")


def _appended(events: Events, batch: Batch) -> list[CountedSlice]:
    """Data that was appended, which is what the batch is, and the file that it is kept in, if it is kept."""
    return [
        CountedSlice(each.kind, each.id, each.recorded(), each.size, batch.rows, batch.first_event, batch.last_event)
        for each in events.slices
        if not events.marked and each.id is not None
    ]
