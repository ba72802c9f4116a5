"""Counting a batch: from a view of its events to merged rows and lines in the ledger, inside a transaction."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.engines.groups import merging
from duckdb_sketch.rollup.errors import LateDataError, SourceError, SpecificationError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, Record, RollupRecord
from duckdb_sketch.rollup.ledger.table import table_of
from duckdb_sketch.rollup.query import describe, fetch, fetch_row
from duckdb_sketch.rollup.sources.files import same_kind
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import LATEST, ROWS, Table, literal

_STAGED = "duckdb_sketch_staged"


def bind(connection: duckdb.DuckDBPyConnection, specification: Specification, name: str, zone: str | None) -> Table:
    """The table that a statement makes of the events in the view `EVENTS`.

    Raises:
        SpecificationError: If DuckDB does not take the statement, or time zones are not said.
    """
    aggregates = {
        name
        for (name,) in fetch(
            connection, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'"
        )
    }
    unknown = specification.functions & (aggregates - specification.aggregates)
    if unknown:
        raise SpecificationError(f"{min(unknown)} is an aggregate that does not merge")
    try:
        types = describe(connection, specification.aggregate())
        argument = describe(connection, f"SELECT {specification.event()} AS t FROM {specification.events()}")["t"]
    except duckdb.Error as error:
        raise SpecificationError(f"{name}: {error}") from error
    table = Table.of(specification, name, types)
    _refuse_rounding(connection, specification, table)
    if zone is None and (table.zoned or argument == "TIMESTAMP WITH TIME ZONE"):
        raise SpecificationError(
            f"{table.time} is truncated from a TIMESTAMPTZ, and where its days begin depends on the time zone: "
            "say which, as time_zone='UTC' or --time-zone Europe/Berlin"
        )
    return table


def _refuse_rounding(connection: duckdb.DuckDBPyConnection, specification: Specification, table: Table) -> None:
    """See that what is cast after its sum has been exact: `sum(x)::BIGINT` of DOUBLE would round with every batch."""
    sums = {metric.name: f"sum({metric.argument})" for metric in specification.metrics if metric.aggregate == "sum"}
    if not sums:
        return
    select = specification.aggregate(tuple(f"{text} AS {identifier(f'{name} bare')}" for name, text in sums.items()))
    bare = describe(connection, select)
    for name in sums:
        cast, plain = table.types[name], bare[f"{name} bare"]
        if cast != plain and _decimals(cast) < _decimals(plain):
            raise SpecificationError(
                f"{name} is cast from {plain} to {cast} after it is summed, which rounds with every batch: cast the "
                "argument, or where you read it"
            )


def _decimals(kind: str) -> float:
    """How many digits a type has after the point."""
    if kind in ("DOUBLE", "FLOAT"):
        return float("inf")
    return int(kind.rstrip(")").split(",")[1]) if kind.startswith("DECIMAL") else 0


class Counter:
    """Counts batches into one rollup and the levels above it; each method runs inside the caller's transaction."""

    def __init__(self, ledger: Ledger, specification: Specification, table: Table) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._specification = specification
        self._table = table

    def stage(self, condition: str | None = None) -> None:
        """Aggregate the events of the view `EVENTS` into a temporary table.

        Raises:
            SourceError: If their types are others than the table's.
        """
        extra = (f"count(*) AS {ROWS}", f"max({self._specification.event()}) AS {LATEST}")
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_STAGED} AS {self._specification.aggregate(extra, condition)}"
        )
        types = describe(self._connection, f"SELECT {self._table.columns} FROM {_STAGED}")
        bucket = self._table.types[self._table.time]
        if {types[self._table.time], bucket} == {"DATE", "TIMESTAMP"}:
            # A database of another version: date_trunc('day', TIMESTAMP) is a DATE before DuckDB 2.0.
            types[self._table.time] = bucket
            self._connection.execute(f"ALTER TABLE {_STAGED} ALTER {self._table.bucket} TYPE {bucket}")
        for column, kind in types.items():
            known = self._table.types[column]
            if not same_kind(known, kind):
                raise SourceError(f"column {column} would be {kind}, and the rollup {self._table.name} has {known}")

    def stage_groups(self, groups: str) -> None:
        """Merge groups that have been aggregated elsewhere into a temporary table.

        Args:
            groups: A view of them: see `groups.merging`.

        Raises:
            SourceError: If they are no groups of this rollup.
        """
        given = describe(self._connection, f"SELECT * FROM {groups}")
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_STAGED} AS {merging(self._table, given, groups)}")
        table = self._table
        stray = f"{table.bucket} <> {table.truncated(table.bucket)}"
        (found,) = fetch_row(self._connection, f"SELECT min({table.bucket}) FILTER ({stray}) FROM {_STAGED}")
        if found is not None:
            raise SourceError(
                f"{table.time} {found} is where no {table.granularity} of {table.name} begins: "
                "the groups are of another statement, or of another time zone"
            )

    def settle(self, record: RollupRecord, batch: Batch, *, judged: bool = True) -> None:
        """Keep out of the staged rows what is not to be counted, and say in `batch` how much that is.

        Args:
            record: The rollup's line.
            batch: Is filled in.
            judged: Whether rows of final buckets follow the rollup's rule for late rows.

        Raises:
            LateDataError: If there are late rows, and the rule is to refuse them.
        """
        table = self._table
        bucket = table.naive(table.bucket)
        earliest = table.naive_truncated(record.earliest)
        absurd = f"({table.bucket} IS NULL OR {bucket} < {earliest} OR {bucket} >= {literal(record.latest)})"
        batch.rejected_rows += self._remove(absurd)
        if not judged:
            return
        late = _is_late(table, record)
        if late is None:
            return
        if record.late == "error":
            rows, first, last = fetch_row(
                self._connection, f"SELECT sum({ROWS}), min({bucket}), max({bucket}) FROM {_STAGED} WHERE {late}"
            )
            if rows:
                raise LateDataError(
                    f"{rows:,} rows are late: they are for final buckets, from {first} to {last}, and the "
                    f"watermark is {record.watermark}. Count them with late='merge' (--late merge), or leave them out "
                    "with drop"
                )
        elif record.late == "drop":
            batch.dropped_rows += self._remove(late)
        else:
            batch.late_rows += self._count(late)

    def merge(self, record: RollupRecord, batch: Batch) -> None:
        """Merge the staged rows into the table; those of expired buckets go into the levels that still have them."""
        gone = _merge(self._ledger, record, self._table, _STAGED)
        batch.rows -= gone
        batch.late_rows -= gone
        batch.dropped_rows += gone

    def merge_into(self, like: Table, name: str) -> None:
        """Merge the staged rows into another table, whose columns are those of `like`."""
        table = self._table
        bucket = table.naive(table.bucket)
        first, last = fetch_row(self._connection, f"SELECT min({bucket}), max({bucket}) FROM {_STAGED}")
        if first is not None:
            low, high = table.typed(literal(first)), table.typed(literal(last))
            self._connection.execute(like.merge(_STAGED, low, high, into=name))

    def replace(self, record: RollupRecord, batch: Batch, low: datetime, high: datetime) -> None:
        """Put the staged rows in place of all rows from the bucket `low` to the bucket `high`."""
        table = self._table
        within = f"{table.bucket} BETWEEN {table.typed(literal(low))} AND {table.typed(literal(high))}"
        bucket = table.naive(table.bucket)
        self._connection.execute(
            f"INSERT INTO rollup_manifest.changes SELECT {quote(table.name)}, {batch.batch}, {bucket}, "
            f"{pane(table, record)}, sum(rows) FROM (SELECT {table.bucket}, 0 AS rows FROM {table.sql} WHERE {within} "
            f"UNION ALL SELECT {table.bucket}, {ROWS} FROM {_STAGED}) GROUP BY ALL"
        )
        self._connection.execute(f"DELETE FROM {table.sql} WHERE {within}")
        self._connection.execute(f"INSERT INTO {table.sql} SELECT {table.columns} FROM {_STAGED}")

    def measure(self, batch: Batch) -> None:
        """Note how many events are staged, and from when to when they are."""
        table = self._table
        batch.rows, batch.first_event, batch.last_event = fetch_row(
            self._connection,
            f"SELECT coalesce(sum({ROWS}), 0), min({table.naive(table.bucket)}), max({table.naive(LATEST)}) "
            f"FROM {_STAGED}",
        )

    def _remove(self, condition: str) -> int:
        rows = self._count(condition)
        if rows:
            self._connection.execute(f"DELETE FROM {_STAGED} WHERE {condition}")
        return rows

    def _count(self, condition: str) -> int:
        """How many events there are in the staged rows of which a condition holds."""
        return int(fetch_row(self._connection, f"SELECT coalesce(sum({ROWS}), 0) FROM {_STAGED} WHERE {condition}")[0])


