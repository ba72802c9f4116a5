"""Common table expressions: WITH is written out, so that a statement is one SELECT over one table of events. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from duckdb_sketch.rollup.errors import SpecificationError

# What makes of rows something that does not merge, or depends on more rows than one.
_CLAUSES = ("group", "having", "qualify", "distinct", "limit", "offset", "sample", "windows", "order", "with_")


def without_common_tables(select: exp.Select) -> exp.Select:
    """A statement without WITH: what FROM names is written into it, what it joins becomes a subquery.

    Raises:
        SpecificationError: If a row of the events' table depends on other rows, or a table on itself.
    """
    with_ = select.args.get("with_")
    if with_ is None:
        return select
    if with_.args.get("recursive"):
        raise SpecificationError("WITH RECURSIVE is not supported here: create a table from it, and join that")
    select = select.copy()
    select.set("with_", None)
    tables: dict[str, exp.Expr] = {}
    for table in with_.expressions:
        if table.args["alias"].args.get("columns"):
            raise SpecificationError(f"WITH {table.alias}(…): name its columns with AS")
        tables[table.alias.lower()] = _joined(table.this.copy(), tables)
    while (name := _first(select)) in tables:
        inner = tables[name]
        if not isinstance(inner, exp.Select):
            raise SpecificationError(f"WITH {name}: the table of events has to be one SELECT of rows")
        select = _merged(select, inner.copy(), name)
    _joined(select, tables)
    return select


def _first(select: exp.Select) -> str:
    """The name of the table that FROM begins with, in lower case."""
    source = select.args.get("from_")
    table = source.this if source else None
    named = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier) and not table.db
    return str(table.name).lower() if named and table is not None else ""


def _joined(query: exp.Expr, tables: Mapping[str, exp.Expr]) -> exp.Expr:
    """A query in which the tables of WITH are subqueries, but for the first of FROM."""
    source = query.args.get("from_")
    first = source.this if source else None
    for table in list(query.find_all(exp.Table)):
        known = tables.get(table.name.lower()) if not table.db and isinstance(table.this, exp.Identifier) else None
        if known is not None and table is not first:
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
            table.replace(exp.Subquery(this=known.copy(), alias=alias))
    return query


def _merged(outer: exp.Select, inner: exp.Select, name: str) -> exp.Select:
    """A statement over what `inner` selects from, in which the columns of `inner` are written out."""
    for clause in _CLAUSES:
        if inner.args.get(clause):
            raise SpecificationError(
                f"WITH {name}: only SELECT, FROM, JOIN and WHERE are taken where events come from: its rows would "
                "depend on the batch that they are counted in"
            )
    if inner.find(exp.Window, exp.AggFunc):
        raise SpecificationError(f"WITH {name}: an aggregate or a window there would depend on the batch")
    alias = outer.args["from_"].this.alias_or_name.lower()
    columns, everything = _columns(inner, name)
    for item in outer.expressions:
        if isinstance(item, exp.Column):
            item.replace(exp.alias_(item.copy(), item.name))
    for column in list(outer.find_all(exp.Column)):
        table = column.table.lower()
        if table not in ("", alias):
            continue
        if column.name.lower() in columns:
            written = columns[column.name.lower()].copy()
            column.replace(written if isinstance(written, exp.Column) else exp.paren(written))
        elif table and everything:
            column.set("table", None)
        elif table:
            raise SpecificationError(f"WITH {name}: it has no column {column.name}")
    outer.set("from_", inner.args["from_"])
    outer.set("joins", [*(inner.args.get("joins") or ()), *(outer.args.get("joins") or ())])
    condition = inner.args.get("where")
    return outer.where(exp.paren(condition.this)) if condition else outer


def _columns(inner: exp.Select, name: str) -> tuple[dict[str, exp.Expr], bool]:
    """The columns that a SELECT names, and whether it has all others of its table as well."""
    columns: dict[str, exp.Expr] = {}
    everything = False
    for item in inner.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            star = item if isinstance(item, exp.Star) else item.this
            if any(star.args.get(each) for each in ("except_", "replace", "rename", "except")):
                raise SpecificationError(f"WITH {name}: name the columns that it selects instead of * with EXCLUDE")
            everything = True
        elif not item.alias_or_name:
            raise SpecificationError(f"WITH {name}: {item.sql(dialect='duckdb')} has no name: write AS some_name")
        else:
            columns[item.alias_or_name.lower()] = item.unalias()
    return columns, everything
