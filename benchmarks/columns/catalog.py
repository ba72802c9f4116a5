"""All columns."""

from __future__ import annotations

from benchmarks.columns.column import KINDS, Column
from benchmarks.columns.continuous import CONTINUOUS
from benchmarks.columns.discrete import DISCRETE
from benchmarks.columns.ordered import ORDERED

COLUMNS: tuple[Column, ...] = tuple(
    sorted((*CONTINUOUS, *DISCRETE, *ORDERED), key=lambda column: KINDS.index(column.kind))
)
"""Kind by kind."""


def some_columns(most_of_a_kind: int) -> tuple[Column, ...]:
    """That many of each kind, the first ones."""
    by_kind = {kind: [column for column in COLUMNS if column.kind == kind] for kind in KINDS}
    return tuple(column for columns in by_kind.values() for column in columns[:most_of_a_kind])