def advance(ledger: Ledger, record: RollupRecord, table: Table, batch: Batch, *, complete: bool) -> None:
    """Move the highest event time, and with the last batch of a refresh the watermark, which makes buckets final."""
    highest = max((time for time in (record.highest_event, batch.last_event) if time), default=None)
    values: dict[str, object] = {"highest_event": highest}
    if complete and highest is not None:
        # An event from the future must not make the present final. What zone local times are in is not known, but
        # it is no more than a day away.
        clock = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(days=0 if table.zoned else 1)
        watermark = max(time for time in (record.watermark, min(highest, clock) - record.allowed_lateness) if time)
        if watermark != record.watermark:
            values["watermark"] = watermark
            announce_final(ledger, record, table, batch.batch, watermark)
    ledger.set(record.name, **values)


def announce_final(ledger: Ledger, record: Record, table: Table, batch: int, watermark: datetime) -> None:
    """Give the buckets that end between the record's watermark and the new one the pane *on time*."""
    final = f"{table.end(table.bucket)} <= {literal(watermark)}"
    final += f" AND {table.bucket} < {table.typed(literal(watermark))}" if table.types[table.time] != "DATE" else ""
    if record.watermark is not None:
        final += f" AND {table.end(table.bucket)} > {literal(record.watermark)}"
        final += f" AND {table.bucket} >= {table.truncated(table.typed(literal(record.watermark)))}"
    name = quote(table.name)
    ledger.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE duckdb_sketch_final AS SELECT DISTINCT {table.naive(table.bucket)} AS bucket "
        f"FROM {table.sql} WHERE {final}"
    )
    here = f"rollup = {name} AND batch = {batch}"
    ledger.connection.execute(
        f"UPDATE rollup_manifest.changes SET pane = 'on time' WHERE {here} AND pane = 'early' "
        "AND bucket IN (FROM duckdb_sketch_final)"
    )
    ledger.connection.execute(
        f"INSERT INTO rollup_manifest.changes SELECT {name}, {batch}, bucket, 'on time', 0 FROM duckdb_sketch_final "
        f"WHERE bucket NOT IN (SELECT bucket FROM rollup_manifest.changes WHERE {here})"
    )


