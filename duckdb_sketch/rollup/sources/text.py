"""Text files: their columns by name, their values as text, and the types that all values show.

Files are read once, into a temporary table that holds each value as it is written. DuckDB's own readers look at a
sample and cast the rest to what they found there, which rounds and reinterprets without a word.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.evidence import FITTING, Formats, Kind, type_of
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.kinds import is_integer, united
from duckdb_sketch.rollup.sources.line import line_of
from duckdb_sketch.rollup.sources.structure import (
    UNKNOWN,
    DisagreementError,
    castable,
    merged,
    sql_type,
    structure_of,
    structure_of_json,
    transformed,
)
from duckdb_sketch.rollup.sources.written import Written

_NUMBERS = count()
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)(?:\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?")


@dataclass(frozen=True)
class Text:
    """The rows of some text files in a temporary table; see `Part`.

    Attributes:
        connection: The connection that has it.
        files: The files.
        table: The name of the table: a column `FILE`, and those that the statement mentions, as text or JSON.
        names: The names of those columns.
        is_json: Whether they are JSON.
        how: What the source declares.
        rejected: How many rows have been left out, by column; structural errors under an empty name.
    """

    connection: duckdb.DuckDBPyConnection
    files: Sequence[File]
    table: str
    names: Sequence[str]
    is_json: bool
    how: Written
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def formats(self) -> Formats:
        """How it writes dates and numbers."""
        return self.how.formats

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Part`."""
        return {name.lower(): name for name in self.names}

    @property
    def lenient(self) -> bool:
        """See `Part`."""
        return self.is_json

    def bind(self, known: Mapping[str, str]) -> dict[str, str]:
        """See `Part`. The types are those that all values show, or those that are declared."""
        types = {}
        evidence = self._evidence()
        for name in self.names:
            found: str | None
            if (fixed := self._declared(name)) is not None:
                self._check_fits(name, fixed)
                found = fixed
            else:
                found = self._agreed(name, evidence[name], known.get(name.lower()))
            if found is not None:
                types[name.lower()] = found
        return types

    def _declared(self, name: str) -> str | None:
        return self.how.types.get(name.lower(), "VARCHAR" if self.how.all_text else None)

    def sql(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        items = [identifier(FILE), *(self._typed(name, kind) for name, kind in types.items())]
        return f"SELECT {', '.join(items)} FROM temp.{self.table}"

    def sample(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self.sql(types)

    def _typed(self, name: str, kind: str | None) -> str:
        own = self.columns.get(name.lower())
        if own is None or kind is None:
            return f"CAST(NULL AS {'INTEGER' if kind is None else castable(kind)}) AS {identifier(name)}"
        column = identifier(own)
        if not self.is_json:
            return f"{self.formats.cast(column, kind)} AS {identifier(name)}"
        if _is_nested(kind):
            return f"{transformed(column, kind)} AS {identifier(name)}"
        text = f"({column} ->> '$')"
        return f"{self.formats.cast(text, kind)} AS {identifier(name)}"

    def _kind(self, name: str) -> str:
        """SQL of the kind of a value."""
        column = identifier(name)
        if not self.is_json:
            return self.formats.kind_of(column)
        text = f"({column} ->> '$')"
        kind = self.formats.kind_of(text)
        numbers = int(Kind.WHOLE | Kind.LONG | Kind.HUGE | Kind.FRACTION | Kind.BOOLEAN)
        return (
            f"CASE json_type({column}) WHEN 'VARCHAR' THEN "
            f"CASE WHEN {kind} & {numbers} > 0 THEN {int(Kind.TEXT)} ELSE {kind} END "
            f"WHEN 'OBJECT' THEN {int(Kind.NESTED)} WHEN 'ARRAY' THEN {int(Kind.NESTED)} WHEN 'NULL' THEN 0 "
            f"ELSE {kind} END"
        )

    def _evidence(self) -> dict[str, dict[str, int]]:
        """The kinds of values of each column, by file."""
        if not self.names:
            return {}
        kinds = ", ".join(f"coalesce(bit_or({self._kind(name)}), 0)" for name in self.names)
        with reading():
            rows = fetch(self.connection, f"SELECT {FILE}, {kinds} FROM temp.{self.table} GROUP BY ALL ORDER BY ALL")
        return {name: {row[0]: row[i] for row in rows} for i, name in enumerate(self.names, 1)}

    def _agreed(self, name: str, evidence: Mapping[str, int], known: str | None) -> str | None:
        """The type that a column has in every file, and had before.

        Raises:
            SourceError: If it has several.
        """
        if any(bits & Kind.NESTED for bits in evidence.values()):
            return self._nested(name, evidence, known)
        before, agreed = "in what was counted before", known
        for file, bits in evidence.items():
            found = type_of(bits)
            if found is None:
                continue
            both = united(agreed, found)
            if both is None:
                assert agreed is not None  # what is united with nothing is itself
                raise self._disagreement(name, file, found, before, agreed)
            before, agreed = f"in {file}", both
        return agreed

    def _nested(self, name: str, evidence: Mapping[str, int], known: str | None) -> str | None:
        # {} is no evidence, and DuckDB takes it for JSON, as it does values of several types.
        value = f"CAST(replace(CAST({identifier(name)} AS VARCHAR), '{{}}', 'null') AS JSON)"
        rows = fetch(
            self.connection,
            f"SELECT {FILE}, json_group_structure({value}) FROM temp.{self.table} "
            f"WHERE {identifier(name)} IS NOT NULL GROUP BY ALL ORDER BY ALL",
        )
        self._check_nested_numbers(name)
        whole: Any = UNKNOWN
        for file, text in rows:
            try:
                whole = merged(whole, structure_of_json(json.loads(text)))
            except DisagreementError as error:
                raise SourceError(
                    f"{file}: in column {name} a value is of another type than in the files before it: {error}. "
                    f"{_advice(name, 'JSON')}"
                ) from error
        if whole == UNKNOWN:
            return known
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
        long = f"regexp_matches(CAST({column} AS VARCHAR), '[:,\\[]-?[0-9]{{16}}')"
        whole = "t.type IN ('BIGINT', 'UBIGINT', 'DOUBLE') AND regexp_full_match(t.atom ->> '$', '-?[0-9]+')"
        rows = fetch(
            self.connection,
            f"SELECT h.{FILE}, t.fullkey, t.atom ->> '$' "
            f"FROM (SELECT {FILE}, {column} FROM temp.{self.table} WHERE {long}) AS h, json_tree(h.{column}) AS t "
            f"WHERE {whole} AND TRY_CAST(t.atom ->> '$' AS BIGINT) IS NULL LIMIT 1",
        )
        for file, path, value in rows:
            raise SourceError(
                f"{file}: {path.replace('$', name, 1)} is {value}, which a BIGINT does not hold: write it as text"
            )

    def _check_fits(self, name: str, kind: str) -> None:
        """See that each value is one of a type, as it is written, or leave its row out if errors are to be ignored.

        Raises:
            SourceError: If one is not.
        """
        column = identifier(name)
        text = f"({column} ->> '$')" if self.is_json else column
        fits = self._fits(text, self._kind(name), kind)
        if self.is_json and _is_nested(kind):
            fits = f"TRY_CAST({column} AS {kind}) IS NOT NULL"
        if self.how.ignore_errors:
            (deleted,) = fetch_row(
                self.connection,
                f"DELETE FROM temp.{self.table} WHERE {text} IS NOT NULL AND NOT coalesce({fits}, false)",
            )
            self.rejected[name] += deleted
            return
        rows = fetch(
            self.connection,
            f"SELECT {FILE}, {text} FROM temp.{self.table} WHERE {text} IS NOT NULL AND NOT coalesce({fits}, false) "
            f"ORDER BY {FILE} LIMIT 1",
        )
        for file, value in rows:
            raise SourceError(f"{self._place(file, name, value)}: column {name} has {value}, which is no {kind}")

    def _fits(self, text: str, kind: str, declared: str) -> str:
        """SQL that tells whether a text is a value of a type, and not one that would be rounded to it."""
        wanted = declared.upper()
        cast = f"{self.formats.cast(text, declared, 'TRY_CAST')} IS NOT NULL"
        number = self.formats.number(text)
        if _DECIMAL.fullmatch(wanted):
            few = f"regexp_full_match({number}, '[+-]?\\d*(\\.\\d{{0,{_scale(wanted)}}}0*)?')"
            exact = self.formats.cast(text, "DECIMAL(38, 18)", "TRY_CAST")
            return f"{cast} AND ({few} OR {self.formats.cast(text, declared, 'TRY_CAST')} = {exact})"
        if is_integer(wanted) or wanted == "INT":
            return f"regexp_full_match({number}, '[+-]?\\d+') AND {cast}"
        if wanted in ("DOUBLE", "FLOAT", "REAL"):
            whole, exact = f"TRY_CAST({number} AS HUGEINT)", f"TRY_CAST(TRY_CAST({number} AS {declared}) AS HUGEINT)"
            return f"{cast} AND NOT (regexp_full_match({number}, '[+-]?\\d+') AND {whole} IS DISTINCT FROM {exact})"
        fitting = {"DATE": Kind.DATE, "TIMESTAMP": Kind.DATE | Kind.TIMESTAMP, "DATETIME": Kind.DATE | Kind.TIMESTAMP}
        if wanted in fitting:
            return f"{kind} & {int(fitting[wanted])} > 0 AND {cast}"
        if wanted in ("TIMESTAMP_S", "TIMESTAMP_MS"):
            exact = self.formats.cast(text, "TIMESTAMP", "TRY_CAST")
            return f"{cast} AND CAST({self.formats.cast(text, declared, 'TRY_CAST')} AS TIMESTAMP) = {exact}"
        return cast

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


def _scale(decimal: str) -> int:
    """How many digits a DECIMAL has after the point: DECIMAL(8) none, and DECIMAL alone three."""
    match = _DECIMAL.fullmatch(decimal)
    return 3 if "(" not in decimal else int((match and match[1]) or 0)


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


@contextmanager
def csv_held(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[File],
    scan: str,
    references: frozenset[str],
    how: Written,
) -> Iterator[Text]:
    """The rows of CSV files in a temporary table, for as long as this lasts.

    Args:
        connection: The connection that reads them.
        files: The files.
        scan: SQL of the rows: `FILE`, and the columns as text.
        references: Names of the columns that the statement mentions, in lower case.
        how: What the source declares.

    Raises:
        UnreadableError: If a file cannot be read.
    """
    table = f"duckdb_sketch_text_{next(_NUMBERS)}"
    with temporary(connection, table):
        with reading():
            connection.execute(f"CREATE TEMP TABLE {table} AS {scan}")
            rejected = _count_rejects(connection) if how.ignore_errors else 0
            columns = [name for name in describe(connection, f"FROM temp.{table}") if name.lower() in references]
        yield Text(connection, files, table, columns, is_json=False, how=how, rejected=Counter({"": rejected}))


#: Options of `read_csv` with which rows that cannot be read are left out, and counted.
IGNORING = ", store_rejects = true, rejects_table = '{0}', rejects_scan = '{0}_scans'".format("duckdb_sketch_rejects")


def _count_rejects(connection: duckdb.DuckDBPyConnection) -> int:
    """How many lines of CSV files DuckDB has left out; what it noted of them is dropped."""
    with temporary(connection, "duckdb_sketch_rejects"), temporary(connection, "duckdb_sketch_rejects_scans"):
        query = "SELECT count(DISTINCT (scan_id, file_id, line)) FROM temp.duckdb_sketch_rejects"
        return int(fetch_row(connection, query)[0])
