"""What sketches of all families have in common as values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from duckdb_sketch.families import Family
from duckdb_sketch.values.data import Data, column_of
from duckdb_sketch.values.session import row
from duckdb_sketch.values.state import State

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, repr=False)
class Sketch(State):
    """A state, with its questions as methods.

    Attributes:
        family: Its family, which says how SQL checks and merges states.
    """

    family: ClassVar[Family]

    def __post_init__(self) -> None:
        self._about  # noqa: B018  what is no sketch never becomes a value

    @classmethod
    def from_bytes(cls, state: bytes | bytearray | memoryview) -> Self:
        """The sketch that a `BLOB` column or a Parquet file holds as bytes.

        Raises:
            InvalidInputError: If they are no sketch of this kind; the message says what they are instead.
            TypeError: If they are no bytes.
        """
        return cls(bytes(memoryview(state)))

    @classmethod
    def from_states(cls, data: Data, *, column: str | None = None) -> Self:
        """Merge a column of states, or an iterable of states or sketches.

        Args:
            data: The states, as for `from_values`. NULLs are skipped; of none comes the empty sketch.
            column: The column to merge, of a frame with several.

        Raises:
            InvalidInputError: If one of them is no sketch of this kind.
        """
        with column_of(data, column) as states:
            return cls(states.aggregate(cls.family.united("x::BLOB")))

    @cached_property
    def _about(self) -> Any:
        """What the state says of itself, in SQL's terms."""
        return self._answer(self.family.describe)

    def _answer(self, expression: str) -> Any:
        """What an expression over `{state}` says of the state."""
        (answer,) = row(f"SELECT {expression.format(state='state')} FROM (SELECT ?::BLOB AS state)", self.state)
        return answer

    def __or__(self, other: Self) -> Self:
        """The sketch of what both have seen."""
        if type(other) is not type(self):
            return NotImplemented
        (state,) = row(
            f"SELECT {self.family.merged('a', 'b')} FROM (SELECT ?::BLOB AS a, ?::BLOB AS b)", self.state, other.state
        )
        return type(self)(state)
