"""Verifying a rollup: some of its buckets are rebuilt from the files that they came from, exactly, and compared."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch._text import counted
from duckdb_sketch.rollup.errors import RollupError, SourceError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import CountedSlice, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import describe, fetch, fetch_row
from duckdb_sketch.rollup.sources.copies import copied
from duckdb_sketch.rollup.sources.declared import counted_slice, options_of
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE
from duckdb_sketch.rollup.sources.source import SourceSlice
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification, over
from duckdb_sketch.rollup.specification.table import Table, literal
from duckdb_sketch.rollup.verification.comparison import COMPARED, comparison_of, extra, extras_of
from duckdb_sketch.rollup.verification.reading import NO_EVIDENCE, miscounted, plain_rows, same_file_twice
from duckdb_sketch.rollup.verification.verified import Difference, Group, Groups, Verified, VerifiedColumn

_MADE = "duckdb_sketch_made"
# Where the clock is set back, events of the repeated hour are in a bucket that begins after them.
_SLACK = timedelta(hours=3)


def verify(ledger: Ledger, specification: Specification, rollup: str, *, sample: int = 10, seed: int = 0) -> Verified:
    """Rebuild some buckets of a rollup, and compare. Nothing is written.

    Args:
        ledger: The ledger of the rollup's database.
        specification: The rollup's statement.
        rollup: Its name.
        sample: How many buckets to rebuild, of those that can be.
        seed: Chooses them: the same ones for the same number.

    Raises:
        RollupError: If `sample` is less than 1, or the files cannot be read.
        SourceError: If a file changed while it was read.
    """
    if sample < 1:
        raise RollupError(f"sample is how many buckets to rebuild, 1 or more, not {sample}")
    with _looking(ledger.connection):
        record = ledger.rollup(rollup)
        table = table_of(ledger, record)
        try:
            choice = _choose(ledger, specification, record, table, sample, seed)
        except duckdb.Error as error:
            raise RollupError(f"{table.name}: its files cannot be counted again: {error}") from error
        return _Verification(ledger, specification, record, table, choice).run()


@contextmanager
def _looking(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """See one state of the database throughout, and leave nothing behind: the rollback takes temporary tables along."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    finally:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")


@dataclass
class _Choice:
    """Which buckets are rebuilt, from which files.

    Attributes:
        buckets: Their starts and ends.
        files: The files that have rows of them, or else any file, for its columns.
        appended: How many buckets hold rows that were appended.
        broken: How many have rows of files that are not there as they were.
        wrong: What is wrong with how files were counted.
    """

    buckets: list[tuple[datetime, datetime]] = field(default_factory=list)
    files: list[SourceSlice] = field(default_factory=list)
    appended: int = 0
    broken: int = 0
    wrong: tuple[str, ...] = ()


def _choose(
    ledger: Ledger, specification: Specification, record: RollupRecord, table: Table, sample: int, seed: int
) -> _Choice:
    whole: list[tuple[CountedSlice, SourceSlice]] = []
    broken: list[CountedSlice] = []
    for kind in (CountedSlice.FILE, CountedSlice.RANGE):
        for known in ledger.slices(record.name, kind).values():
            if (found := _found(ledger.connection, known)) is None:
                broken.append(known)
            else:
                whole.append((known, found))
    appended = _Spans(ledger.appended_spans(record.name))
    lost = _Spans((known.first_event, known.last_event) for known in broken)
    choice = _Choice(wrong=tuple(same_file_twice([found for _, found in whole if isinstance(found, File)])))
    chance = random.Random(seed)
    read = [found for _, found in chance.sample(whole, min(sample, len(whole)))]
    possible = []
    with _plain(ledger.connection, read, specification, record) as plain:
        buckets = _buckets(ledger, specification, record, table, plain.sql if read else None)
    for start, end in buckets:
        # Batches that were appended are known by their first bucket, files by their first event.
        if appended.overlap(start - _SLACK, end):
            choice.appended += 1
        elif lost.overlap(start - _SLACK, end) or not whole:
            choice.broken += 1
        else:
            possible.append((start, end))
    choice.buckets = sorted(chance.sample(possible, min(sample, len(possible))))
    if choice.buckets:
        chosen = _Spans((start - _SLACK, end) for start, end in choice.buckets)
        having = [found for known, found in whole if _overlaps(known, chosen)]
        choice.files = having or [whole[0][1]]
    return choice


