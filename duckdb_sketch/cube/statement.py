"""What the statement of a rollup says of events, in canonical SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.canonical import Canonical, conjuncts, sql, without_parens
from duckdb_sketch.cube.state import MetricColumn, state_of
from duckdb_sketch.rollup.ledger.records import RollupRecord
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.table import Table


@dataclass(frozen=True)
class Statement:
    """What the statement of a rollup says, which never changes."""

    specification: Specification
    dimensions: Mapping[str, str]
    metrics: Mapping[str, exp.Expr]
    where: frozenset[str]
    joins: tuple[str, ...]
    event: str


def read_statement(text: str) -> Statement:
    """Read the statement that a ledger keeps."""
    specification = Specification.parse(text)
    select = sqlglot.parse_one(specification.statement, dialect="duckdb")
    canonical = Canonical(specification.alias)
    metrics = {metric.name for metric in specification.metrics}
    items = {item.alias_or_name: item.unalias() for item in select.expressions}
    where = select.args.get("where")
    return Statement(
        specification=specification,
        dimensions={name: canonical.text(items[name]) for name in specification.columns if name not in metrics},
        metrics={name: items[name] for name in specification.columns if name in metrics},
        where=frozenset(canonical.text(part) for part in conjuncts(where.this if where else None)),
        joins=tuple(canonical.text(join) for join in select.args.get("joins") or ()),
        event=canonical.text(sqlglot.parse_one(specification.time.argument, dialect="duckdb")),
    )


def dimensions_of(statement: Statement, layout: Table, *, is_base: bool) -> dict[str, str]:
    """The columns that queries may group a table by, by the expression over events that each stands for."""
    found = {statement.dimensions[name]: name for name in layout.dimensions}
    if is_base:  # the bucket as the statement writes it, whatever its origin
        found[statement.dimensions[layout.time]] = layout.time
    return found


def metrics_of(statement: Statement, layout: Table) -> tuple[MetricColumn, ...]:
    """The metrics of a table, and what each is a state of."""
    canonical = Canonical(statement.specification.alias)
    found = []
    for name, expression in statement.metrics.items():
        node, defaulted = without_parens(expression), False
        while isinstance(node, (exp.Cast, exp.Coalesce, exp.Paren)):
            defaulted = defaulted or isinstance(node, exp.Coalesce)
            node = node.this
        found.append(MetricColumn(name, state_of(node, canonical), sql(node), layout.types[name], defaulted))
    return tuple(found)


def event_type_of(
    connection: duckdb.DuckDBPyConnection, statement: Statement, record: RollupRecord, layout: Table
) -> str:
    """The SQL type of the event time; that of the buckets where the statement's columns do not tell it."""
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in record.input_types.items())
    alias = identifier(statement.specification.alias)
    try:
        return describe(connection, f"SELECT {statement.event} AS t FROM (SELECT {columns}) AS {alias}")["t"]
    except duckdb.Error:
        return layout.types[layout.time]
