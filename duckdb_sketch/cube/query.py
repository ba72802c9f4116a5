"""A query, parsed: which tables of events it reads, and in which SELECTs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import quote
from duckdb_sketch.cube.errors import CubeError

Parameters = Sequence[Any] | dict[str, Any] | None


def parse(text: str, parameters: Parameters = None) -> exp.Query | None:
    """Read one query, with its parameters in place; None if it is SQL that is not read here.

    Raises:
        CubeError: If a parameter is missing.
    """
    query = parse_template(text)
    if query is not None and ("?" in text or "$" in text):
        _place(query, parameters)
    return query


def parse_template(text: str) -> exp.Query | None:
    """Read one query, with its parameters as they are; None if it is SQL that is not read here."""
    try:
        statements = [statement for statement in sqlglot.parse(text, dialect="duckdb") if statement is not None]
    except sqlglot.errors.SqlglotError:
        return None
    statement = statements[0] if statements else None
    if not isinstance(statement, exp.Query):
        return None
    for node in statement.walk():
        node._meta = None  # where it was in the text, which takes most of the time of each copy
    return statement


def without_semicolon(text: str) -> str:
    """A query without the semicolons that end it, so that it can stand in brackets."""
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return text
    end = len(text)
    for token in reversed(tokens):
        if token.token_type is not sqlglot.TokenType.SEMICOLON:
            break
        end = token.start
    return text[:end]


def event_tables(query: exp.Expr, names: Collection[str]) -> list[exp.Table]:
    """The places where a query reads tables of events, the innermost first."""
    found = [
        table
        for table in query.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier)
        and not table.args.get("db")
        and table.name.lower() in names
        and not _is_common_table(table)
    ]
    return sorted(found, key=_depth, reverse=True)


def block_of(table: exp.Table) -> exp.Select | None:
    """The SELECT whose FROM is a table; None if the table is joined to something else."""
    clause = table.parent
    if isinstance(clause, exp.From) and isinstance(clause.parent, exp.Select):
        return clause.parent
    return None


def name_columns(query: exp.Query, names: Sequence[str]) -> None:
    """Give the columns of a query the names that it gives them by itself, which what is read instead would change.

    Args:
        query: The query.
        names: The names of its columns.
    """
    first: exp.Expr = query
    while isinstance(first, (exp.SetOperation, exp.Subquery)):
        first = first.this
    if not isinstance(first, exp.Select) or len(first.expressions) != len(names):
        return
    source = first.args.get("from_")
    reads_table = source is not None and isinstance(source.this, exp.Table)  # whose SELECT the planner sees to
    for item, name in zip(list(first.expressions), names, strict=True):
        if isinstance(item, (exp.Alias, exp.Column, exp.Star)) or item.find(exp.Columns):
            continue
        if not reads_table or item.find(exp.Query):
            alias = exp.Alias(alias=exp.to_identifier(name, quoted=True))
            item.replace(alias)
            alias.set("this", item)


def _depth(node: exp.Expr) -> int:
    depth = 0
    while node.parent is not None:
        node, depth = node.parent, depth + 1
    return depth


def _is_common_table(table: exp.Table) -> bool:
    """Whether a WITH around a table defines its name."""
    name = table.name.lower()
    inside: exp.Expr = table
    node = table.parent
    while node is not None:
        with_ = node.args.get("with_")
        for common in with_.expressions if with_ and with_ is not inside else ():
            if common.alias.lower() == name:
                return True
        if isinstance(node, exp.With):
            for common in node.expressions:
                if common is inside and not node.args.get("recursive"):
                    break
                if common.alias.lower() == name:
                    return True
        inside, node = node, node.parent
    return False


def _place(query: exp.Query, parameters: Parameters) -> None:
    """Put values in place of parameters: `?`, `$1`, `$name`."""
    marks = list(query.find_all(exp.Placeholder, exp.Parameter))
    for index, mark in enumerate(marks):
        name = (mark.name if isinstance(mark, exp.Placeholder) else mark.this.name).strip("?")
        try:
            if isinstance(parameters, dict):
                value = parameters[name]
            else:
                value = (parameters or ())[int(name) - 1 if name else index]
        except (KeyError, IndexError, ValueError):
            raise CubeError(f"parameter {name or index + 1} of the query has no value") from None
        mark.replace(sqlglot.parse_one(_literal(value), dialect="duckdb"))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"CAST({quote(str(value))} AS DOUBLE)" if isinstance(value, float) else str(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
        return f"CAST({quote(value.isoformat(' '))} AS {kind})"
    if isinstance(value, date):
        return f"CAST({quote(value.isoformat())} AS DATE)"
    if isinstance(value, time):
        return f"CAST({quote(value.isoformat())} AS TIME)"
    if isinstance(value, timedelta):
        return f"to_microseconds({value // timedelta(microseconds=1)})"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        return quote(value)
    raise CubeError(f"a parameter is a {type(value).__name__}: give a number, a text, a time, or a list of these")
