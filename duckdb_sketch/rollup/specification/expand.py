"""Writing aggregates that do not merge as the metrics that answer them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from duckdb_sketch.families import answering
from duckdb_sketch.rollup.errors import SpecificationError

_AVERAGES = frozenset({"avg", "mean"})
_VARIANCES = frozenset({"stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"})


def is_expanded(aggregate: str) -> bool:
    """Whether an aggregate of this name is written as metrics."""
    return aggregate in _AVERAGES | _VARIANCES or any(True for _ in answering(aggregate))


def expand(statement: str) -> str:
    """A rollup's statement with mergeable metrics in place of `avg`, `stddev`, `median`, `count(DISTINCT x)` and so on.

    `avg(x) AS price` becomes `price_sum` and `price_count`, a standard deviation or variance also `price_squares`;
    a distinct count and a quantile become a sketch under their own name. A metric that two of them need comes once.

    Raises:
        SpecificationError: If the statement is not SQL.
    """
    try:
        select = sqlglot.parse_one(statement, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise SpecificationError(f"the statement is not SQL: {error}") from error
    if not isinstance(select, exp.Select):
        return statement
    items: dict[str, exp.Expr] = {}
    for item in select.expressions:
        for metric in _metrics(item):
            items.setdefault(_sql(metric.unalias()), metric)
    select.set("expressions", list(items.values()))
    return select.sql(dialect="duckdb", pretty=True, normalize_functions="lower")


def _metrics(item: exp.Expr) -> Iterator[exp.Expr]:
    """The metrics that answer an item; itself if it merges, or is a dimension."""
    node = item.unalias()
    condition = node.expression if isinstance(node, exp.Filter) else None
    function = node.this if condition is not None else node
    found = dict(_states(function))
    if not found:
        yield item
        return
    name = item.alias or re.sub(r"\W+", "_", _sql(function).lower()).strip("_")
    for suffix, text in found.items():
        metric = sqlglot.parse_one(text, dialect="duckdb")
        if condition is not None:
            metric = exp.Filter(this=metric, expression=condition.copy())
        yield exp.alias_(metric, f"{name}{suffix}")


def _states(function: exp.Expr) -> Iterator[tuple[str, str]]:
    """The aggregates that answer one that does not merge, each with the ending of its name."""
    if not isinstance(function, exp.Func):
        return
    name = _sql(function).partition("(")[0].lower()
    arguments = function.expressions if isinstance(function, exp.Anonymous) else [function.this]
    if not arguments or not isinstance(arguments[0], exp.Expr):
        return
    argument = arguments[0]
    if name == "count" and isinstance(argument, exp.Distinct) and len(argument.expressions) == 1:
        name, argument = "count(DISTINCT)", argument.expressions[0]
    text = _sql(argument)
    if name in _AVERAGES:
        yield from (("_sum", f"sum({text})"), ("_count", f"count({text})"))
    elif name in _VARIANCES:
        factor = f"({text})" if isinstance(argument, exp.Binary) else text
        yield from (("_sum", f"sum({text})"), ("_squares", f"sum({factor} * {factor})"), ("_count", f"count({text})"))
    else:
        for family, _ in answering(name):
            yield "", family.build.call(text)
            return


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb", comments=False, unsupported_level=sqlglot.ErrorLevel.IGNORE)
