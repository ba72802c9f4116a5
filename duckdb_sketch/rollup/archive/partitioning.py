"""The partitions of an export: which bucket is in which, and what their folders are called. Pure: SQL comes out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table, literal

# How much of 2013-10-28T05:15:30.000000 says where a partition of a unit begins. Longer units begin with a year.
_LENGTHS = {"week": 10, "day": 10, "month": 7, "quarter": 7, "hour": 13, "minute": 16, "second": 19}
_LENGTHS |= {"millisecond": 26, "microsecond": 26}
_YEAR = 4
_FIRST = "0001-01-01T00:00:00.000000"


@dataclass(frozen=True)
class Partitioning:
    """How a table is cut into partitions by time.

    A partition is known by its start as clocks show it: in the rollup's zone if its buckets are TIMESTAMPTZ. An hour
    that clocks show twice is one partition.

    Attributes:
        table: The table.
        width: The width of a partition.
        zone: The zone of its clocks; None if buckets have none.
    """

    table: Table
    width: Granularity
    zone: str | None

    @staticmethod
    def of(table: Table, width: str, zone: str | None) -> Partitioning:
        """The partitions of a table.

        Raises:
            SpecificationError: If the table's buckets do not nest in them.
        """
        partition = Granularity.parse(width)
        if not table.granularity.nests_in(partition, zoned=table.zoned):
            raise SpecificationError(
                f"{table.name}: its whole buckets ({table.granularity}) do not make up a partition ({partition}): "
                f"partition by what they nest in, as partition='{table.granularity}'"
            )
        return Partitioning(table, partition, (zone or "UTC") if table.zoned else None)

    @property
    def key(self) -> str:
        """What its folders' names begin with: a name that no column has, as readers make a column of it."""
        columns = {column.lower() for column in self.table.types}
        key = self.width.unit
        if key in columns:
            key = f"bucket_{key}"
        while key in columns:
            key += "_"
        return key

    def folder(self, start: datetime) -> str:
        """The name of the folder of the partition that begins at `start`: names sort as time does."""
        text = start.isoformat(timespec="microseconds")[: _LENGTHS.get(self.width.unit, _YEAR)]
        return f"{self.key}={text.replace(':', '-')}"

    def start(self, folder: str) -> datetime | None:
        """Where the partition in a folder begins; None if the folder's name is not one that `folder` gives."""
        match = re.fullmatch(rf"{re.escape(self.key)}=([\d.T-]+)", folder)
        if not match:
            return None
        day, _, time = match[1].partition("T")
        text = f"{day}T{time.replace('-', ':')}" if time else day
        try:
            start = datetime.fromisoformat(text + _FIRST[len(text) :])
        except ValueError:
            return None
        return start if self.folder(start) == folder else None

    def clock(self, bucket: str) -> str:
        """SQL for the start of the partition that holds a bucket of the table."""
        local = f"timezone({quote(self.zone)}, {bucket})" if self.zone else f"CAST({bucket} AS TIMESTAMP)"
        return f"CAST({self.width.truncated(local)} AS TIMESTAMP)"

    def holds(self, start: datetime) -> str:
        """SQL that tells whether a row of the table is in the partition that begins at `start`."""
        bucket = self.table.bucket
        # Clocks differ from UTC by a day at most. This is coarse, but lets DuckDB skip most of a table.
        low = self.table.typed(f"({literal(start)} - INTERVAL '1 day')")
        high = self.table.typed(f"({literal(start)} + {self.width.interval} + INTERVAL '1 day')")
        return f"{bucket} >= {low} AND {bucket} <= {high} AND {self.clock(bucket)} = {literal(start)}"

    def end(self, start: datetime) -> str:
        """SQL for the end of the partition that begins at `start`, as the ledger holds times."""
        clock = f"({literal(start)} + {self.width.interval})"
        return f"timezone('UTC', timezone({quote(self.zone)}, {clock}))" if self.zone else f"CAST({clock} AS TIMESTAMP)"
