"""What a cube can be asked about: metrics and dimensions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb_sketch import families
from duckdb_sketch.cube.catalog import Catalog


@dataclass(frozen=True)
class Metric:
    """An aggregate over events that tables hold.

    Attributes:
        source: The table of events.
        sql: The aggregate.
        answers: The exact aggregates that it also answers, as estimates.
        tables: The rollups and levels that hold it.
    """

    source: str
    sql: str
    answers: tuple[str, ...]
    tables: tuple[str, ...]

    def __str__(self) -> str:
        answers = f" (answers {', '.join(self.answers)})" if self.answers else ""
        return f"{self.source}: {self.sql}{answers} in {', '.join(self.tables)}"


@dataclass(frozen=True)
class Dimension:
    """An expression over events that queries may group and filter by.

    Attributes:
        source: The table of events.
        sql: The expression.
        tables: The rollups and levels that have it.
    """

    source: str
    sql: str
    tables: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.source}: {self.sql} in {', '.join(self.tables)}"


def metrics_of(catalogs: Sequence[Catalog]) -> list[Metric]:
    """The metrics of all tables."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for catalog in catalogs:
        for table in catalog.tables:
            for metric in table.metrics:
                family = families.family_of(metric.state.aggregate)
                answers = tuple(family.answers) if family is not None else ()
                found.setdefault((catalog.source.name, str(metric.state), answers), []).append(table.name)
    return [Metric(source, sql, answers, tuple(tables)) for (source, sql, answers), tables in found.items()]


def dimensions_of(catalogs: Sequence[Catalog]) -> list[Dimension]:
    """The dimensions of all tables; the event time is one by whole buckets."""
    found: dict[tuple[str, str], list[str]] = {}
    for catalog in catalogs:
        for table in catalog.tables:
            for text in table.dimensions:
                found.setdefault((catalog.source.name, text), []).append(table.name)
    return [Dimension(source, sql, tuple(tables)) for (source, sql), tables in found.items()]


def words_of(catalogs: Sequence[Catalog]) -> list[str]:
    """Words to complete: tables of events, their columns, and dimensions."""
    words: dict[str, None] = {}
    for catalog in catalogs:
        words |= dict.fromkeys([catalog.source.name, *catalog.source.columns])
        words |= dict.fromkeys(text for table in catalog.tables for text in table.dimensions)
    return list(words)
