"""Comparing one metric: SQL of whether stored values are those that the files make, and how far estimates are off.

In the table of compared rows, a metric has a stored value `s<index>`, one made from the files `m<index>`, and a column
for each exact aggregate beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from duckdb_sketch.families import DistinctCount, Distribution, Family, Number, Ranking
from duckdb_sketch.rollup.query import fetch, fetch_row
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.table import Table
from duckdb_sketch.rollup.verification.verified import (
    Difference,
    DistinctColumn,
    DistributionColumn,
    QuantileError,
    VerifiedColumn,
)

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

#: The table of compared rows.
COMPARED = "duckdb_sketch_compared"

_ASKED = "duckdb_sketch_asked"
_CLOSE = 1e-9  # relative
_BRIEF = {"count": "UBIGINT", "min": "DOUBLE", "max": "DOUBLE", "non_finite": "UBIGINT"}

Detail = Callable[[duckdb.DuckDBPyConnection, VerifiedColumn], VerifiedColumn]


@dataclass(frozen=True)
class Comparison:
    """How one metric is compared.

    Attributes:
        same: SQL of whether the stored value is what the files say.
        stored: SQL of what to show of the stored value.
        made: SQL of what to show of what the files say.
        detail: What else is found of the metric, given what was found so far; nothing by default.
    """

    same: str
    stored: str
    made: str
    detail: Detail = lambda _, column: column


def extra(index: int, name: str) -> str:
    """The name of the column that has an exact aggregate of a metric."""
    return f"duckdb_sketch_{name}_{index}"


def extras_of(metric: Metric, table: Table) -> Mapping[str, str]:
    """Aggregates that say exactly what a metric estimates, over `{x}`, by short names."""
    family = metric.family
    if family is not None:
        if metric.aggregate != family.build.name:
            return {}
        reading = family.reading
        if isinstance(reading, Ranking):
            return {"count": reading.exact_weighted if metric.weight else reading.exact}
        return {"count": reading.exact} if isinstance(reading, DistinctCount) else reading.exact
    if metric.aggregate == "sum" and table.types[metric.name] == "DOUBLE":
        # Numbers that cancel each other leave an error that is small beside them, not beside what is left.
        return {"scale": "sum(abs({x}))"}
    return {}


def comparison_of(index: int, metric: Metric, table: Table) -> Comparison:
    """How a metric is compared, the `index`th of the table."""
    stored, made = f"s{index}", f"m{index}"
    family = metric.family
    if family is None:
        same = f"({stored} IS NOT DISTINCT FROM {made})"
        if extras_of(metric, table):
            scale = f"greatest(abs({stored}), abs({made}), {extra(index, 'scale')})"
            same = f"({same} OR coalesce(abs({stored} - {made}) <= {_CLOSE} * {scale}, false))"
        return Comparison(same, stored, made)
    built = metric.aggregate == family.build.name
    if isinstance(family.reading, DistinctCount):
        return _of_distinct(index, family, family.reading, built)
    if isinstance(family.reading, Distribution):
        return _of_distribution(index, family.reading, built)
    if isinstance(family.reading, Ranking):
        return _of_ranking(index, family, family.reading, built)
    return _of_number(index, family, family.reading)


def _of_distinct(index: int, family: Family, reading: DistinctCount, built: bool) -> Comparison:
    stored = f"TRY({reading.estimate.format(state=f's{index}')})"
    if not built:
        return Comparison(_same(index, family), stored, reading.estimate.format(state=f"m{index}"))

    def detail(connection: duckdb.DuckDBPyConnection, column: VerifiedColumn) -> VerifiedColumn:
        return _distinct(connection, column, index, reading)

    return Comparison(_same(index, family), stored, extra(index, "count"), detail)


def _of_distribution(index: int, reading: Distribution, built: bool) -> Comparison:
    stored = _brief(f"TRY({reading.stats.format(state=f's{index}')})")
    if not built:
        made = _brief(reading.stats.format(state=f"m{index}"))
        return Comparison(f"({stored} IS NOT DISTINCT FROM {made})", stored, made)

    def detail(connection: duckdb.DuckDBPyConnection, column: VerifiedColumn) -> VerifiedColumn:
        return _distribution(connection, column, index, reading)

    made = _packed({name: extra(index, name) for name in _BRIEF})
    return Comparison(f"({stored} IS NOT DISTINCT FROM {made})", stored, made, detail)


def _of_number(index: int, family: Family, reading: Number) -> Comparison:
    stored, made = (f"TRY({reading.number.format(state=f'{side}{index}')})" for side in "sm")
    return Comparison(_same(index, family), stored, made)


def _of_ranking(index: int, family: Family, reading: Ranking, built: bool) -> Comparison:
    """How many values, as the items and their counts are too many to show."""
    stored, made = (f"TRY({reading.total.format(state=f'{side}{index}')})" for side in "sm")
    same = _same(index, family)
    if not built:
        return Comparison(same, stored, made)
    count = f"coalesce({extra(index, 'count')}, 0)"  # a sum of no weights is NULL
    return Comparison(f"({same} AND coalesce({stored} = {count}, false))", stored, count)


def _same(index: int, family: Family) -> str:
    return f"coalesce(TRY({family.same.format(a=f's{index}', b=f'm{index}')}), false)"


def _distinct(
    connection: duckdb.DuckDBPyConnection, column: VerifiedColumn, index: int, reading: DistinctCount
) -> DistinctColumn:
    """How far the estimates of distinct counts are off."""
    exact, stored = extra(index, "count"), f"s{index}"

    def bounds(deviations: int) -> str:
        return f"TRY({reading.bounds.format(state=stored, deviations=deviations)})"

    def within(deviations: int) -> str:
        return f"count(*) FILTER ({exact} BETWEEN {bounds(deviations)}.lower AND {bounds(deviations)}.upper)"

    error = f"abs({bounds(1)}.estimate - {exact}) / {exact}"
    mean, worst, expected, *found = fetch_row(
        connection,
        f"SELECT avg({error}) FILTER ({exact} > 0), max({error}) FILTER ({exact} > 0), "
        f"max(TRY({reading.standard_error.format(state=stored)})), {within(2)}, {within(3)} "
        f"FROM {COMPARED} WHERE stored AND made",
    )
    return DistinctColumn(*_fields(column), mean, worst, expected, *found)


def _distribution(
    connection: duckdb.DuckDBPyConnection, column: VerifiedColumn, index: int, reading: Distribution
) -> DistributionColumn:
    """How far the estimates of quantiles are off."""
    count, values, stored = extra(index, "count"), extra(index, "values"), f"s{index}"
    # As the extension has it: a rank that is whole but for rounding is whole.
    rank = f"(q * {count})"
    whole = f"CASE WHEN abs({rank} - round({rank})) <= {count} * pow(2, -50) THEN round({rank}) ELSE {rank} END"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ASKED} AS SELECT id, q, {count} AS n, "
        f"TRY({reading.quantile.format(state=stored, q='q')}) AS estimate, "
        f"TRY({reading.bounds.format(state=stored, q='q')}) AS bounds, "
        f"sorted[greatest(ceil({whole}), 1)::BIGINT] AS exact "
        f"FROM (SELECT *, list_sort({values}, 'ASC', 'NULLS LAST') AS sorted FROM {COMPARED}), "
        f"(SELECT unnest({list(QUANTILES)}::DOUBLE[]) AS q) "
        f"WHERE stored AND made AND {count} > 0"
    )
    # What was computed from a mean may miss a value by its last digit.
    slack = f"{_CLOSE} * greatest(abs(exact), abs(bounds.lower), abs(bounds.upper))"
    inside = f"exact BETWEEN bounds.lower - {slack} AND bounds.upper + {slack}"
    rows = fetch(
        connection,
        "SELECT q, count(*), avg(error), max(error), count(*) FILTER (abs(estimate - exact) <= "
        f"{_CLOSE} * abs(exact)), count(*) FILTER ({inside}) "
        "FROM (SELECT asked.*, greatest(below / n - q, q - up_to / n, 0) AS error "
        f"FROM {_ASKED} AS asked LEFT JOIN (SELECT id, q, count(*) FILTER (value < estimate) AS below, "
        f"count(*) FILTER (value <= estimate) AS up_to FROM {_ASKED} JOIN (SELECT id, unnest({values}) AS value "
        f"FROM {COMPARED}) USING (id) WHERE estimate IS NOT NULL GROUP BY ALL) AS ranked USING (id, q)) "
        "GROUP BY q ORDER BY q",
    )
    return DistributionColumn(*_fields(column), tuple(QuantileError(*row) for row in rows))


def _brief(stats: str) -> str:
    return f"CASE WHEN {stats} IS NOT NULL THEN {_packed({name: f'{stats}.{name}' for name in _BRIEF})} END"


def _packed(values: Mapping[str, str]) -> str:
    items = (f"{name}: CAST({values[name]} AS {kind})" for name, kind in _BRIEF.items())
    return f"{{{', '.join(items)}}}"


def _fields(column: VerifiedColumn) -> tuple[str, str, int, int, Difference | None]:
    return column.name, column.aggregate, column.groups, column.differ, column.example
