"""The metric that a column of a statement is: an aggregate that merges. Pure."""

from __future__ import annotations

from sqlglot import exp

from duckdb_sketch.families import family_of
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.expand import is_expanded
from duckdb_sketch.rollup.specification.metric import Metric, mergeable, merges
from duckdb_sketch.rollup.specification.node_text import function_name, text_of
from duckdb_sketch.rollup.specification.select_column import SelectColumn, aggregates_in, arguments_of
from duckdb_sketch.rollup.specification.substitute import substitute_of

_EXPAND = "expand=True (--expand)"
_EXACT_TYPES = (*exp.DataType.INTEGER_TYPES, exp.DataType.Type.DECIMAL)


def metric_of(column: SelectColumn) -> Metric:
    """The metric that a column is.

    Raises:
        SpecificationError: If its aggregate does not merge.
    """
    written = text_of(column.expression)
    node = _without_cast(column.expression, written)
    condition = None
    if isinstance(node, exp.Filter):
        condition = text_of(node.expression.this)
        node = node.this
    if isinstance(node, (exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    if node not in aggregates_in(node) or len(list(aggregates_in(node))) > 1:
        raise SpecificationError(
            f"{written} is computed from an aggregate, and does not merge: store "
            f"{text_of(next(aggregates_in(node)))} by itself, and compute where you read it"
        )
    name = function_name(node)
    distinct = node.find(exp.Distinct)
    if distinct and name == "count":
        argument = ", ".join(text_of(item) for item in distinct.expressions)
        instead = substitute_of("count(DISTINCT)", argument)
        raise SpecificationError(f"{written} does not merge: write {instead}, or have it written with {_EXPAND}")
    if distinct:
        raise SpecificationError(f"{written} does not merge: write it without DISTINCT")
    if not merges(name):
        instead = substitute_of(name)
        written_for_you = f", or have it written with {_EXPAND}" if is_expanded(name) else ""
        advice = (
            f"write {instead}{written_for_you}" if instead else f"the aggregates that do are {', '.join(mergeable())}"
        )
        raise SpecificationError(f"{written} does not merge: {advice}")
    arguments = arguments_of(node)
    if name in ("min", "max") and any(value for key, value in node.args.items() if key != "this"):
        raise SpecificationError(f"{written}: a list of several values does not merge; write {name}(x)")
    _refuse_arguments(name, len(arguments), written)
    first = None if not arguments or isinstance(arguments[0], exp.Star) else text_of(arguments[0])
    return Metric(column.name, name, first, condition, _weight(name, arguments))


def _refuse_arguments(aggregate: str, count: int, written: str) -> None:
    family = family_of(aggregate)
    found = None if family is None else family.aggregate(aggregate)
    if found is not None and found.alone is not None and count > 1:
        raise SpecificationError(f"{written}: {found.alone}; write {found.call('x')}")


def _weight(aggregate: str, arguments: list[exp.Expr]) -> str | None:
    family = family_of(aggregate)
    found = None if family is None else family.aggregate(aggregate)
    return text_of(arguments[2]) if found is not None and found.weighted and len(arguments) > 2 else None


def _without_cast(node: exp.Expr, written: str) -> exp.Expr:
    """What is inside `coalesce(sum(x), 0)::BIGINT`: exact casts and a default of 0 merge as the sum itself does."""
    cast = False
    while True:
        if isinstance(node, exp.Paren):
            node = node.this
        elif isinstance(node, exp.Cast):
            cast = True
            if node.to.this not in _EXACT_TYPES:
                raise SpecificationError(
                    f"{written}: a cast after the aggregate rounds with every batch. Cast its argument, or where you "
                    "read it; only whole numbers and DECIMAL may be cast to here"
                )
            node = node.this
        elif isinstance(node, exp.Coalesce) and [text_of(default) for default in node.expressions] == ["0"]:
            cast = True
            node = node.this
        else:
            break
    inner = node.this if isinstance(node, exp.Filter) else node
    if cast and not isinstance(inner, (exp.Sum, exp.Count, exp.CountIf)):
        raise SpecificationError(
            f"{written}: only sum and count may be cast, or default to 0. Cast the argument instead"
        )
    return node
