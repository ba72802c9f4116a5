"""Several sources of one table of events, each with a position of its own: how they are declared."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import sqlglot

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError, SpecificationError
from duckdb_sketch.rollup.specification.granularity import parse_span

_CALL = re.compile(r"\s*several\s*\(", re.IGNORECASE)


def several(*sources: str | Path, idle: str | timedelta | None = None) -> str:
    """The declaration of several sources of one table of events, whose watermark is the least of theirs.

    >>> several("/eu/*.parquet", "s3://us/*.parquet", idle="1 hour")
    "several('/eu/*.parquet', 's3://us/*.parquet', idle = '1 hour')"

    Args:
        sources: Each a path or pattern, or the call of a reader; all with the same reader and options.
        idle: After how long without a new file a source does not keep the watermark back any more. By default it does
            for ever, also if nothing of it has come yet.

    Raises:
        SourceError: If it is fewer than two.
    """
    texts = [os.fspath(source) for source in sources]
    if len(texts) < 2:
        raise SourceError("several sources are two or more, each a path, a pattern or the call of a reader")
    text = f"{idle // timedelta(microseconds=1)} microseconds" if isinstance(idle, timedelta) else idle
    options = [] if text is None else [f"idle = {quote(text)}"]
    return f"several({', '.join([*map(quote, texts), *options])})"


def read_several(text: str) -> tuple[list[str], str | None] | None:
    """The sources that a text declares, and how long they may be idle; None if it does not declare several.

    Raises:
        SourceError: If it starts so, and cannot be read.
    """
    if not _CALL.match(text):
        return None
    shape = "several('eu/*.parquet', 'us/*.parquet', idle = '1 hour')"
    idle: str | None = None
    sources: list[str] = []
    try:
        for argument in sqlglot.parse_one(f"SELECT {text}", dialect="duckdb").expressions[0].expressions:
            if argument.key == "eq" and argument.this.name.lower() == "idle":
                idle = argument.expression.name
            elif argument.is_string:
                sources.append(argument.name)
            else:
                raise SourceError(f"{text}: {argument.sql(dialect='duckdb')} is not text: write {shape}")
    except (sqlglot.errors.SqlglotError, AttributeError, IndexError) as error:
        raise SourceError(f"{text} cannot be read: write {shape}") from error
    if len(sources) < 2:
        raise SourceError(f"{text} is not several sources: write {shape}")
    try:
        parse_span(idle)
    except SpecificationError as error:
        raise SourceError(f"{text}: idle is not a time, such as '1 hour': {error}") from error
    return sources, idle
