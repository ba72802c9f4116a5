"""Text files: their columns by name, their values as text, and the types that all values show.

Files are read once, into a temporary table that holds each value as it is written. DuckDB's own readers look at a
sample and cast the rest to what they found there, which rounds and reinterprets without a word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch, fetch_row, temporary
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.evidence import FITTING, NUMBERS, Formats, Kind, type_of
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.fitting import decimals, fits, json_fits
from duckdb_sketch.rollup.sources.kinds import united
from duckdb_sketch.rollup.sources.line import line_of
from duckdb_sketch.rollup.sources.long_fractions import LongFraction
from duckdb_sketch.rollup.sources.part import Rows
from duckdb_sketch.rollup.sources.structure import (
    OBJECT,
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
_MOST_DIGITS = 38  # of a DECIMAL


@dataclass(frozen=True)
class Text:
    """The rows of some text files in a temporary table; see `Part`.

    Attributes:
        connection: The connection that has it.
        files: The files.
        table: The name of the table: a column `FILE`, and those that the statement mentions, as text or JSON.
        raw: Gives SQL of the rows of some of the files with the same columns, read again.
        names: The names of those columns.
        is_json: Whether they are JSON.
        how: What the source declares.
        rejected: How many rows have been left out, by column; structural errors under an empty name.
        long_fractions: Of JSON, the first number of a column that loses digits in it, by name in lower case.
    """

    connection: duckdb.DuckDBPyConnection
    files: Sequence[File]
    table: str
    raw: Callable[[Sequence[File]], str]
    names: Sequence[str]
    is_json: bool
    how: Written
    rejected: Counter[str] = field(default_factory=Counter)
    long_fractions: Mapping[str, LongFraction] = field(default_factory=dict)

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
                self._check_long_fraction(name, fixed)
                if self.is_json and _is_nested(fixed) and not fixed.upper().startswith("MAP("):
                    self._check_nested_keys(name)
                self._check_fits(name, fixed)
                found = fixed
            else:
                found = self._agreed(name, evidence[name], known.get(name.lower()))
                self._check_long_fraction(name, found or "")
            if found is not None:
                types[name.lower()] = found
        return types

    def _declared(self, name: str) -> str | None:
        return self.how.types.get(name.lower(), "VARCHAR" if self.how.all_text else None)

    def sql(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self._select(types, f"temp.{self.table}")

    def scan(self, types: Mapping[str, str | None], files: Sequence[File], rows: Rows | None = None) -> str:
        """See `Part`; text has no parts.

        Raises:
            SourceError: If rows are to be left out, which this does not do.
        """
        if self.how.ignore_errors:
            raise SourceError(f"{files[0].path}: ignore_errors = true is for files that this process reads alone")
        return self._select(types, f"({self.raw(files)})")

    def _select(self, types: Mapping[str, str | None], table: str) -> str:
        items = [identifier(FILE), *(self._typed(name, kind) for name, kind in types.items())]
        return f"SELECT {', '.join(items)} FROM {table}"

    def sample(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self.sql(types)

    def _typed(self, name: str, kind: str | None) -> str:
        own = self.columns.get(name.lower())
        if own is None or kind is None:
            return f"CAST(NULL AS {'INTEGER' if kind is None else castable(kind)}) AS {identifier(name)}"
        if self.is_json and _is_nested(kind):
            return f"{transformed(identifier(own), kind)} AS {identifier(name)}"
        return f"{self.formats.cast(self._text(own), kind)} AS {identifier(name)}"

    def _text(self, name: str) -> str:
        """SQL of a column's values as text."""
        return f"({identifier(name)} ->> '$')" if self.is_json else identifier(name)

    def _kind(self, value: str) -> str:
        """SQL of the kind of a value."""
        if not self.is_json:
            return self.formats.kind_of(value)
        kind = self.formats.kind_of(f"({value} ->> '$')")
        return (
            f"CASE json_type({value}) WHEN 'VARCHAR' THEN "
            f"CASE WHEN {kind} & {int(NUMBERS | Kind.BOOLEAN)} > 0 THEN {int(Kind.TEXT)} ELSE {kind} END "
            f"WHEN 'OBJECT' THEN {int(Kind.NESTED)} WHEN 'ARRAY' THEN {int(Kind.NESTED)} WHEN 'NULL' THEN 0 "
            f"ELSE {kind} END"
        )

    def _evidence(self) -> dict[str, dict[str, int]]:
        """The kinds of values of each column, by file."""
        if not self.names:
            return {}
        kinds = ", ".join(f"coalesce(bit_or({self._kind(identifier(name))}), 0)" for name in self.names)
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
            if found == "VARCHAR" and not bits & ~NUMBERS:
                raise self._beyond(name, file)
            both = united(agreed, found)
            if both is None:
                assert agreed is not None  # what is united with nothing is itself
                raise self._disagreement(name, file, found, before, agreed)
            before, agreed = f"in {file}", both
        return agreed

    def _nested(self, name: str, evidence: Mapping[str, int], known: str | None) -> str | None:
        # {} has no fields, and DuckDB takes it for JSON, as it does values of several types.
        value = f"CAST(replace(CAST({identifier(name)} AS VARCHAR), '{{}}', 'null') AS JSON)"
        rows = fetch(
            self.connection,
            f"SELECT {FILE}, json_group_structure({value}), bool_or(json_type({identifier(name)}) = 'OBJECT') "
            f"FROM temp.{self.table} "
            f"WHERE {identifier(name)} IS NOT NULL GROUP BY ALL ORDER BY ALL",
        )
        self._check_nested_keys(name)
        self._check_nested_numbers(name)
        whole: Any = UNKNOWN
        for file, text, has_object in rows:
            try:
                found = structure_of_json(json.loads(text))
                whole = merged(whole, OBJECT if has_object and found == UNKNOWN else found)
            except DisagreementError as error:
                raise self._nested_disagreement(name, file, "the files before it", error) from error
        if whole == UNKNOWN:
            return known
        try:
            kind = sql_type(whole if known is None else merged(structure_of(known), whole))
        except DisagreementError as error:
            raise self._nested_disagreement(name, next(iter(evidence)), "what was counted before", error) from error
        # Short numbers fit whatever type they show.
        self._check_fits(name, kind, f"regexp_matches(CAST({identifier(name)} AS VARCHAR), '[0-9]{{16}}')")
        return kind

    def _nested_disagreement(self, name: str, file: str, before: str, error: DisagreementError) -> SourceError:
        return SourceError(
            f"{file}: in column {name} a value is of another type than in {before}: {error}. {_advice(name, 'JSON')}"
        )

    def _check_nested_keys(self, name: str) -> None:
        """See that no object has a key twice: it does not say which of the values counts.

        Raises:
            SourceError: If one has.
        """
        keys = f"list_transform(json_keys({identifier(name)}), lambda k: lower(k))"
        query = (
            f"SELECT {FILE} FROM temp.{self.table} WHERE len({keys}) > len(list_distinct({keys})) ORDER BY ALL LIMIT 1"
        )
        for (file,) in fetch(self.connection, query):
            raise SourceError(f"{file}: an object in column {name} has a key twice, perhaps in another case")

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

    def _check_fits(self, name: str, kind: str, where: str = "true") -> None:
        """See that each value is one of a type, as it is written, or leave its row out if errors are to be ignored.

        Args:
            name: The column.
            kind: The type.
            where: SQL that is true of all rows whose values may not be.

        Raises:
            SourceError: If one is not.
        """
        text = self._text(name)
        bad = f"{text} IS NOT NULL AND {where} AND NOT coalesce({self._fits(name, kind)}, false)"
        if self.how.ignore_errors:
            (deleted,) = fetch_row(self.connection, f"DELETE FROM temp.{self.table} WHERE {bad}")
            self.rejected[name] += deleted
            return
        rows = fetch(
            self.connection, f"SELECT {FILE}, {text} FROM temp.{self.table} WHERE {bad} ORDER BY {FILE}, rowid LIMIT 1"
        )
        for file, value in rows:
            raise SourceError(
                f"{self._place(file, name, value)}: column {name} has {value}, which does not fit "
                f"{kind}{_rounded(kind)}"
            )

    def _fits(self, name: str, kind: str) -> str:
        """SQL that tells whether a value is one of a type, as it is written."""
        column = identifier(name)
        if self.is_json and _is_nested(kind):
            fitting = json_fits(column, kind, self.formats, self._kind)
            return f"TRY_CAST({column} AS {castable(kind)}) IS NOT NULL AND {fitting}"
        return fits(self._text(name), self._kind(column), kind, self.formats)

    def _disagreement(self, name: str, file: str, found: str, before: str, agreed: str) -> SourceError:
        kinds = int(~FITTING.get(agreed, Kind(0)) & Kind.ANY)
        value = self._value_of(name, file, kinds)
        place, shown = (file, "") if value is None else (self._place(file, name, value), f" ({value})")
        return SourceError(
            f"{place}: column {name} is {found}{shown}, and {before} it is {agreed}. Distinct values of the two would "
            f"not be counted as one. {_advice(name, _wider(found, agreed))}"
        )

    def _value_of(self, name: str, file: str, kinds: int) -> str | None:
        """The first value of a file that is of some kinds."""
        rows = fetch(
            self.connection,
            f"SELECT {self._text(name)} FROM temp.{self.table} "
            f"WHERE {FILE} = ? AND {self._kind(identifier(name))} & {kinds} > 0 LIMIT 1",
            [file],
        )
        return rows[0][0] if rows else None

    def _beyond(self, name: str, file: str) -> SourceError:
        """The error of a column that has numbers with a fraction, and numbers that a DOUBLE does not hold."""
        value = self._value_of(name, file, int(Kind.LONG | Kind.HUGE | Kind.LONG_FRACTION))
        number = self.formats.number(self._text(name))
        whole = f"length(CAST(TRY_CAST(trunc(abs(TRY_CAST({number} AS DOUBLE))) AS HUGEINT) AS VARCHAR))"
        before, after = fetch_row(
            self.connection, f"SELECT max(coalesce({whole}, 39)), max({decimals(number)}) FROM temp.{self.table}"
        )
        kind = f"DECIMAL({before + after}, {after})" if before + after <= _MOST_DIGITS else "VARCHAR"
        return SourceError(
            f"{self._place(file, name, str(value))}: column {name} has {value}, which a DOUBLE does not hold, and "
            f"numbers with a fraction. {_advice(name, kind)}"
        )

    def _check_long_fraction(self, name: str, kind: str) -> None:
        """See that no number of JSON loses digits in DuckDB's functions, or that its type does not hold them either.

        Raises:
            SourceError: If one does.
        """
        found = self.long_fractions.get(name.lower())
        if found is None or (found.held and not _keeps_digits(kind)):
            return
        line = line_of(found.file, name, found.text, is_json=True)
        raise SourceError(
            f"{found.file}{f', line {line}' if line else ''}: column {name} has {found.text}, of which DuckDB keeps 17 "
            f"digits: write it as text, in quotes, and declare types = {{'{name}': 'DECIMAL(38, 20)'}}"
        )

    def _place(self, file: str, name: str, value: object) -> str:
        line = line_of(file, name, str(value), is_json=self.is_json)
        return file if line is None else f"{file}, line {line}"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))


