"""How a source is declared: paths, or DuckDB's `read_csv(…)`, `read_json(…)` or `read_parquet(…)` with options."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.settings import Missing
from duckdb_sketch.rollup.sources.evidence import PLAIN, Formats
from duckdb_sketch.rollup.sources.reader_options import (
    DIALECT,
    EVERYWHERE,
    ONE_SPELLING,
    READ,
    changes_nothing,
    refusal,
)
from duckdb_sketch.rollup.sources.several import read_several, several
from duckdb_sketch.rollup.sources.structure import canonical
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.type_name import is_type_name

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
#: How paths are kept that are no call of a reader, and of which something else is said.
_PATHS = "files"
# A file may be called `files (1).csv`.
_CALL = re.compile(rf"\s*(?:({'|'.join(READERS)})\s*\(|{_PATHS}\(\[)", re.IGNORECASE)
_TYPES = ("types", "columns", "hive_types")
_MISSING: Mapping[str, Missing] = {"TRUE": "null", "FALSE": "error"}


@dataclass(frozen=True)
class Declaration:
    """A source of files, as it is declared.

    Attributes:
        patterns: Paths, in which `*`, `?`, `[…]` and `**` stand for names.
        reader: The reader that is called; None for plain paths.
        types: The types that are declared, by column.
        dialect: Options that say how files are written, as SQL.
        names: The names of the columns of CSV files, in order; empty if their first line has them.
        formats: How text writes dates and numbers.
        hive_types: The types of columns in the names of folders.
        settings: Other options, as SQL.
        members: The patterns of each of several sources; empty if it is one.
        idle: Of several sources: after how long without a new file one does not keep the watermark back.
    """

    patterns: tuple[str, ...]
    reader: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    dialect: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    formats: Formats = PLAIN
    hive_types: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    members: tuple[tuple[str, ...], ...] = ()
    idle: str | None = None

    @staticmethod
    def of(given: str | Path | Sequence[str | Path]) -> Declaration:
        """A declaration from paths, or from the call of a reader.

        Raises:
            SourceError: If the call is not one that can be read from.
        """
        if isinstance(given, str) and _CALL.match(given):
            return _parsed(given)
        if isinstance(given, str) and (found := read_several(given)):
            return _united(given, [Declaration.of(member) for member in found[0]], found[1])
        if isinstance(given, str) and given.startswith("["):
            with suppress(ValueError):
                given = json.loads(given)
        paths = [given] if isinstance(given, (str, Path)) else given
        return Declaration(tuple(str(path) for path in paths))

    @property
    def text(self) -> str:
        """The declaration as it is kept, with absolute paths: `Declaration.of` reads it."""
        if self.members:
            return several(*(member.text for member in self.each), idle=self.idle)
        paths = [path if is_url(path) else os.path.abspath(os.path.expanduser(path)) for path in self.patterns]
        listed = f"[{', '.join(map(quote, paths))}]"
        if self.reader is not None:
            return self.call(listed)
        if self.missing is not None:
            return f"{_PATHS}({listed}, missing = {quote(self.missing)})"
        return paths[0] if len(paths) == 1 else json.dumps(paths)

    @property
    def place(self) -> str:
        """Its paths alone: what it is known by, however they are read."""
        return Declaration(self.patterns).text

    @property
    def each(self) -> tuple[Declaration, ...]:
        """Each of several sources; itself if it is one."""
        alone = replace(self, members=(), idle=None)
        return tuple(replace(alone, patterns=patterns) for patterns in self.members) or (self,)

    def call(self, paths: str) -> str:
        """SQL of the call of the reader, with these paths."""
        options = [paths, *(f"{name} = {value}" for name, value in self.dialect.items())]
        if self.types:
            options.append(f"types = {_listed_types(self.types)}")
        if self.names:
            options.append(f"names = [{', '.join(map(quote, self.names))}]")
        if self.hive_types:
            options.append(f"hive_types = {_listed_types(self.hive_types)}")
        options += [f"{name} = {value}" for name, value in self.settings.items()]
        return f"{self.reader}({', '.join(options)})"

    @property
    def reading(self) -> dict[str, str]:
        """The options for DuckDB's own reader to read text with types that are known, as SQL."""
        own = ("dateformat", "timestampformat", "decimal_separator", "thousands", "ignore_errors")
        return {**self.dialect, **{name: value for name, value in self.settings.items() if name in own}}

    @property
    def partitioned(self) -> bool:
        """Whether `key=value` in the path of a file is a column."""
        return self.settings.get("hive_partitioning") != "FALSE"

    @property
    def missing(self) -> Missing | None:
        """`null` if columns that a file lacks are NULL, as `union_by_name = true` has it; None if it does not say."""
        return _MISSING.get(self.settings.get("union_by_name", ""))

    def with_missing(self, missing: Missing | None) -> Declaration:
        """The same, with what a column is that a file lacks; None leaves it."""
        if missing is None or missing == (self.missing or "error"):
            return self
        settings = {name: value for name, value in self.settings.items() if name != "union_by_name"}
        return replace(self, settings=settings | ({"union_by_name": "TRUE"} if missing == "null" else {}))

    @property
    def ignores_errors(self) -> bool:
        """Whether rows that cannot be read are left out."""
        return self.settings.get("ignore_errors") == "TRUE"

    @property
    def all_text(self) -> bool:
        """Whether all columns are VARCHAR that no type is declared of."""
        return self.settings.get("all_varchar") == "TRUE"

    def partition_type(self, name: str) -> str | None:
        """The type that is declared of a column in the names of folders, by its name in lower case."""
        found = next((kind for each, kind in self.hive_types.items() if each.lower() == name), None)
        return "VARCHAR" if found is None and self.settings.get("hive_types_autocast") == "FALSE" else found


