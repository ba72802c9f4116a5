"""What is studied: some raw rows, their rollup, and what is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import duckdb


@dataclass(frozen=True)
class Question:
    """One question, in SQL over `raw` and over `rollup`.

    Attributes:
        name: As in the tables.
        exact: Over the raw rows.
        approximate: Over the raw rows, by sketches; the same as `exact` where sums are all it takes.
        rolled_up: Over the rollup's rows.
        answer: The column of the answer that is compared; the others only label it.
    """

    name: str
    exact: str
    approximate: str
    rolled_up: str
    answer: int = 0


class Subject(ABC):
    """Raw rows with a time, some dimensions, something to count distinct values of, and a number."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    time: ClassVar[str]
    dimensions: ClassVar[tuple[str, ...]]
    counted: ClassVar[str]
    """The column whose distinct values are counted."""
    measured: ClassVar[str]
    """The number that is summed, and whose distribution is kept."""

    @abstractmethod
    def recipe(self) -> str:
        """What the raw rows are made from: rows of another recipe are made again."""

    @abstractmethod
    def write_raw(self, parquet: Path) -> None:
        """Write the raw rows, in the order of their time, compressed with zstd."""

    @abstractmethod
    def questions(self) -> list[Question]:
        """A full count, a grouped top-N, a filtered distribution."""

    def keys(self, unit: str) -> str:
        """The grouping columns of a rollup of `raw` by a unit of time."""
        return f"date_trunc('{unit}', {self.time}) AS {self.time}, {', '.join(self.dimensions)}"

    def roll_up_raw(self, unit: str, raw: str) -> str:
        """The SELECT that rolls raw rows up."""
        return f"""
            SELECT {self.keys(unit)}, {self.sums()},
                hll_sketch_agg({self.counted}) AS counted,
                approx_histogram_agg({self.measured}) AS distribution
            FROM {raw} GROUP BY ALL ORDER BY ALL
        """

    def sums(self) -> str:
        return f"count(*) AS n, sum({self.measured}) AS total"

    def roll_up_again(self, unit: str, rollup: str) -> str:
        """The SELECT that rolls a finer rollup up to a coarser one."""
        return f"""
            SELECT {self.keys(unit)}, sum(n)::BIGINT AS n, sum(total) AS total,
                hll_union_agg(counted) AS counted,
                approx_histogram_union_agg(distribution) AS distribution
            FROM {rollup} GROUP BY ALL ORDER BY ALL
        """

    def days(self, con: duckdb.DuckDBPyConnection) -> Iterator[str]:
        """A condition for each day of `raw`, so that a rollup takes the memory of one day."""
        bounds = f"SELECT min({self.time})::DATE, max({self.time})::DATE FROM raw"
        days = f"SELECT unnest(range(a, b + 1, INTERVAL 1 DAY))::DATE FROM ({bounds}) t(a, b)"
        for (day,) in con.execute(days).fetchall():
            yield f"{self.time} >= DATE '{day}' AND {self.time} < DATE '{day}' + INTERVAL 1 DAY"