def _keeps_digits(kind: str) -> bool:
    """Whether a type, or a nested one of its fields, has all digits of a number that a DOUBLE has not."""
    return any(name in kind.upper() for name in ("DECIMAL", "NUMERIC", "VARCHAR", "BIGNUM", "JSON"))


def _rounded(kind: str) -> str:
    """What follows an error of a number that would be rounded."""
    if kind.upper() not in ("FLOAT", "DOUBLE"):
        return ""
    return " without rounding: declare a DECIMAL, or VARCHAR, and cast it in the statement to have it rounded"


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
    raw: Callable[[Sequence[File]], str],
    references: frozenset[str],
    how: Written,
) -> Iterator[Text]:
    """The rows of CSV files in a temporary table, for as long as this lasts.

    Args:
        connection: The connection that reads them.
        files: The files.
        raw: Gives SQL of the rows of some of them: `FILE`, and the columns as text.
        references: Names of the columns that the statement mentions, in lower case.
        how: What the source declares.

    Raises:
        UnreadableError: If a file cannot be read.
    """
    table = f"duckdb_sketch_text_{next(_NUMBERS)}"
    with temporary(connection, table):
        with reading():
            connection.execute(f"CREATE TEMP TABLE {table} AS {raw(files)}")
            rejected = _count_rejects(connection) if how.ignore_errors else 0
            columns = [name for name in describe(connection, f"FROM temp.{table}") if name.lower() in references]
        yield Text(connection, files, table, raw, columns, is_json=False, how=how, rejected=Counter({"": rejected}))


#: Options of `read_csv` with which rows that cannot be read are left out, and counted.
IGNORING = ", store_rejects = true, rejects_table = '{0}', rejects_scan = '{0}_scans'".format("duckdb_sketch_rejects")


def _count_rejects(connection: duckdb.DuckDBPyConnection) -> int:
    """How many lines of CSV files DuckDB has left out; what it noted of them is dropped."""
    with temporary(connection, "duckdb_sketch_rejects"), temporary(connection, "duckdb_sketch_rejects_scans"):
        query = "SELECT count(DISTINCT (scan_id, file_id, line)) FROM temp.duckdb_sketch_rejects"
        return int(fetch_row(connection, query)[0])
