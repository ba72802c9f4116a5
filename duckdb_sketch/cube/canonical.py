"""SQL expressions in a form in which two that say the same compare equal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp


def sql(node: exp.Expr) -> str:
    """An expression as DuckDB takes it."""
    return node.sql(dialect="duckdb", comments=False, unsupported_level=sqlglot.ErrorLevel.IGNORE)


class Canonical:
    """Writes expressions over one table of events, whatever a statement calls the table.

    Names of columns are in lower case, as DuckDB does not tell x from X, and without the table's name.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias.lower()
        self._texts: dict[int, str] = {}
        self._kept: list[exp.Expr] = []  # an id is that of one node only while the node is alive

    def text(self, node: exp.Expr) -> str:
        """The canonical text of an expression."""
        known = self._texts.get(id(node))
        if known is None:
            known = self._texts[id(node)] = self._text(node)
            self._kept.append(node)
        return known

    def _text(self, node: exp.Expr) -> str:
        plain = without_parens(node).copy()
        columns = [plain] if isinstance(plain, exp.Column) else list(plain.find_all(exp.Column))
        for column in columns:
            if isinstance(column.this, exp.Star):
                continue
            name = exp.to_identifier(column.name.lower())
            qualifier = column.table.lower()
            table = exp.to_identifier(qualifier) if qualifier and qualifier != self._alias else None
            column.set("this", name)
            column.set("table", table)
        return sql(plain)


def without_parens(node: exp.Expr) -> exp.Expr:
    """What is inside parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The parts of a condition that all have to hold."""
    if condition is None:
        return
    condition = without_parens(condition)
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.this)
        yield from conjuncts(condition.expression)
    else:
        yield condition
