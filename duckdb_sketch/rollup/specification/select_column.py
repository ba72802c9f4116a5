"""A column of a statement's SELECT list. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.metric import merges
from duckdb_sketch.rollup.specification.node_text import text_of
from duckdb_sketch.rollup.specification.substitute import substitute_of


@dataclass(frozen=True)
class SelectColumn:
    """One item of the SELECT list: its name, and the aggregate in it, if there is one."""

    name: str
    expression: exp.Expr
    aggregate: exp.Expr | None

    @staticmethod
    def of(item: exp.Expr) -> SelectColumn:
        """Read an item of a SELECT list.

        Raises:
            SpecificationError: If it is a star or a window, or has no name.
        """
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            raise SpecificationError("SELECT * is not supported in a rollup: name the dimensions and the metrics")
        expression = item.unalias()
        window = expression.find(exp.Window)
        if window:
            raise SpecificationError(
                f"{text_of(window)} is a window: it does not merge. Use it where you read the rollup"
            )
        aggregate = next(aggregates_in(expression), None)
        name = item.alias or (item.name if isinstance(item, exp.Column) else "")
        if not name:
            raise SpecificationError(f"{text_of(item)} has no name: write {text_of(item)} AS some_name")
        return SelectColumn(name, expression, aggregate)


def aggregates_in(expression: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregates in an expression, those included that do not merge."""
    for node in expression.walk():
        if isinstance(node, exp.AggFunc) or (
            isinstance(node, exp.Anonymous) and (merges(node.name.lower()) or substitute_of(node.name.lower()))
        ):
            yield node


def arguments_of(node: exp.Expr) -> list[exp.Expr]:
    """The arguments of an aggregate, in order; sqlglot knows some by name, as those of frequent items."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    return [value for value in (node.this, node.args.get("expression")) if isinstance(value, exp.Expr)]
