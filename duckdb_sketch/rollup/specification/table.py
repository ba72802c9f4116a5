"""The table of a rollup or of a coarser level, and the statements that keep it. Pure: SQL comes out, none is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.families import Family
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.specification import Specification

#: Columns beside those of the statement while a batch is in the making.
ROWS = "duckdb_sketch_rows"
LATEST = "duckdb_sketch_latest"
#: While rows are merged: the row of the table that they are merged with; NULL if there is none.
KNOWN = "duckdb_sketch_known"

_ZONED = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class Table:
    """A table with one row a bucket and group.

    Attributes:
        name: The table's name.
        time: The name of its column of truncated time.
        granularity: The width of its buckets.
        dimensions: The names of its other columns grouped by.
        metrics: Its columns with states.
        types: The SQL type of each column, in the table's order.
        shifted: SQL that follows the time in `time_bucket`, if its buckets are counted from an origin of their own.
    """

    name: str
    time: str
    granularity: Granularity
    dimensions: tuple[str, ...]
    metrics: tuple[Metric, ...]
    types: Mapping[str, str]
    shifted: str | None = None

    @staticmethod
    def of(specification: Specification, name: str, types: Mapping[str, str]) -> Table:
        """The table of a statement whose columns have `types`.

        Raises:
            SpecificationError: If the truncated time is not a DATE or timestamp.
        """
        time = specification.time
        if types[time.name] not in ("DATE", "TIMESTAMP", _ZONED):
            raise SpecificationError(
                f"{time.name} is {types[time.name]}: truncate a DATE, a TIMESTAMP or a TIMESTAMPTZ"
            )
        width = time.granularity
        shifted = None if time.shifted is None else f", {time.shifted}"
        if time.bucketed and shifted is None and types[time.name] == _ZONED and width.local:
            shifted = ""  # time_bucket counts from UTC, where date_trunc would in the zone
        return Table(name, time.name, width, specification.dimensions, specification.metrics, types, shifted)

    def coarser(self, name: str, every: Granularity, by: Sequence[str] | None) -> Table:
        """The table of a coarser level.

        Args:
            name: Its name.
            every: The width of its buckets.
            by: The dimensions that it keeps; None for all.

        Raises:
            SpecificationError: If this table's buckets do not nest in it, or there is no such dimension.
        """
        if every == self.granularity or not self.granularity.nests_in(every, zoned=self.zoned):
            zone = " in a time zone" if self.zoned else ""
            raise SpecificationError(
                f"{name}: a {every} is not made of whole buckets of {self.name}, which are a {self.granularity} "
                f"wide{zone}; coarsen what nests, such as hours to days, days to months"
            )
        if self.shifted is not None:
            raise SpecificationError(
                f"{name}: the buckets of {self.name} have an origin of their own, and may lie across those of a "
                f"{every}; to coarsen, write date_trunc, or leave the third argument of time_bucket out"
            )
        by = self.dimensions if by is None else by
        for dimension in by:
            if dimension not in self.dimensions:
                raise SpecificationError(
                    f"{name}: {self.name} has no dimension {dimension}; it has {', '.join(self.dimensions) or 'none'}"
                )
        time = every.unit if every.count == 1 else self.time
        if any(time.lower() == column.lower() for column in self.types if column != self.time):
            time = self.time
        kept = {self.time, *by, *(metric.name for metric in self.metrics)}
        types = {time if column == self.time else column: kind for column, kind in self.types.items() if column in kept}
        ordered = tuple(dimension for dimension in self.dimensions if dimension in by)
        return replace(self, name=name, time=time, granularity=every, dimensions=ordered, types=types)

    @property
    def zoned(self) -> bool:
        """Whether its buckets are TIMESTAMPTZ."""
        return self.types[self.time] == _ZONED

    @property
    def sql(self) -> str:
        """Its name as a SQL identifier."""
        return identifier(self.name)

    @property
    def bucket(self) -> str:
        """The name of its column of truncated time as a SQL identifier."""
        return identifier(self.time)

    @property
    def columns(self) -> str:
        """Its columns, as a SQL list."""
        return ", ".join(identifier(column) for column in self.types)

    def naive(self, time: str) -> str:
        """SQL for a time of this table as the ledger holds it: a TIMESTAMP, in UTC if the buckets have a zone."""
        return f"timezone('UTC', CAST({time} AS TIMESTAMPTZ))" if self.zoned else f"CAST({time} AS TIMESTAMP)"

    def typed(self, time: str) -> str:
        """SQL for a bucket of this table, from the ledger's TIMESTAMP."""
        naive = f"CAST({time} AS TIMESTAMP)"
        return f"timezone('UTC', {naive})" if self.zoned else f"CAST({naive} AS {self.types[self.time]})"

    def truncated(self, time: str) -> str:
        """SQL for the bucket that holds `time`."""
        start = self.granularity.truncated(time)
        if self.shifted is not None:
            start = f"time_bucket({self.granularity.interval}, {time}{self.shifted})"
        return f"CAST({start} AS {self.types[self.time]})"

    def bucket_of(self, time: str) -> str:
        """SQL for the start of the bucket that holds a time, both as the ledger holds times.

        Where clocks went back, DuckDB counts the hour before with the one after: a bucket may begin after its events.
        """
        return self.naive(self.truncated(self.typed(time)))

    def naive_truncated(self, time: object) -> str:
        """SQL for the start of the bucket that holds one of the ledger's times, as Python has it."""
        return self.bucket_of(literal(time))

    def end(self, bucket: str) -> str:
        """SQL for the end of a bucket, which it does not include, as the ledger holds times."""
        end = f"({bucket} + {self.granularity.interval})"
        if self.zoned and self.shifted is None and self.granularity.local:
            # A day without a midnight begins at one o'clock, and one of Lord Howe's hours is half an hour longer.
            start = self.truncated(end)
            end = f"CASE WHEN {start} = {bucket} THEN {end} + INTERVAL '30 minutes' ELSE least({end}, {start}) END"
        return self.naive(end)

    def create(self, name: str | None = None) -> str:
        """SQL that makes the table, or one like it of another name."""
        families = {metric.name: metric.family for metric in self.metrics}
        columns = ", ".join(
            f"{identifier(column)} {kind}{_stored(families.get(column))}" for column, kind in self.types.items()
        )
        return f"CREATE TABLE {identifier(name or self.name)} ({columns})"

    def merge(self, fresh: str, into: str, low: str, high: str) -> str:
        """SQL of rows merged with those of the same bucket and dimensions in a table: its columns, then `KNOWN`.

        Args:
            fresh: SQL of the rows, to follow FROM, with the columns of this table.
            into: The name of the table, which is this one or one like it.
            low: SQL of the first bucket in `fresh`.
            high: SQL of the last one.
        """
        on = [f"known.{self.bucket} = fresh.{self.bucket}"]
        # NULL is a group like any other.
        on += [f"known.{identifier(name)} IS NOT DISTINCT FROM fresh.{identifier(name)}" for name in self.dimensions]
        metrics = {metric.name: metric for metric in self.metrics}
        items = []
        for column, kind in self.types.items():
            name = identifier(column)
            if column in metrics:
                both = metrics[column].pair("known", "fresh")
                item = f"CASE WHEN {KNOWN} IS NULL THEN fresh.{name} ELSE {both} END"
                items.append(f"CAST({item} AS {kind}) AS {name}")
            else:
                items.append(f"fresh.{name}")
        # The rows that match are found by their keys alone: to read the states of all others takes most of the time.
        # The join finds the range out as well, but only once it has begun to read.
        matching = (
            f"SELECT known.rowid FROM {fresh} AS fresh JOIN {identifier(into)} AS known ON {' AND '.join(on)} "
            f"WHERE known.{self.bucket} BETWEEN {low} AND {high}"
        )
        known = f"SELECT *, rowid AS {KNOWN} FROM {identifier(into)} WHERE rowid IN ({matching})"
        matched = f"{fresh} AS fresh LEFT JOIN ({known}) AS known ON {' AND '.join(on)}"
        return f"SELECT {', '.join(items)}, {KNOWN} FROM {matched}"

    def grouped(self, finer: Table, extra: str = "") -> str:
        """SQL of this level's columns, made from the rows of a finer one; FROM, WHERE and GROUP BY ALL are to follow.

        Args:
            finer: The finer table.
            extra: More columns.
        """
        return self._merging(f"{self.truncated(finer.bucket)} AS {self.bucket}", extra)

    def merged(self, extra: str = "") -> str:
        """SQL of one row per group, of rows with this table's columns; FROM and GROUP BY ALL are to follow.

        Args:
            extra: More columns.
        """
        return self._merging(self.bucket, extra)

    def _merging(self, bucket: str, extra: str) -> str:
        metrics = {metric.name: metric for metric in self.metrics}
        items = []
        for column, kind in self.types.items():
            if column == self.time:
                items.append(bucket)
            elif column in metrics:
                # sum makes HUGEINT of BIGINT, and the table has BIGINT.
                items.append(f"CAST({metrics[column].group()} AS {kind}) AS {identifier(column)}")
            else:
                items.append(identifier(column))
        return f"SELECT {', '.join(items)}{extra}"


def _stored(family: Family | None) -> str:
    """How DuckDB keeps a column with the states of a family, as an option of the column."""
    return " USING COMPRESSION uncompressed" if family is not None and not family.compressed else ""


def literal(time: object) -> str:
    """A time of the ledger, as Python has it, as SQL."""
    return f"TIMESTAMP {quote(str(time))}"


def without_zone(time: datetime) -> datetime:
    """A time as the ledger holds times, which is in UTC if it has a zone."""
    return time if time.tzinfo is None else time.astimezone(timezone.utc).replace(tzinfo=None)
