"""Data that a request brings: Arrow IPC streams, Parquet and JSON lines, as Arrow tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from duckdb_sketch.service.problem import Problem

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
JSON_LINES = "application/x-ndjson"

_GROWTH = 20  # how many bytes of memory may come of one that was sent


def events_table(body: bytes, media_type: str) -> Any:
    """The events in a body, as a `pyarrow.Table`.

    Raises:
        Problem: If it is not what it says, or would take much more memory than it has bytes.
    """
    import pyarrow  # type: ignore[import-untyped]

    try:
        return _READERS[media_type](body)
    except Problem:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, RecursionError) as error:
        first = str(error).partition("\n")[0][:300]
        raise Problem(400, "BadRequest", f"the body is not {media_type}: {first}") from None


def _arrow(body: bytes) -> Any:
    import pyarrow

    with pyarrow.ipc.open_stream(pyarrow.py_buffer(body)) as stream:
        return _bounded(iter(stream), stream.schema, len(body))


def _parquet(body: bytes) -> Any:
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(body))
    return _bounded(file.iter_batches(batch_size=65_536), file.schema_arrow, len(body))


def _json(body: bytes) -> Any:
    from pyarrow import json

    return json.read_json(io.BytesIO(body))


def _bounded(batches: Iterator[Any], schema: Any, sent: int) -> Any:
    """Batches as a table, as long as they are not out of proportion: a few bytes can stand for gigabytes."""
    import pyarrow

    found, size = [], 0
    for batch in batches:
        batch.validate(full=True)  # offsets that point elsewhere
        size += batch.nbytes
        if size > max(_GROWTH * sent, 64 << 20):
            raise Problem(413, "TooLarge", "the data is compressed too well: send it in several requests")
        found.append(batch)
    return pyarrow.Table.from_batches(found, schema)


_READERS: dict[str, Callable[[bytes], Any]] = {ARROW: _arrow, PARQUET: _parquet, JSON_LINES: _json}
MEDIA_TYPES = tuple(_READERS)
