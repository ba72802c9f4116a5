"""What both kinds of sketches have in common as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self


class Bounds(NamedTuple):
    """An estimate, and the interval around it."""

    lower: float
    estimate: float
    upper: float


@dataclass(frozen=True, repr=False)
class Sketch:
    """A state, with its questions as methods. It is immutable; two are equal if their bytes are."""

    state: bytes

    @classmethod
    def from_bytes(cls, state: bytes | bytearray | memoryview) -> Self:
        """The sketch that a `BLOB` column or a Parquet file holds as bytes.

        Raises:
            InvalidInputError: If they are no sketch of this kind; the message says what they are instead.
            TypeError: If they are no bytes.
        """
        return cls(bytes(memoryview(state)))

    def __bytes__(self) -> bytes:
        return self.state

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.state,)
