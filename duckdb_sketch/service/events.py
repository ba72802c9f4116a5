"""Data that a request brings: Arrow IPC streams, Parquet and JSON lines, as Arrow tables."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch._sql import identifier
from duckdb_sketch.service.problem import Problem

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
JSON_LINES = "application/x-ndjson"

MEDIA_TYPES = (ARROW, PARQUET, JSON_LINES)

_GROWTH = 20  # how many bytes of memory may come of one that was sent


def events_table(body: bytes, media_type: str, types: Mapping[str, str]) -> Any:
    """The events in a body, as a `pyarrow.Table`.

    Args:
        body: The body.
        media_type: What it is.
        types: The SQL types of the columns in what was counted before, which JSON is read with.

    Raises:
        Problem: If it is not what it says, or would take much more memory than it has bytes.
    """
    import pyarrow  # type: ignore[import-untyped]

    try:
        if media_type == JSON_LINES:
            return _json(body, types)
        return _arrow(body) if media_type == ARROW else _parquet(body)
    except (pyarrow.ArrowException, OSError, ValueError, RecursionError) as error:
        first = str(error).partition("\n")[0][:300]
        raise Problem(400, "BadRequest", f"the body is not {media_type} of such events: {first}") from None


def _arrow(body: bytes) -> Any:
    import pyarrow

    with pyarrow.ipc.open_stream(pyarrow.py_buffer(body)) as stream:
        return _bounded(iter(stream), stream.schema, len(body))


def _parquet(body: bytes) -> Any:
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(body))
    return _bounded(file.iter_batches(batch_size=65_536), file.schema_arrow, len(body))


def _json(body: bytes, types: Mapping[str, str]) -> Any:
    from pyarrow import json

    options = json.ParseOptions(explicit_schema=_schema(types), unexpected_field_behavior="infer")
    return json.read_json(io.BytesIO(body), parse_options=options)


def _schema(types: Mapping[str, str]) -> Any:
    """The Arrow types of columns, of those that PyArrow reads from JSON without loss."""
    import pyarrow

    if not types:
        return None
    items = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in types.items())
    with duckdb.connect() as connection:
        schema = arrow_table(connection.sql(f"SELECT {items} WHERE false")).schema
    return pyarrow.schema([field for field in schema if not pyarrow.types.is_nested(field.type)])


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
