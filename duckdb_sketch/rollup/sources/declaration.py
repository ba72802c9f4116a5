"""How a source is declared: paths, or DuckDB's `read_csv(…)`, `read_json(…)` or `read_parquet(…)` with options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlglot
from sqlglot import exp

from duckdb_sketch.rollup.errors import SourceError

READERS = {
    "read_csv": "read_csv",
    "read_csv_auto": "read_csv",
    "read_json": "read_json",
    "read_json_auto": "read_json",
    "read_ndjson": "read_json",
    "read_ndjson_auto": "read_json",
    "read_parquet": "read_parquet",
    "parquet_scan": "read_parquet",
}
_CALL = re.compile(rf"\s*({'|'.join(READERS)})\s*\(", re.IGNORECASE)
_TYPES = ("types", "dtypes", "column_types", "columns")
# What the rollup's own reading decides: columns are always bound by name, and types by all values.
_IGNORED = ("union_by_name", "filename", "auto_detect", "sample_size", "all_varchar", "auto_type_candidates")
_DIALECT = {
    "read_csv": (
        *("delim", "sep", "quote", "escape", "header", "skip", "comment", "nullstr", "encoding", "compression"),
        *("null_padding", "strict_mode", "new_line", "max_line_size", "allow_quoted_nulls", "hive_partitioning"),
    ),
    "read_json": ("format", "compression", "maximum_object_size", "hive_partitioning"),
    "read_parquet": ("hive_partitioning", "binary_as_string"),
}


@dataclass(frozen=True)
class Declaration:
    """A source of files, as it is declared.

    Attributes:
        patterns: Paths, in which `*`, `?`, `[…]` and `**` stand for names.
        reader: The reader that is called; None for plain paths.
        types: The types that are declared, by column.
        dialect: Options that say how files are written, as SQL.
        text: The declaration as it is kept.
    """

    patterns: tuple[str, ...]
    reader: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    dialect: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @staticmethod
    def of(given: str | Path | Sequence[str | Path]) -> Declaration:
        """A declaration from paths, or from the call of a reader.

        Raises:
            SourceError: If the call is not one that can be read from.
        """
        if isinstance(given, str) and _CALL.match(given):
            return _parsed(given)
        paths = [given] if isinstance(given, (str, Path)) else given
        patterns = tuple(str(path) for path in paths)
        return Declaration(patterns, text=", ".join(patterns))


def is_reader(node: exp.Expr) -> bool:
    """Whether a table of FROM is the call of a reader of files."""
    return _CALL.match(node.sql(dialect="duckdb", comments=False)) is not None


def _parsed(text: str) -> Declaration:
    try:
        call = sqlglot.parse_one(f"SELECT * FROM {text}", dialect="duckdb").args["from_"].this.this
    except sqlglot.errors.SqlglotError as error:
        raise SourceError(f"{text} cannot be read: {error}") from error
    name = READERS[_CALL.match(text)[1].lower()]  # type: ignore[index]
    arguments = [call.this, *call.expressions] if isinstance(call, exp.ReadCSV) else list(call.expressions)
    first, *options = arguments
    types: dict[str, str] = {}
    dialect: dict[str, str] = {}
    for option in options:
        if not isinstance(option, (exp.EQ, exp.PropertyEQ)):
            raise SourceError(f"{text}: {option.sql(dialect='duckdb')} is no option: write name = value")
        key = option.this.name.lower()
        if key in _TYPES and name != "read_parquet":
            types |= _types(text, key, option.expression)
        elif key in _DIALECT[name]:
            dialect[key] = option.expression.sql(dialect="duckdb")
        elif key not in _IGNORED:
            known = ", ".join((*_DIALECT[name], "types"))
            raise SourceError(f"{text}: {name} of a rollup takes no option {key}; it takes {known}")
    return Declaration(_paths(text, first), name, types, dialect, text.strip())


def _paths(text: str, node: exp.Expr) -> tuple[str, ...]:
    items = node.expressions if isinstance(node, exp.Array) else [node]
    if not all(isinstance(item, exp.Literal) and item.is_string for item in items):
        raise SourceError(f"{text}: give paths as text, or a list of them")
    return tuple(item.name for item in items)


def _types(text: str, key: str, node: exp.Expr) -> dict[str, str]:
    if not isinstance(node, exp.Struct):
        raise SourceError(f"{text}: {key} are types by column: {key} = {{'price': 'DECIMAL(8, 2)'}}")
    return {item.this.name: item.expression.name for item in node.expressions}