def _buckets(
    ledger: Ledger, specification: Specification, record: RollupRecord, table: Table, read: str | None
) -> list[tuple[datetime, datetime]]:
    """The starts and ends of all buckets: those in the table, and those that were counted and should be in it.

    Args:
        ledger: The ledger.
        specification: The statement.
        record: The rollup.
        table: Its table.
        read: Rows whose buckets should be in it, whatever the ledger says of them.
    """
    expired = f"AND bucket >= {literal(record.expired_before)}" if record.expired_before else ""
    rows = fetch(
        ledger.connection,
        f"SELECT bucket, {table.end(table.typed('bucket'))} FROM (SELECT {table.naive(table.bucket)} AS bucket "
        f"FROM {table.sql} UNION SELECT bucket FROM rollup_manifest.changes WHERE rollup = ? AND rows > 0 {expired} "
        f"UNION SELECT bucket FROM ({_buckets_of_files(ledger, specification, record, table, read)}) "
        f"WHERE true {expired}) WHERE bucket IS NOT NULL ORDER BY ALL",
        [record.name],
    )
    return [(start, end) for start, end in rows]


def _buckets_of_files(
    ledger: Ledger, specification: Specification, record: RollupRecord, table: Table, rows: str | None
) -> str:
    """SQL of the buckets that some rows are in; of none where rows were dropped, as their buckets may be nowhere."""
    query = "SELECT sum(dropped_rows) FROM rollup_manifest.batches WHERE rollup = ?"
    if rows is None or fetch_row(ledger.connection, query, [record.name])[0]:
        return "SELECT NULL::TIMESTAMP AS bucket WHERE false"
    typed = specification.typed(describe(ledger.connection, rows))
    buckets = f"SELECT {table.naive('x')} AS bucket FROM ({over(rows, typed.buckets())}) AS counted(rows, x)"
    earliest = table.naive_truncated(record.earliest)
    return f"SELECT bucket FROM ({buckets}) WHERE bucket >= {earliest} AND bucket < {literal(record.latest)}"


def _types(connection: duckdb.DuckDBPyConnection, specification: Specification, record: RollupRecord) -> dict[str, str]:
    """The types of all columns that the statement needs; those of which the ledger has none had no value yet."""
    known = {name.lower() for name in record.input_types}
    for lookup in specification.lookups:
        known |= {lookup.lower(), *(name.lower() for name in describe(connection, f"FROM {identifier(lookup)}"))}
    others = (specification.alias, specification.source, *_only_aliases(specification))
    unknown = specification.references - known - {name.lower() for name in others}
    return {**record.input_types, **dict.fromkeys(sorted(unknown), NO_EVIDENCE)}


def _only_aliases(specification: Specification) -> list[str]:
    """Names of the statement's columns that are not also those of what they are made of, as in `sum(x) AS x`."""
    items = sqlglot.parse_one(specification.statement, dialect="duckdb").expressions
    return [
        item.alias_or_name
        for item in items
        if all(column.name.lower() != item.alias_or_name.lower() for column in item.find_all(exp.Column))
    ]


def _found(connection: duckdb.DuckDBPyConnection, known: CountedSlice) -> SourceSlice | None:
    """A slice that was counted; None if it is not there as it was."""
    try:
        found = counted_slice(connection, known.kind, known.slice, known.fingerprint)
        found.require()
    except SourceError:
        return None
    return found


@dataclass(frozen=True)
class _Plain:
    """Slices as plain DuckDB reads them.

    Attributes:
        sql: Their rows, with the column `FILE`.
        miscounted: What is wrong with how files among them were counted.
    """

    sql: str
    miscounted: Iterator[str]


@contextmanager
def _plain(
    connection: duckdb.DuckDBPyConnection,
    slices: Sequence[SourceSlice],
    specification: Specification,
    record: RollupRecord,
) -> Iterator[_Plain]:
    """Slices as plain DuckDB reads them, as long as this lasts."""
    types = _types(connection, specification, record)
    source = options_of(record.source)
    parts = [each.sql for each in slices if each.sql is not None]
    with copied([each for each in slices if isinstance(each, File)]) as copies, copies.told():
        files = copies.files
        if files:
            parts.append(copies.named(plain_rows(connection, files, types, source)))
        wrong = map(copies.text, miscounted(connection, files, types, source))
        yield _Plain(" UNION ALL BY NAME ".join(parts), wrong)