def _is_late(table: Table, record: Record) -> str | None:
    """SQL that tells whether a row is for a bucket that was final before this batch; None if none was."""
    conditions = []
    if record.watermark is not None:
        conditions.append(f"{table.end(table.bucket)} <= {literal(record.watermark)}")
    if record.expired_before is not None:
        conditions.append(f"{table.naive(table.bucket)} < {literal(record.expired_before)}")
    return f"({' OR '.join(conditions)})" if conditions else None


def pane(table: Table, record: Record) -> str:
    """SQL of the pane of a change that is not the one that makes its bucket final."""
    late = _is_late(table, record)
    return f"CASE WHEN {late} THEN 'late' ELSE 'early' END" if late else "'early'"


def _merge(ledger: Ledger, record: Record, table: Table, staged: str) -> int:
    """Merge staged rows into a table and the levels above it; give how many events none of them has buckets for."""
    connection = ledger.connection
    name, number = quote(table.name), record.last_batch
    expired = "false"
    if record.expired_before is not None:
        expired = f"{table.naive(table.bucket)} < {literal(record.expired_before)}"
    bucket = table.naive(table.bucket)
    first, last = fetch_row(connection, f"SELECT min({bucket}), max({bucket}) FROM {staged} WHERE NOT ({expired})")
    if first is not None:
        low, high = table.typed(literal(first)), table.typed(literal(last))
        fresh = f"(SELECT {table.columns} FROM {staged} WHERE NOT ({expired}))"
        connection.execute(table.merge(fresh, low, high))
        connection.execute(
            f"INSERT INTO rollup_manifest.changes SELECT {name}, {number}, {bucket}, "
            f"{pane(table, record)}, sum({ROWS}) FROM {staged} WHERE NOT ({expired}) GROUP BY ALL"
        )
    (rows,) = fetch_row(connection, f"SELECT coalesce(sum({ROWS}), 0) FROM {staged} WHERE {expired}")
    left = int(rows)
    if not left:
        return 0
    # The bucket is gone, but the day that it was part of is not: the level's rows take these rows up directly.
    for child in ledger.children(table.name):
        level = table_of(ledger, child)
        coarse = f"{staged}_coarse"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {coarse} AS "
            f"{level.grouped(table, f', sum({ROWS}) AS {ROWS}')} FROM {staged} WHERE {expired} GROUP BY ALL"
        )
        absorbing = ledger.begin(child.name)
        gone = _merge(ledger, absorbing, level, coarse)
        ledger.add_batch(child.name, Batch(absorbing.last_batch, "level", rows=int(rows) - gone))
        left = min(left, gone)  # what is gone from a level is what is older than a time
    return left
