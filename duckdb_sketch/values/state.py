"""A state that is held as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, repr=False)
class State:
    """A state of a sketch, as SQL returns it. It is immutable; two are equal if their bytes are."""

    state: bytes

    def __bytes__(self) -> bytes:
        return self.state

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.state,)