class _Spans:
    """Spans of time, both ends included, of which it can be told quickly whether any overlaps another one."""

    def __init__(self, spans: Iterable[tuple[datetime | None, datetime | None]]) -> None:
        self._firsts: list[datetime] = []
        self._lasts: list[datetime] = []
        for first, last in sorted((first, last) for first, last in spans if first is not None and last is not None):
            if self._lasts and first <= self._lasts[-1]:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def overlap(self, start: datetime, end: datetime) -> bool:
        """Whether any overlaps what is from `start` to `end`, the end not included."""
        index = bisect_left(self._lasts, start)
        return index < len(self._firsts) and self._firsts[index] < end


def _overlaps(known: CountedSlice, chosen: _Spans) -> bool:
    if known.first_event is None or known.last_event is None:
        return False
    return chosen.overlap(known.first_event, known.last_event + timedelta(microseconds=1))


class _Verification:
    """Compares the chosen buckets, inside the caller's transaction."""

    def __init__(
        self, ledger: Ledger, specification: Specification, record: RollupRecord, table: Table, choice: _Choice
    ) -> None:
        self._connection = ledger.connection
        self._specification = specification
        self._record = record
        self._table = table
        self._choice = choice
        self._starts = [start for start, _ in choice.buckets]
        self._notes: list[str] = []

    def run(self) -> Verified:
        """Rebuild the buckets, and compare."""
        columns: list[VerifiedColumn] = []
        missing = unexpected = repeated = Groups(0, None)
        groups = 0
        wrong = self._choice.wrong
        if self._starts:
            try:
                with _plain(self._connection, self._choice.files, self._specification, self._record) as plain:
                    wrong += tuple(plain.miscounted)
                    self._make(plain.sql)
                self._join()
            except duckdb.Error as error:
                raise RollupError(f"{self._table.name}: its files cannot be counted again: {error}") from error
            for file in self._choice.files:
                file.check_unchanged()
            groups = fetch_row(self._connection, f"SELECT count(*) FROM {COMPARED} WHERE stored AND made")[0]
            missing, unexpected = self._groups("NOT stored"), self._groups("NOT made")
            repeated = self._groups("made AND occurrence = 2")
            columns = [self._column(index, metric) for index, metric in enumerate(self._table.metrics)]
            if self._specification.lookups:
                self._notes.append(
                    f"{', '.join(self._specification.lookups)} as of now, not as of when rows were counted"
                )
        return Verified(
            rollup=self._table.name,
            buckets=tuple(self._starts),
            groups=groups,
            columns=tuple(columns),
            missing=missing,
            unexpected=unexpected,
            repeated=repeated,
            skipped_appended=self._choice.appended,
            skipped_files=self._choice.broken,
            wrong=wrong,
            notes=tuple(self._notes),
        )

    def _make(self, rows: str) -> None:
        """Aggregate the events of the buckets, with what is needed to compare sketches besides."""
        specification, table = self._specification.typed(describe(self._connection, rows)), self._table
        event = table.naive(specification.event())
        bucket = table.naive(specification.truncated(specification.event()))
        low, high = self._starts[0] - _SLACK, max(end for _, end in self._choice.buckets)
        conditions = [
            f"{event} >= {literal(low)}",
            f"{event} < {literal(high)}",
            f"{bucket} IN ({self._listed()})",
            *self._undropped(bucket),
        ]
        extras = tuple(
            f"{specification.exact(metric, function)} AS {extra(index, name)}"
            for index, metric in enumerate(table.metrics)
            for name, function in extras_of(metric, table).items()
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS SELECT * FROM ({rows}) "
            f"AS {identifier(specification.alias)} WHERE {' AND '.join(conditions)}"
        )
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_MADE} AS {specification.aggregate(extras)}")

    def _undropped(self, bucket: str) -> Iterator[str]:
        """Conditions that leave out rows which the rollup left out as well, as their buckets were final.

        Batches were told to drop late rows if they dropped some and merged none. A bucket is known to be final from
        its first change on time, or late. A rebuild counts what was dropped before.
        """
        rollup = self._record.name
        batches: dict[int, int] = {}
        dropped: dict[datetime, list[str]] = {}
        for start, path, batch, rows in fetch(
            self._connection,
            "SELECT final.bucket, f.slice, f.batch, b.dropped_rows FROM rollup_manifest.slices AS f "
            "JOIN rollup_manifest.batches AS b ON b.rollup = f.rollup AND b.batch = f.batch "
            "JOIN (SELECT bucket, min(batch) AS batch FROM rollup_manifest.changes "
            "WHERE rollup = ? AND pane IN ('on time', 'late') GROUP BY ALL) AS final ON final.batch < f.batch "
            "WHERE f.rollup = ? AND f.kind IN ('file', 'range') "
            f"AND b.dropped_rows > 0 AND b.late_rows = 0 AND final.bucket IN ({self._listed()}) "
            "AND NOT EXISTS (FROM rollup_manifest.changes AS c JOIN rollup_manifest.batches AS r "
            "ON r.rollup = c.rollup AND r.batch = c.batch WHERE c.rollup = f.rollup AND r.kind = 'rebuild' "
            "AND c.bucket = final.bucket AND c.batch >= f.batch)",
            [rollup, rollup],
        ):
            batches[batch] = int(rows)
            dropped.setdefault(start, []).append(path)
        for start, paths in dropped.items():
            listed = ", ".join(quote(path) for path in paths)
            yield f"NOT ({bucket} = {literal(start)} AND {identifier(FILE)} IN ({listed}))"
        if batches:
            self._notes.append(
                "rows that came late and were dropped are left out here as well: "
                f"{counted(sum(batches.values()), 'row')}, of whichever buckets, in "
                f"{counted(len(batches), 'batch', 'batches')}"
            )

    def _join(self) -> None:
        """Put the stored rows beside those rebuilt, with column names that cannot clash."""
        table = self._table
        keys = [table.time, *table.dimensions]
        items = ["coalesce(s.is, false) AS stored, coalesce(m.is, false) AS made, coalesce(s.nth, 1) AS occurrence"]
        items.append(f"coalesce({table.naive('s.k0')}, {table.naive('m.k0')}) AS bucket")
        items += [f"CASE WHEN s.is THEN s.k{i} ELSE m.k{i} END AS k{i}" for i in range(1, len(keys))]
        named = [f"{identifier(key)} AS k{i}" for i, key in enumerate(keys)]
        stored, made = list(named), list(named)
        for i, metric in enumerate(table.metrics):
            column = identifier(metric.name)
            stored.append(f"{column} AS v{i}")
            made.append(f"CAST({column} AS {table.types[metric.name]}) AS v{i}")
            items.append(f"s.v{i} AS s{i}, m.v{i} AS m{i}")
            for name in extras_of(metric, table):
                made.append(extra(i, name))
                items.append(f"m.{extra(i, name)}")
        groups = ", ".join(identifier(key) for key in keys)
        stored.append(f"row_number() OVER (PARTITION BY {groups}) AS nth")
        on = ["s.k0 = m.k0", *(f"s.k{i} IS NOT DISTINCT FROM m.k{i}" for i in range(1, len(keys)))]
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {COMPARED} AS SELECT row_number() OVER () AS id, {', '.join(items)} "
            f"FROM (SELECT true AS is, {', '.join(stored)} FROM {table.sql} "
            f"WHERE {table.naive(table.bucket)} IN ({self._listed()})) AS s "
            f"FULL JOIN (SELECT true AS is, {', '.join(made)} FROM {_MADE}) AS m ON {' AND '.join(on)}"
        )

    def _listed(self) -> str:
        return ", ".join(literal(start) for start in self._starts)

    def _keys(self) -> list[str]:
        return ["bucket", *(f"k{i}" for i in range(1, len(self._table.dimensions) + 1))]

    def _group(self, row: Sequence[Any]) -> Group:
        return Group(row[0], dict(zip(self._table.dimensions, row[1:], strict=False)))

    def _groups(self, condition: str) -> Groups:
        (count,) = fetch_row(self._connection, f"SELECT count(*) FROM {COMPARED} WHERE {condition}")
        keys = ", ".join(self._keys())
        first = fetch(self._connection, f"SELECT {keys} FROM {COMPARED} WHERE {condition} ORDER BY ALL LIMIT 1")
        return Groups(count, self._group(first[0]) if first else None)

    def _column(self, index: int, metric: Metric) -> VerifiedColumn:
        comparison = comparison_of(index, metric, self._table)
        groups, differ = fetch_row(
            self._connection,
            f"SELECT count(*), count(*) FILTER (NOT {comparison.same}) FROM {COMPARED} WHERE stored AND made",
        )
        example = None
        if differ:
            keys = self._keys()
            row = fetch_row(
                self._connection,
                f"SELECT {', '.join(keys)}, {comparison.stored}, {comparison.made} FROM {COMPARED} "
                f"WHERE stored AND made AND NOT {comparison.same} ORDER BY {', '.join(keys)} LIMIT 1",
            )
            example = Difference(self._group(row), row[-2], row[-1])
        column = VerifiedColumn(metric.name, metric.aggregate, groups, differ, example)
        return comparison.detail(self._connection, column)
