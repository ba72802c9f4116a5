"""What sketches of all families have in common as values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch.families import Family
from duckdb_sketch.values.arrow_type import extension_type
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
        self._about  # noqa: B018  what is not a sketch never becomes a value

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
            data: The states, as for `from_values`. NULLs are skipped; without any, the sketch is empty.
            column: The column to merge, of a frame with several.

        Raises:
            InvalidInputError: If one of them is not a sketch of this kind.
        """
        with column_of(data, column) as states:
            return cls(states.aggregate(cls.family.united("x::BLOB")))

    @classmethod
    def arrow_type(cls) -> Any:
        """The Arrow extension type of such sketches, `duckdb_sketch.` and the family's name, over binary.

        PyArrow reads it back from files once this has been called; without, it reads the bytes.

        Raises:
            MissingDependencyError: If PyArrow is not installed.
        """
        return extension_type(cls)  # type: ignore[arg-type]  # classes are hashable, whatever their objects are

    @classmethod
    def to_arrow(cls, data: Data, *, column: str | None = None) -> Any:
        """Sketches as an Arrow array of `arrow_type`, which goes to Parquet and comes back as sketches.

        Args:
            data: The states, as for `from_states`. NULLs stay NULL.
            column: The column to take, of a frame with several.

        Returns:
            A `pyarrow.ExtensionArray`, whose elements are sketches again by `as_py`.

        Raises:
            InvalidInputError: If one of them is not a sketch of this kind.
            MissingDependencyError: If PyArrow is not installed.
        """
        kind = cls.arrow_type()
        described = cls.family.describe.format(state="x::BLOB")
        with column_of(data, column) as states:
            checked = arrow_table(states.select(f"CASE WHEN ({described}) IS NOT NULL THEN x::BLOB END"))
        return kind.wrap_array(checked.column("answer").cast(kind.storage_type).combine_chunks())

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
