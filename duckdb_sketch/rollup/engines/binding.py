"""What a statement makes of events: the table of its rollup."""

from __future__ import annotations

import duckdb

from duckdb_sketch._hints import hint
from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.specification.specification import Specification, over
from duckdb_sketch.rollup.specification.table import Table

#: The types whose text and days depend on the session's time zone.
_ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", "TIMESTAMP_NS WITH TIME ZONE")
#: Functions of DuckDB itself that are not aggregates. To ask whether others are takes longer than all else here.
_SCALARS = frozenset(
    (
        *("abs", "cast", "ceil", "coalesce", "concat", "contains", "date_part", "date_trunc", "epoch", "extract"),
        *("floor", "greatest", "hash", "if", "least", "length", "ln", "lower", "nullif", "replace", "round"),
        *("split_part", "starts_with", "strftime", "strptime", "substr", "substring", "time_bucket", "timezone"),
        *("trim", "try_cast", "upper"),
    )
)


def bind(specification: Specification, name: str, zone: str | None, events: Events) -> Table:
    """The table that a statement makes of events.

    Args:
        specification: The statement.
        name: What the table is to be called.
        zone: In which TIMESTAMPTZ are truncated; None if that is not said.
        events: The events, none of which is read.

    Raises:
        SpecificationError: If DuckDB does not take the statement, or time zones are not said.
    """
    specification = specification.typed(events.types)
    _refuse_unknown_aggregates(events.connection, specification)
    sums = {metric.name: f"sum({metric.argument})" for metric in specification.metrics if metric.aggregate == "sum"}
    extra = [f"{text} AS {identifier(f'{column} bare')}" for column, text in sums.items()]
    event = f"max({specification.event()}) AS {identifier('event time')}"
    try:
        columns = describe(events.connection, over(events.columns, specification.aggregate((*extra, event))))
        if sketches := specification.of_nothing():
            fetch(events.connection, over(events.columns, sketches))
    except duckdb.Error as error:
        text = f"{name}: {error} (with the columns of {events.culprit()})"
        raise SpecificationError(text + hint(str(error))) from error
    argument = columns.pop("event time")
    bare = {column: columns.pop(f"{column} bare") for column in sums}
    table = Table.of(specification, name, columns)
    _refuse_rounding(table, bare)
    if zone is None and (table.zoned or argument in _ZONED or _is_cast_from_zone(events, specification)):
        raise SpecificationError(
            f"{table.time} is truncated from a TIMESTAMPTZ, and its hours and days depend on the time zone: "
            "give one, such as time_zone='UTC' or --time-zone Europe/Berlin"
        )
    return table


def _is_cast_from_zone(events: Events, specification: Specification) -> bool:
    """Whether the event time was cast from a TIMESTAMPTZ before it was truncated, in whichever zone the session has."""
    casts = {f"cast {number}": text for number, text in enumerate(specification.cast_times())}
    if not casts:
        return False
    extra = tuple(f"max({text}) AS {identifier(name)}" for name, text in casts.items())
    types = describe(events.connection, over(events.sql, specification.aggregate(extra)))
    return any(types[name] in _ZONED for name in casts)


def _refuse_unknown_aggregates(connection: duckdb.DuckDBPyConnection, specification: Specification) -> None:
    others = {name for name in specification.functions if name.isidentifier()} - specification.aggregates - _SCALARS
    if not others:
        return
    names = fetch(connection, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'")
    unknown = others & {name for (name,) in names}
    if unknown:
        raise SpecificationError(f"{min(unknown)} is an aggregate that does not merge")


def _refuse_rounding(table: Table, bare: dict[str, str]) -> None:
    """See that what is cast after its sum has been exact: `sum(x)::BIGINT` of DOUBLE would round with every batch."""
    for name, plain in bare.items():
        cast = table.types[name]
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
