"""Text files: their columns by name, their values as text, and the types that all values show.

Files are read once, into a temporary table that holds each value as it is written. DuckDB's own readers look at a
sample and cast the rest to what they found there, which rounds and reinterprets without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.evidence import FITTING, Kind, kind_of, type_of
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.kinds import same_kind
from duckdb_sketch.rollup.sources.line import line_of
from duckdb_sketch.rollup.sources.structure import (
    UNKNOWN,
    DisagreementError,
    merged,
    sql_type,
    structure_of,
    transformed,
)

_NUMBERS = count()


@dataclass(frozen=True)
class Text:
    """The rows of some text files in a temporary table.

    Attributes:
        table: The name of the table: a column `FILE`, and those that the statement mentions, as text or JSON.
        columns: The names of those columns.
        is_json: Whether they are JSON.
    """

    connection: duckdb.DuckDBPyConnection
    table: str
    columns: Sequence[str]
    is_json: bool

    def bind(self, known: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
        """The types of the columns, as all their values show them.

        Args:
            known: Types that earlier files showed, by column.
            declared: Types that the source declares.

        Returns:
            Types by column; those of which nothing is known are left out.

        Raises:
            SourceError: If a value does not fit. The error names its file and line.
        """
        types = {}
        lower = {name.lower(): kind for name, kind in known.items()}
        stated = {name.lower(): kind for name, kind in declared.items()}
        evidence = self._evidence()
        for name in self.columns:
            if (fixed := stated.get(name.lower())) is not None:
                self._check_fits(name, fixed)
                found: str | None = fixed
            else:
                found = self._agreed(name, evidence[name], lower.get(name.lower()))
            if found is not None:
                types[name] = found
        return types

    def sql(self, types: Mapping[str, str]) -> str:
        """SQL of the rows, with these types; columns that have none are NULL."""
        items = [identifier(FILE), *(self._typed(name, types.get(name)) for name in self.columns)]
        return f"SELECT {', '.join(items)} FROM temp.{self.table}"

    def _typed(self, name: str, kind: str | None) -> str:
        column = identifier(name)
        if kind is None:
            return f"CAST(NULL AS INTEGER) AS {column}"
        if not self.is_json:
            return f"CAST({column} AS {kind}) AS {column}"
        if _is_nested(kind):
            return f"{transformed(column, kind)} AS {column}"
        return f"CAST({column} ->> '$' AS {kind}) AS {column}"

    def _kind(self, name: str) -> str:
        """SQL of the kind of a value."""
        column = identifier(name)
        if not self.is_json:
            return kind_of(column)
        text = f"({column} ->> '$')"
        numbers = int(Kind.WHOLE | Kind.LONG | Kind.HUGE | Kind.FRACTION | Kind.BOOLEAN)
        return (
            f"CASE json_type({column}) WHEN 'VARCHAR' THEN "
            f"CASE WHEN {kind_of(text)} & {numbers} > 0 THEN {int(Kind.TEXT)} ELSE {kind_of(text)} END "
            f"WHEN 'OBJECT' THEN {int(Kind.NESTED)} WHEN 'ARRAY' THEN {int(Kind.NESTED)} WHEN 'NULL' THEN 0 "
            f"ELSE {kind_of(text)} END"
        )

    def _evidence(self) -> dict[str, dict[str, int]]:
        """The kinds of values of each column, by file."""
        if not self.columns:
            return {}
        kinds = ", ".join(f"coalesce(bit_or({self._kind(name)}), 0)" for name in self.columns)
        with reading():
            rows = fetch(self.connection, f"SELECT {FILE}, {kinds} FROM temp.{self.table} GROUP BY ALL ORDER BY ALL")
        return {name: {row[0]: row[i] for row in rows} for i, name in enumerate(self.columns, 1)}

    def _agreed(self, name: str, evidence: Mapping[str, int], known: str | None) -> str | None:
        """The type that a column has in every file, and had before.

        Raises:
            SourceError: If it has several.
        """
        if any(bits & Kind.NESTED for bits in evidence.values()):
            return self._nested(name, evidence, known)
        if known is not None and known not in (*FITTING, "VARCHAR"):
            self._check_fits(name, known)
            return known
        before, agreed = "in what was counted before", known
        for file, bits in evidence.items():
            found = type_of(bits)
            if found is None:
                continue
            if agreed is not None and not same_kind(agreed, found):
                raise self._disagreement(name, file, found, before, agreed)
            before, agreed = f"in {file}", agreed or found
        return agreed

    def _nested(self, name: str, evidence: Mapping[str, int], known: str | None) -> str:
        rows = fetch(
            self.connection,
            f"SELECT {FILE}, json_group_structure({identifier(name)}) FROM temp.{self.table} "
            f"WHERE {identifier(name)} IS NOT NULL GROUP BY ALL ORDER BY ALL",
        )
        self._check_nested_numbers(name)
        whole: Any = UNKNOWN
        for file, text in rows:
            try:
                whole = merged(whole, json.loads(text))
            except DisagreementError as error:
                raise SourceError(
                    f"{file}: in column {name} a value is of another type than in the files before it: {error}. "
                    f"{_advice(name, 'JSON')}"
                ) from error
        try:
            return sql_type(whole if known is None else merged(structure_of(known), whole))
        except DisagreementError as error:
            raise SourceError(
                f"{next(iter(evidence))}: in column {name} a value is of another type than in what was counted before: "
                f"{error}. {_advice(name, 'JSON')}"
            ) from error

    def _check_nested_numbers(self, name: str) -> None:
        """See that no nested number has more digits than its type, which would round it or make it NULL.

        Raises:
            SourceError: If one has.
        """
        column = identifier(name)
        long = f"regexp_matches(CAST({column} AS VARCHAR), '[:,\\[] ?-?[0-9]{{19}}')"
        rows = fetch(self.connection, f"SELECT {FILE} FROM temp.{self.table} WHERE {long} LIMIT 1")
        for (file,) in rows:
            raise SourceError(
                f"{file}: column {name} holds a nested number of 19 digits or more, which a BIGINT may not hold: write "
                "it as text"
            )

    def _check_fits(self, name: str, kind: str) -> None:
        """See that each value is one of a type, as it is written.

        Raises:
            SourceError: If one is not.
        """
        column = identifier(name)
        text = f"({column} ->> '$')" if self.is_json else column
        fits = _fits(text, self._kind(name), kind)
        if self.is_json and _is_nested(kind):
            fits = f"TRY_CAST({column} AS {kind}) IS NOT NULL"
        rows = fetch(
            self.connection,
            f"SELECT {FILE}, {text} FROM temp.{self.table} WHERE {text} IS NOT NULL AND NOT coalesce({fits}, false) "
            f"ORDER BY {FILE} LIMIT 1",
        )
        for file, value in rows:
            raise SourceError(f"{self._place(file, name, value)}: column {name} has {value}, which is no {kind}")

    def _disagreement(self, name: str, file: str, found: str, before: str, agreed: str) -> SourceError:
        kinds = int(~FITTING.get(agreed, Kind(0)) & ((1 << 12) - 1))
        column = identifier(name)
        text = f"({column} ->> '$')" if self.is_json else column
        rows = fetch(
            self.connection,
            f"SELECT {text} FROM temp.{self.table} WHERE {FILE} = ? AND {self._kind(name)} & {kinds} > 0 LIMIT 1",
            [file],
        )
        place, shown = (self._place(file, name, rows[0][0]), f" ({rows[0][0]})") if rows else (file, "")
        return SourceError(
            f"{place}: column {name} is {found}{shown}, and {before} it is {agreed}. Distinct values of the two would "
            f"not be counted as one. {_advice(name, _wider(found, agreed))}"
        )

    def _place(self, file: str, name: str, value: object) -> str:
        line = line_of(file, name, str(value), is_json=self.is_json)
        return file if line is None else f"{file}, line {line}"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))


def _advice(name: str, kind: str) -> str:
    return f"Declare the type that all files are to have: types = {{'{name}': '{kind}'}} in read_csv(…) or read_json(…)"


def _wider(one: str, other: str) -> str:
    """A type that values of both fit."""
    numbers = ("BIGINT", "HUGEINT", "DOUBLE")
    times = ("DATE", "TIMESTAMP", "TIMESTAMP_NS")
    for family in (numbers, times):
        if one in family and other in family:
            return max(one, other, key=family.index)
    return "VARCHAR"


def _fits(text: str, kind: str, declared: str) -> str:
    """SQL that tells whether a text is a value of a type, and not one that would be rounded to it."""
    wanted = declared.upper()
    cast = f"TRY_CAST({text} AS {declared}) IS NOT NULL"
    whole = int(Kind.WHOLE | Kind.LONG | Kind.HUGE)
    if wanted.startswith("DECIMAL") or wanted.startswith("NUMERIC"):
        return f"{cast} AND TRY_CAST({text} AS {declared}) = TRY_CAST({text} AS DECIMAL(38, 18))"
    if wanted.removeprefix("U") in ("TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT"):
        return f"{kind} & {whole} > 0 AND {cast}"
    fitting = {"DATE": Kind.DATE, "TIMESTAMP": Kind.DATE | Kind.TIMESTAMP, "DATETIME": Kind.DATE | Kind.TIMESTAMP}
    if wanted in fitting:
        return f"{kind} & {int(fitting[wanted])} > 0 AND {cast}"
    return cast


@contextmanager
def csv_held(connection: duckdb.DuckDBPyConnection, scan: str, references: frozenset[str]) -> Iterator[Text]:
    """The rows of CSV files in a temporary table, for as long as this lasts.

    Args:
        connection: The connection that reads them.
        scan: SQL of the rows: `FILE`, and the columns as text.
        references: Names of the columns that the statement mentions, in lower case.

    Raises:
        UnreadableError: If a file cannot be read.
    """
    table = f"duckdb_sketch_text_{next(_NUMBERS)}"
    with temporary(connection, table):
        with reading():
            connection.execute(f"CREATE TEMP TABLE {table} AS {scan}")
            columns = [name for name in describe(connection, f"FROM temp.{table}") if name.lower() in references]
        yield Text(connection, table, columns, is_json=False)
