"""Arrow extension types of sketches: binary in storage, so that every reader of Arrow and Parquet has the bytes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from duckdb_sketch.values.data import ARROW_TYPES, pyarrow

if TYPE_CHECKING:
    from duckdb_sketch.values.sketch import Sketch


@cache
def extension_type(sketch: type[Sketch]) -> Any:
    """The Arrow type of the states of a family, such as `duckdb_sketch.hll`, registered with PyArrow.

    Args:
        sketch: The class of the sketches.

    Raises:
        MissingDependencyError: If PyArrow is not installed.
    """
    arrow = pyarrow("an Arrow type of sketches")
    binary = arrow.binary()

    class SketchScalar(arrow.ExtensionScalar):  # type: ignore[misc, name-defined]
        def as_py(self, **_: Any) -> Sketch | None:
            return None if self.value is None else sketch.from_bytes(self.value.as_py())

    class SketchType(arrow.ExtensionType):  # type: ignore[misc, name-defined]
        def __init__(self, storage: Any = binary) -> None:
            super().__init__(storage, f"{ARROW_TYPES}{sketch.family.name}")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> SketchType:
            return cls(storage)

        def __arrow_ext_scalar_class__(self) -> type[SketchScalar]:
            return SketchScalar

        def __reduce__(self) -> tuple[Any, ...]:
            return extension_type, (sketch,)

    found = SketchType()
    arrow.register_extension_type(found)
    return found
