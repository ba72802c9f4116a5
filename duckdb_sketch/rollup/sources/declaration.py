"""How a source is declared: paths, or DuckDB's `read_csv(…)`, `read_json(…)` or `read_parquet(…)` with options."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.url import is_url

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
    """

    patterns: tuple[str, ...]
    reader: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    dialect: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(given: str | Path | Sequence[str | Path]) -> Declaration:
        """A declaration from paths, or from the call of a reader.

        Raises:
            SourceError: If the call is not one that can be read from.
        """
        if isinstance(given, str) and _CALL.match(given):
            return _parsed(given)
        if isinstance(given, str) and given.startswith("["):
            with suppress(ValueError):
                given = json.loads(given)
        paths = [given] if isinstance(given, (str, Path)) else given
        return Declaration(tuple(str(path) for path in paths))

    @property
    def text(self) -> str:
        """The declaration as it is kept, with absolute paths: `Declaration.of` reads it."""
        paths = [path if is_url(path) else os.path.abspath(os.path.expanduser(path)) for path in self.patterns]
        if self.reader is None:
            return paths[0] if len(paths) == 1 else json.dumps(paths)
        options = [f"[{', '.join(map(quote, paths))}]", *(f"{name} = {value}" for name, value in self.dialect.items())]
        if self.types:
            options.append(f"types = {{{', '.join(f'{quote(n)}: {quote(kind)}' for n, kind in self.types.items())}}}")
        return f"{self.reader}({', '.join(options)})"


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
    return Declaration(_paths(text, first), name, types, dialect)


def _paths(text: str, node: exp.Expr) -> tuple[str, ...]:
    items = node.expressions if isinstance(node, exp.Array) else [node]
    if not all(isinstance(item, exp.Literal) and item.is_string for item in items):
        raise SourceError(f"{text}: give paths as text, or a list of them")
    return tuple(item.name for item in items)


def _types(text: str, key: str, node: exp.Expr) -> dict[str, str]:
    if not isinstance(node, exp.Struct):
        raise SourceError(f"{text}: {key} are types by column: {key} = {{'price': 'DECIMAL(8, 2)'}}")
    return {item.this.name: item.expression.name for item in node.expressions}
