"""An Arrow column as Python and NumPy see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray


def whole(column: Any) -> Any:
    """Return a `pyarrow.ChunkedArray` (or `Array`) as one `pyarrow.Array`."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return column


def lists(column: Any, dtype: Any) -> Iterator[NDArray[Any]]:
    """Yield, of each row of a column of lists of numbers, the elements that are not NULL; none of a NULL row."""
    rows = whole(column)
    offsets = rows.offsets.to_numpy()
    values = rows.values
    missing = rows.is_null().to_numpy(zero_copy_only=False)
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    present = values.is_valid().to_numpy(zero_copy_only=False) if values.null_count else None
    for row, absent in enumerate(missing):
        part = slice(offsets[row], offsets[row] if absent else offsets[row + 1])
        yield numbers[part] if present is None else numbers[part][present[part]]


def blobs(column: Any) -> Iterator[list[bytes]]:
    """Yield, of each row of a column of lists of blobs, those that are not NULL; none of a NULL row."""
    for row in whole(column).to_pylist():
        yield [blob for blob in row or () if blob is not None]
