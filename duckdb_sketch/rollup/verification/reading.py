"""Counted files as plain DuckDB reads them, with the types that were declared or recorded.

A refresh reads text by itself, and decides types. Nothing of that is used here but the declaration: what a refresh read
wrongly, or counted with a type that changes values, is to be found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb

from duckdb_sketch._glob import literal
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.csv_files import layouts
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.evidence import PLAIN
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.kinds import same_kind

_INTEGERS = tuple(f"{sign}{width}" for sign in ("", "U") for width in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"))
_INSTANTS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")
#: The type of a column of which there is no evidence: all of its values are NULL.
NO_EVIDENCE = '"NULL"'


def plain_rows(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], types: Mapping[str, str], source: str | None
) -> str:
    """SQL of the rows of some files, with the columns `FILE` and those of `types`.

    Args:
        connection: The connection that reads them.
        files: The files, at least one.
        types: The types that the ledger has for the columns.
        source: The declaration of their source, if there is one.
    """
    return " UNION ALL BY NAME ".join(part.sql() for part in _parts(connection, files, types, source))


def miscounted(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], types: Mapping[str, str], source: str | None
) -> Iterator[str]:
    """What is wrong with how files were counted: values that their column's type changes, or another type in a file.

    Args:
        connection: The connection that reads the files.
        files: The files.
        types: The types that the ledger has for the columns.
        source: The declaration of their source, if there is one.
    """
    for part in _parts(connection, files, types, source):
        yield from part.miscounted()


@dataclass(frozen=True)
class _Part:
    """Files of one kind, with the same columns in their folders' names."""

    connection: duckdb.DuckDBPyConnection
    files: Sequence[File]
    reader: str
    types: Mapping[str, str]
    declaration: Declaration

    def sql(self) -> str:
        """SQL of their rows."""
        items = [FILE, *(f"{self._value(name, kind)} AS {identifier(name)}" for name, kind in self.types.items())]
        return f"SELECT {', '.join(items)} FROM {self._typed()}"

    def apart(self) -> list[_Part]:
        """The same files, those apart that have a column of their folders' names themselves, which counts."""
        wanted = {name.lower() for name in self.types} & {key.lower() for key in _keys(self.files[0].path)}
        if len(self.files) == 1 or not wanted & self._own.keys():
            return [self]
        groups: dict[frozenset[str], list[File]] = {}
        for file in self.files:
            groups.setdefault(frozenset(wanted & replace(self, files=[file])._own.keys()), []).append(file)
        return [replace(self, files=files) for files in groups.values()]

    def miscounted(self) -> Iterator[str]:
        """What is wrong with how they were counted."""
        yield from self._overlooked()
        if self.reader == "read_parquet":
            yield from self._of_other_types()
        else:
            yield from self._altered()

    def _overlooked(self) -> Iterator[str]:
        """Columns that have values, and of which the ledger knows no type, as if they had none."""
        for name, kind in self.types.items():
            for spelled in self._own.get(name.lower(), ()) if kind == NO_EVIDENCE else ():
                text, source = identifier(spelled), self._plain()
                if self.reader == "read_json":
                    text, source = f"nullif(nullif({_of_json(spelled)}, '[]'), '{{}}')", self._objects()
                ((file,),) = fetch(self.connection, f"SELECT min({FILE}) FROM {source} WHERE {text} IS NOT NULL")
                if file is not None:
                    yield f"{file}: column {name} has values, and was counted as if it had none"

    def _value(self, name: str, kind: str) -> str:
        if kind == NO_EVIDENCE:
            return "CAST(NULL AS INTEGER)"
        if name.lower() in self._own:
            spellings = self._own[name.lower()]
            if self._is_spelled_twice:
                return f"CAST(coalesce({', '.join(map(_json_of, spellings))}) AS {kind})"
            return f"coalesce({', '.join(map(identifier, spellings))})"
        key = next((key for key in _keys(self.files[0].path) if key.lower() == name.lower()), None)
        if key is None or self.declaration.settings.get("hive_partitioning", "").lower() == "false":
            return f"CAST(NULL AS {kind})"
        folder = f"regexp_extract({FILE}, {quote(f'.*/{key}=([^/]*)/')}, 1)"
        return f"CAST(url_decode(nullif({folder}, '__HIVE_DEFAULT_PARTITION__')) AS {kind})"

    @cached_property
    def _is_spelled_twice(self) -> bool:
        """Whether objects write a key in several ways, so that DuckDB's reader cannot be told its type."""
        kinds = {name.lower() for name in self.types}
        return self.reader == "read_json" and any(len(own) > 1 for name, own in self._own.items() if name in kinds)

    @cached_property
    def _own(self) -> Mapping[str, list[str]]:
        """The columns in the files themselves, by their names in lower case, as they are spelled."""
        found: dict[str, list[str]] = {}
        if self.reader == "read_json":
            query = f"SELECT DISTINCT unnest(json_keys(json)) AS k FROM {self._objects()} ORDER BY k"
            names = [name for (name,) in fetch(self.connection, query)]
        else:
            names = [name for name in describe(self.connection, f"FROM {self._plain()}") if name != FILE]
        for name in names:
            found.setdefault(name.lower(), []).append(name)
        return found

    def _typed(self) -> str:
        """SQL of their rows, in the types that the ledger has."""
        if self.reader == "read_parquet":
            return self._plain()
        kinds = {name.lower(): kind for name, kind in self.types.items()}
        if self.reader == "read_json" and self._is_spelled_twice:
            return self._objects()
        if self.reader == "read_json":
            inferred = self._inferred() if any(NO_EVIDENCE in kind for kind in kinds.values()) else {}
            columns = {
                name: inferred.get(name, "JSON") if NO_EVIDENCE in kinds[lower] else kinds[lower]
                for lower, names in self._own.items()
                if lower in kinds
                for name in names
            }
            if not columns:
                return f"(SELECT {FILE} FROM {self._objects()})"
            return self._call("read_json", f"columns = {_struct(columns)}")
        if self.declaration.ignores_errors and self.declaration.formats == PLAIN:
            return self._without_misfits(kinds)
        columns = {name: kinds.get(lower, "VARCHAR") for lower, names in self._own.items() for name in names}
        columns = {name: "VARCHAR" if NO_EVIDENCE in kind else kind for name, kind in columns.items()}
        return self._call(
            "read_csv", "union_by_name = true", "sample_size = -1", f"types = {_struct(columns)}", *self._names
        )

    def _without_misfits(self, kinds: Mapping[str, str]) -> str:
        """SQL of the rows of CSV files whose values are values of their types, which DuckDB's reader would round."""
        items, conditions = [FILE], ["true"]
        for name, kind in kinds.items():
            for spelled in self._own.get(name, ()) if NO_EVIDENCE not in kind else ():
                text = identifier(spelled)
                items.append(f"TRY_CAST({text} AS {kind}) AS {text}")
                changed = altered(text, kind) or "false"
                fits = f"TRY_CAST({text} AS {kind}) IS NOT NULL AND NOT coalesce({changed}, false)"
                conditions.append(f"({text} IS NULL OR ({fits}))")
        return f"(SELECT {', '.join(items)} FROM {self._plain()} WHERE {' AND '.join(conditions)})"

    def _plain(self) -> str:
        """SQL of their rows: of text with every value as it is written."""
        text = () if self.reader == "read_parquet" else ("all_varchar = true",)
        return self._call(self.reader, "union_by_name = true", *text, *self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """The names of columns, as an option, where they are declared and the files do not have them."""
        names = self.declaration.names
        if not names:
            return ()
        first = describe(self.connection, f"FROM {self._call(self.reader, 'all_varchar = true')}")
        if {name.lower() for name in names} <= {name.lower() for name in first}:
            return ()
        return (f"names = [{', '.join(map(quote, names))}]",)

    def _objects(self) -> str:
        ignoring = {"ignore_errors": "true"} if self.declaration.ignores_errors else {}
        objects = self._call("read_json_objects", declared={**self.declaration.dialect, **ignoring})
        return f"(FROM {objects} WHERE json IS NOT NULL)" if ignoring else objects

    def _inferred(self) -> dict[str, str]:
        return describe(self.connection, f"FROM {self._call('read_json', 'union_by_name = true', 'sample_size = -1')}")

    def _call(self, reader: str, *options: str, declared: Mapping[str, str] | None = None) -> str:
        paths = ", ".join(quote(literal(file.path)) for file in self.files)
        given = dict(self.declaration.reading if declared is None else declared)
        if reader == "read_csv":
            given.setdefault("header", "true")
            if given.get("strict_mode", "").lower() == "false":
                given = {**self._marks, **given}
        given["hive_partitioning"] = "false"
        named = [f"{name} = {value}" for name, value in given.items()]
        return f"{reader}({', '.join([f'[{paths}]', *options, *named, f'filename = {quote(FILE)}'])})"

    @cached_property
    def _marks(self) -> Mapping[str, str]:
        """How the refresh has read quotes: rows that are not well-formed can be read in several ways."""
        declaration, wanted = self.declaration, {name.lower() for name in self.types}
        ignoring = {"ignore_errors": "true"} if declaration.ignores_errors else {}
        found = layouts(self.connection, self.files, {**declaration.dialect, **ignoring}, declaration.names, wanted)
        ways = [{name: layout.dialect[name] for name in ("delim", "quote", "escape")} for layout in found]
        return ways[0] if all(way == ways[0] for way in ways) else {}

    def _of_other_types(self) -> Iterator[str]:
        found = {name.lower(): kind for name, kind in describe(self.connection, f"FROM {self._plain()}").items()}
        for name, kind in self.types.items():
            given = found.get(name.lower(), kind)
            if NO_EVIDENCE not in kind and given != '"NULL"' and not same_kind(kind, given):
                yield f"{self.files[0].path}: column {name} is {given}, and the ledger has it as {kind}"

    def _altered(self) -> Iterator[str]:
        """Values of text that are others in the type that the ledger has for them."""
        changes = {}
        if self.declaration.formats != PLAIN or "ignore_errors" in self.declaration.settings:
            return  # text is then written in another way than a cast reads, or what changes was left out
        for name, kind in self.types.items():
            for spelled in self._own.get(name.lower(), ()):
                text = identifier(spelled)
                if self.reader == "read_json":
                    text = _of_json(spelled)
                if condition := altered(text, kind):
                    changes[name, kind] = (text, condition)
        if not changes:
            return
        source = self._objects() if self.reader == "read_json" else self._plain()
        found = [f"min({{file: {FILE}, value: {text}}}) FILTER ({condition})" for text, condition in changes.values()]
        (row,) = fetch(self.connection, f"SELECT {', '.join(found)} FROM {source}")
        for (name, kind), first in zip(changes, row, strict=True):
            if first is not None:
                yield f"{first['file']}: {name} {first['value']} is another value as {kind}, in which it was counted"


def altered(text: str, kind: str) -> str | None:
    """SQL of whether a text is another value once it is of a type; None where that is not known to happen.

    What is not a value of the type at all fails when it is read.
    """
    if kind in _INTEGERS or kind in ("HUGEINT", "UHUGEINT"):
        return f"TRY_CAST({text} AS {kind}) <> TRY_CAST({text} AS DOUBLE)"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"regexp_full_match({text}, '[+-]?[0-9]+')"
        return f"{whole} AND TRY_CAST({text} AS HUGEINT) <> TRY_CAST(TRY_CAST({text} AS {kind}) AS HUGEINT)"
    if decimal := re.fullmatch(r"DECIMAL\(\d+,? ?(\d*)\)", kind):
        plain = f"regexp_matches({text}, '^[^eE]*\\.[0-9]{{{decimal[1] or 0}}}[0-9]*[1-9][0-9]*$')"
        number = f"TRY_CAST({text} AS DOUBLE)"
        apart = f"abs(TRY_CAST(TRY_CAST({text} AS {kind}) AS DOUBLE) - {number}) > 1e-12 * abs({number})"
        return f"{plain} OR ({text} SIMILAR TO '.*[eE].*' AND {apart})"
    if kind == "DATE":
        return f"TRY_CAST({text} AS DATE) <> TRY_CAST({text} AS TIMESTAMP)"
    if kind in _INSTANTS:
        exact = f"TRY_CAST({text} AS TIMESTAMP_NS)"
        # DuckDB 1.5 fails to try a cast of a time that nanoseconds do not reach; `exact` is NULL for it.
        return f"CASE WHEN {exact} IS NOT NULL THEN TRY_CAST(TRY_CAST({text} AS {kind}) AS TIMESTAMP_NS) <> {exact} END"
    return None


def same_file_twice(files: Sequence[File]) -> Iterator[str]:
    """Files that were counted under two names."""
    known: dict[tuple[int, int], str] = {}
    for file in files:
        with suppress(OSError):
            status = os.stat(file.path)
            first = known.setdefault((status.st_dev, status.st_ino), file.path)
            if first != file.path:
                yield f"{file.path} is the same file as {first}, and both were counted"


def _parts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], types: Mapping[str, str], source: str | None
) -> list[_Part]:
    declaration = Declaration.of(source) if source else Declaration(())
    parts: dict[tuple[str, tuple[str, ...]], list[File]] = {}
    for file in files:
        parts.setdefault((declaration.reader or file.reader, _keys(file.path)), []).append(file)
    found = [_Part(connection, some, reader, types, declaration) for (reader, _), some in parts.items()]
    return [part for mixed in found for part in mixed.apart()]


def _of_json(key: str) -> str:
    return f"json_extract_string(json, {_pointer(key)})"


def _json_of(key: str) -> str:
    return f"json_extract(json, {_pointer(key)})"


def _pointer(key: str) -> str:
    return quote("/" + key.replace("~", "~0").replace("/", "~1"))


def _keys(path: str) -> tuple[str, ...]:
    """The columns in the names of a file's folders, as Hive has them."""
    return tuple(part.partition("=")[0] for part in path.split("/")[:-1] if "=" in part)


def _struct(columns: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{quote(name)}: {quote(kind)}' for name, kind in columns.items())}}}"
