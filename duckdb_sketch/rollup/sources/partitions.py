"""Columns in the names of folders, `year=2026/month=09/`, as Hive has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.evidence import PLAIN
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.fitting import fits
from duckdb_sketch.rollup.sources.kinds import united
from duckdb_sketch.rollup.sources.part import Part, Rows

#: The folder of rows whose column is NULL.
_NULL = "__HIVE_DEFAULT_PARTITION__"
_READERS = {name: f"{name}(…)" for name in ("read_parquet", "read_csv", "read_json")}
_WHOLE = re.compile(r"-?\d{1,18}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?")


def partition_names(files: Iterable[File], references: frozenset[str]) -> dict[str, frozenset[str]]:
    """The columns that a statement mentions in the folders of each file, in lower case, by path."""
    found: dict[str, frozenset[str]] = {}
    folders: dict[str, frozenset[str]] = {}
    for file in files:
        folder = file.path.rpartition("/")[0]
        if folder not in folders:
            folders[folder] = frozenset(name.lower() for name in partition_values(folder)) & references
        found[file.path] = folders[folder]
    return found


def partition_values(folder: str) -> dict[str, str | None]:
    """The columns in the path of a folder and their values, as text."""
    found = {}
    for part in folder.split("/"):
        name, separator, value = part.partition("=")
        if separator and name and "=" not in value:
            found[name] = None if value == _NULL else unquote(value)
    return found


def partition_value(file: File, name: str) -> str | None:
    """The value of a column in the path of a file."""
    values = partition_values(file.path.rpartition("/")[0])
    return next(value for key, value in reversed(values.items()) if key.lower() == name.lower())


def partition_spelling(file: File, name: str) -> str:
    """How the path of a file writes a column."""
    return next(key for key in partition_values(file.path.rpartition("/")[0]) if key.lower() == name.lower())


def type_of_partition(value: str | None) -> str | None:
    """The type that the value of a partition shows; None of the folder of NULL.

    A whole number is one however many zeros it begins with, as in Spark: the folders of months are 09, 10, 11.
    """
    if value is None:
        return None
    if _WHOLE.fullmatch(value):
        return "BIGINT"
    for parse, kind, form in ((date.fromisoformat, "DATE", None), (datetime.fromisoformat, "TIMESTAMP", _TIME)):
        if (form is None and len(value) == 10) or (form is not None and form.fullmatch(value)):
            try:
                parse(value)
            except ValueError:
                continue
            return kind
    return "VARCHAR"


def with_partitions(rows: str, file_column: str, kinds: Mapping[str, str | None], spelled: Mapping[str, str]) -> str:
    """SQL of rows with the columns in their files' paths.

    Args:
        rows: SQL of the rows.
        file_column: Its column of paths.
        kinds: The types of the columns in the paths, by name; None where no file shows one.
        spelled: How the paths write them.
    """
    if not kinds:
        return rows
    items = [f"{_value(file_column, spelled[name], kind)} AS {identifier(name)}" for name, kind in kinds.items()]
    return f"SELECT *, {', '.join(items)} FROM ({rows})"


def _value(file_column: str, name: str, kind: str | None) -> str:
    if kind is None:
        return "CAST(NULL AS INTEGER)"
    text = f"regexp_extract({identifier(file_column)}, {quote(f'.*/(?i:{re.escape(name)})=([^/]*)/')}, 1)"
    return f"CAST(url_decode(nullif({text}, {quote(_NULL)})) AS {kind})"


def values_in(paths: Iterable[str], name: str) -> dict[str | None, list[str]]:
    """The values that a column, whose name is in lower case, has in paths, each with those paths."""
    found: dict[str | None, list[str]] = {}
    for path in sorted(paths):
        values = partition_values(path.rpartition("/")[0])
        for value in [value for key, value in values.items() if key.lower() == name]:
            found.setdefault(value, []).append(path)
    return found


def distinct_values(files: Sequence[File], name: str) -> dict[str | None, File]:
    """The values that a column has in the paths of files, each with the first file that has it."""
    found: dict[str | None, File] = {}
    for file in files:
        found.setdefault(partition_value(file, name), file)
    return found


@dataclass(frozen=True)
class PartitionedPart:
    """Files that lie in folders whose names have columns of the statement; see `Part`.

    Attributes:
        connection: Compares values with types.
        inner: The files by themselves.
        spelled: How the first of the paths writes the columns, by their names in lower case.
        values: The values of each column, each with the first file that has it.
        declared: Gives the type that is declared of a column, by its name in lower case; None if none is.
        anywhere: Gives the values of a column in the paths of all files that are known, each with these paths.
        counts: Tells of a path and a column whether the file does not have the column itself.
    """

    connection: duckdb.DuckDBPyConnection
    inner: Part
    spelled: Mapping[str, str]
    values: Mapping[str, Mapping[str | None, File]]
    declared: Callable[[str], str | None]
    anywhere: Callable[[str], Mapping[str | None, list[str]]]
    counts: Callable[[str, str], bool]

    @staticmethod
    def of(
        connection: duckdb.DuckDBPyConnection,
        inner: Part,
        names: frozenset[str],
        declared: Callable[[str], str | None],
        anywhere: Callable[[str], Mapping[str | None, list[str]]],
        counts: Callable[[str, str], bool],
    ) -> PartitionedPart:
        """Files whose paths have columns of these names."""
        spelled = {name: partition_spelling(inner.files[0], name) for name in sorted(names)}
        values = {name: distinct_values(inner.files, name) for name in spelled}
        return PartitionedPart(connection, inner, spelled, values, declared, anywhere, counts)

    @property
    def files(self) -> Sequence[File]:
        """See `Part`."""
        return self.inner.files

    @property
    def lenient(self) -> bool:
        """See `Part`."""
        return self.inner.lenient

    @property
    def rejected(self) -> Counter[str]:
        """See `Part`."""
        return self.inner.rejected

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Part`."""
        return {**self.inner.columns, **self.spelled}

    def bind(self, known: Mapping[str, str]) -> dict[str, str]:
        """See `Part`."""
        return self.inner.bind(known) | {
            name: kind for name in self.spelled if (kind := self._bound(name, known.get(name))) is not None
        }

    def _bound(self, name: str, known: str | None) -> str | None:
        if (declared := self.declared(name)) is not None:
            self._check_fits(name, declared)
            return declared
        agreed, before = known, "in what was counted before"
        for value, file in self.values[name].items():
            found = type_of_partition(value)
            if found is None:
                continue
            both = united(agreed, found)
            if both is None:
                raise SourceError(
                    f"{file.path}: the folder says that {self.spelled[name]} is {found} ({value}), and {before} it is "
                    f"{agreed}. Declare the type that all folders are to have: "
                    f"hive_types = {{'{self.spelled[name]}': VARCHAR}} in {_READERS[file.reader]}"
                )
            agreed, before = both, f"in {file.path}"
        if agreed == "BIGINT":
            self._check_one_writing(name)
        return agreed

    def _check_one_writing(self, name: str) -> None:
        """See that no number is in the names of two folders, as 9 and 09: as BIGINT they would be one value.

        Raises:
            SourceError: If one is.
        """
        written: dict[int, dict[str, list[str]]] = {}
        for value, paths in self.anywhere(name).items():
            if value is not None and _WHOLE.fullmatch(value):
                written.setdefault(int(value), {})[value] = paths
        own = {file.path for file in self.files}
        for texts in written.values():
            found = [
                (text, path)
                for text, paths in (texts if len(texts) > 1 else {}).items()
                if (path := next((path for path in paths if path in own or self.counts(path, name)), None))
            ]
            if len(found) > 1:
                (one, _), (other, path), *_ = found
                raise SourceError(
                    f"{path}: the folder says that {self.spelled[name]} is {other}, and another one that it is {one}. "
                    f"Declare whether they are one number or two texts: hive_types = {{'{self.spelled[name]}': "
                    f"BIGINT}} or VARCHAR in {_READERS[self.files[0].reader]}"
                )

    def _check_fits(self, name: str, declared: str) -> None:
        """See that no folder's value is rounded to its type, or is no such value at all.

        Raises:
            SourceError: If one is.
        """
        values = [value for value in self.values[name] if value is not None]
        condition = fits("value", PLAIN.kind_of("value"), declared, PLAIN)
        query = f"FROM (SELECT unnest(CAST(? AS VARCHAR[])) AS value) WHERE NOT coalesce({condition}, false) LIMIT 1"
        for (value,) in fetch(self.connection, query, [values]):
            raise SourceError(
                f"{self.values[name][value].path}: the folder says that {self.spelled[name]} is {value}, which "
                f"does not fit {declared}"
            )

    def sql(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self._around(self.inner.sql, types)

    def sample(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self._around(self.inner.sample, types)

    def scan(self, types: Mapping[str, str | None], files: Sequence[File], rows: Rows | None = None) -> str:
        """See `Part`."""
        return self._around(lambda inner: self.inner.scan(inner, files, rows), types)

    def _around(self, rows: Callable[[Mapping[str, str | None]], str], types: Mapping[str, str | None]) -> str:
        inner = {name: kind for name, kind in types.items() if name.lower() not in self.spelled}
        own = {name: kind for name, kind in types.items() if name.lower() in self.spelled}
        spelled = {name: self.spelled[name.lower()] for name in own}
        return with_partitions(rows(inner), FILE, own, spelled)