def _united(text: str, members: Sequence[Declaration], idle: str | None) -> Declaration:
    """Several sources as one declaration.

    Raises:
        SourceError: If they are not read alike.
    """
    first = replace(members[0], patterns=())
    if any(member.members for member in members):
        raise SourceError(f"{text}: several sources cannot be nested: name all of them at once")
    if any(replace(member, patterns=()) != first for member in members):
        raise SourceError(
            f"{text}: several sources need the same reader: declare each with the same reader and options"
        )
    patterns = tuple(pattern for member in members for pattern in member.patterns)
    return replace(first, patterns=patterns, members=tuple(member.patterns for member in members), idle=idle)


def _listed_types(types: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{quote(name)}: {quote(kind)}' for name, kind in types.items())}}}"


def _parsed(text: str) -> Declaration:
    try:
        call = sqlglot.parse_one(f"SELECT * FROM {text}", dialect="duckdb").args["from_"].this.this
    except sqlglot.errors.SqlglotError as error:
        raise SourceError(f"{text} cannot be read: {error}") from error
    called = _CALL.match(text)[1]  # type: ignore[index]
    arguments = [call.this, *call.expressions] if isinstance(call, exp.ReadCSV) else list(call.expressions)
    first, *given = arguments
    options: dict[str, exp.Expr] = {}
    for option in given:
        if not isinstance(option, (exp.EQ, exp.PropertyEQ)):
            raise SourceError(f"{text}: {option.sql(dialect='duckdb')} is not an option: write name = value")
        name = option.this.name.lower()
        name = ONE_SPELLING.get(name, name)
        if name in options:
            raise SourceError(f"{text}: {name} is given twice")
        options[name] = option.expression
    paths = _paths(text, first)
    return _declared(text, READERS[called.lower()], paths, options) if called else _plain(text, paths, options)


def _plain(text: str, paths: tuple[str, ...], options: Mapping[str, exp.Expr]) -> Declaration:
    missing = options["missing"].name if options.keys() == {"missing"} else ""
    if missing not in _MISSING.values():
        raise SourceError(f"{text}: {_PATHS}(…) takes missing = 'null' or 'error', and nothing else")
    return Declaration(paths).with_missing("null" if missing == "null" else "error")


def _declared(text: str, reader: str, paths: tuple[str, ...], options: Mapping[str, exp.Expr]) -> Declaration:
    types: dict[str, str] = {}
    dialect: dict[str, str] = {}
    settings: dict[str, str] = {}
    names: tuple[str, ...] = ()
    hive_types: dict[str, str] = {}
    for name, node in options.items():
        if name not in (*_TYPES, "names") and not _is_constant(node):
            raise SourceError(f"{text}: {name} is not a constant")
        value = node.sql(dialect="duckdb")
        if name in ("types", "columns") and name in READ[reader]:
            types |= _types(text, name, node, names or tuple(_names_of(options)))
            names = tuple(types) if name == "columns" and reader == "read_csv" else names
        elif name == "names" and name in READ[reader]:
            names = tuple(_names_of(options))
        elif name == "hive_types":
            hive_types = _types(text, name, node, ())
        elif name in DIALECT[reader]:
            dialect[name] = value
        elif name in (*READ[reader], *EVERYWHERE):
            settings[name] = value
        elif not changes_nothing(name, value):
            raise SourceError(f"{text}: {refusal(reader, name)}")
    if reader == "read_json" and "format" in dialect and dialect["format"] in ("'nd'", "'ndjson'"):
        dialect["format"] = "'newline_delimited'"
    return Declaration(paths, reader, types, dialect, names, _formats(settings), hive_types, settings)


def _formats(settings: Mapping[str, str]) -> Formats:
    def text(name: str) -> str | None:
        value = settings.get(name)
        return None if value is None or value.lower() in ("'auto'", "'iso'") else _text_of(value)

    return Formats(
        text("dateformat"), text("timestampformat"), text("decimal_separator") or ".", text("thousands") or ""
    )


def _text_of(literal: str) -> str:
    return literal[1:-1].replace("''", "'") if literal.startswith("'") else literal


def _names_of(options: Mapping[str, exp.Expr]) -> Iterator[str]:
    node = options.get("names")
    if isinstance(node, exp.Array):
        yield from (item.name for item in node.expressions)


def _paths(text: str, node: exp.Expr) -> tuple[str, ...]:
    items = node.expressions if isinstance(node, exp.Array) else [node]
    if not all(isinstance(item, exp.Literal) and item.is_string for item in items):
        raise SourceError(f"{text}: give paths as text, or a list of them")
    return tuple(item.name for item in items)


def _types(text: str, name: str, node: exp.Expr, names: tuple[str, ...]) -> dict[str, str]:
    """Types by column, or in the order of the columns' names."""
    if isinstance(node, exp.Array) and names:
        return dict(zip(names, (_type(text, item) for item in node.expressions), strict=False))
    if not isinstance(node, exp.Struct):
        raise SourceError(f"{text}: {name} are types by column: {name} = {{'price': 'DECIMAL(8, 2)'}}")
    return {item.this.name: _type(text, item.expression) for item in node.expressions}


def _type(text: str, node: exp.Expr) -> str:
    """A type, whether it is quoted or not.

    Raises:
        SourceError: If it is none: a declaration may come from an export, and becomes SQL.
    """
    kind = node.name if isinstance(node, (exp.Literal, exp.Column)) else str(node.sql(dialect="duckdb"))
    if is_type_name(kind) or is_type_name(canonical(kind)):
        return kind
    raise SourceError(f"{text}: {kind} is not a type")


def _is_constant(node: exp.Expr) -> bool:
    """Whether an option has a value that is written down, and not looked up or computed by a function."""
    refused = (exp.Query, exp.Subquery, exp.Anonymous, exp.Parameter, exp.Placeholder)
    allowed = (exp.Array, exp.Struct, exp.Map, exp.ToMap)
    return not any(
        isinstance(each, refused) or (isinstance(each, exp.Func) and not isinstance(each, allowed))
        for each in node.walk()
    )
