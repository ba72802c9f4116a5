"""SQL expressions in a form in which two that say the same compare equal. Pure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB


class _Writers(threading.local):
    """A generator for each thread: to make one takes longer than to write most expressions."""

    def __init__(self) -> None:
        self.plain = DuckDB().generator(comments=False, unsupported_level=sqlglot.ErrorLevel.IGNORE)


_WRITERS = _Writers()


def sql(node: exp.Expr) -> str:
    """An expression as DuckDB takes it."""
    return _WRITERS.plain.generate(node)


class Canonical:
    """Writes expressions over one table of events, whatever a statement calls the table.

    Names of columns are in lower case, as DuckDB does not tell x from X, and without the table's name.
    """

    def __init__(self, alias: str) -> None:
        self._table = alias.lower()
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
        plain = without_parens(node)
        if isinstance(plain, exp.Column) and _has_name(plain):
            table, name = self._table_of(plain), _identifier(plain.name.lower())
            return f"{_identifier(table)}.{name}" if table else name
        plain = plain.copy()
        for column in list(plain.find_all(exp.Column)):
            if _has_name(column):
                table = self._table_of(column)
                column.set("this", exp.to_identifier(column.name.lower()))
                column.set("table", exp.to_identifier(table) if table else None)
        return str(_WRITERS.plain.generate(plain, copy=False))

    def _table_of(self, column: exp.Column) -> str:
        """The table whose column it is; empty if that is the table of events, or not said."""
        table = column.table.lower()
        return "" if table == self._table else table


def _has_name(column: exp.Column) -> bool:
    return not isinstance(column.this, exp.Star) and not column.args.get("db")


@lru_cache(maxsize=10_000)
def _identifier(name: str) -> str:
    return sql(exp.to_identifier(name))


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
