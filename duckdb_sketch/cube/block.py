"""A SELECT over events, in whatever query it stands: its parts, as the planner looks at them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from duckdb_sketch.cube.answer import Call, Form, forms
from duckdb_sketch.cube.canonical import Canonical, conjuncts, sql, without_parens
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.grain import Grain, grain_of
from duckdb_sketch.cube.reason import Reason, RejectedError

_CLAUSES = ("expressions", "group", "having", "qualify", "order", "distinct", "windows")
_REFUSED = ("laterals", "pivots", "into", "match", "connect", "cluster", "sort", "distribute", "with_")


@dataclass
class Block:
    """A SELECT whose FROM is the table of events.

    Attributes:
        select: The SELECT; its parts are nodes of the query.
        source: The name of the table of events.
        alias: What the SELECT calls it.
        canonical: Writes its expressions.
        where: The parts of its WHERE.
        calls: The aggregates over events.
        joins: Canonical SQL of what is joined.
    """

    select: exp.Select
    source: str
    alias: str
    canonical: Canonical
    where: list[exp.Expr] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    joins: tuple[str, ...] = ()
    _forms: dict[int, list[Form]] = field(default_factory=dict)
    _grains: dict[int, Grain | None] = field(default_factory=dict)

    @staticmethod
    def of(select: exp.Select, functions: Functions, columns: frozenset[str]) -> Block:
        """Read a SELECT. Aliases in it are replaced by what they stand for.

        Args:
            select: The SELECT; it is changed.
            functions: DuckDB's functions.
            columns: The names of the events' columns, in lower case, which come before aliases.

        Raises:
            RejectedError: If no rollup can answer it.
        """
        table = select.args["from_"].this
        block = Block(select, table.name, table.alias_or_name, Canonical(table.alias_or_name))
        block._refuse()
        _number_groups(select)
        _expand_aliases(select, columns)
        block.where = list(conjuncts(select.args["where"].this)) if select.args.get("where") else []
        block.joins = tuple(block.canonical.text(join) for join in select.args.get("joins") or ())
        for root in block.roots():
            for node in _within(root):
                if functions.is_volatile(node):
                    raise RejectedError(Reason.VOLATILE, sql(node))
                if functions.is_opaque(node) and node.find(exp.Column):
                    raise RejectedError(Reason.NO_METRIC, f"the macro {sql(node)}")
                if functions.is_aggregate(node) and not _is_window(node):
                    block.calls.append(Call.of(node))
        for condition in block.where:
            if any(functions.is_volatile(node) for node in condition.walk()):
                raise RejectedError(Reason.VOLATILE, sql(condition))
        nested = [
            call for call in block.calls if any(other is not call and _holds(other, call) for other in block.calls)
        ]
        if nested:
            raise RejectedError(Reason.UNSUPPORTED, f"{nested[0]} within another aggregate")
        if not block.calls and not select.args.get("group") and not select.args.get("distinct"):
            raise RejectedError(Reason.NOT_AGGREGATED)
        return block

    def roots(self) -> Iterator[exp.Expr]:
        """The expressions over groups: all but WHERE and FROM."""
        for name in _CLAUSES:
            value = self.select.args.get(name)
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, exp.Expr):
                    yield part

    def forms(self, call: Call, kind: str) -> list[Form]:
        """The ways to answer one of its calls, which has a SQL type over the events."""
        if id(call.node) not in self._forms:
            self._forms[id(call.node)] = forms(call, self.canonical, kind)
        return self._forms[id(call.node)]

    def grain(self, node: exp.Expr) -> Grain | None:
        """The grain of one of its expressions; see `grain_of`."""
        if id(node) not in self._grains:
            self._grains[id(node)] = grain_of(without_parens(node))
        return self._grains[id(node)]

    def _refuse(self) -> None:
        select = self.select
        table = select.args["from_"].this
        if select.args.get("sample") or table.args.get("sample"):
            raise RejectedError(Reason.SAMPLED)
        for name in _REFUSED:
            if select.args.get(name):
                raise RejectedError(Reason.UNSUPPORTED, name.strip("_").upper())
        alias = table.args.get("alias")
        if table.args.get("pivots") or (alias and alias.args.get("columns")):
            raise RejectedError(Reason.UNSUPPORTED, sql(table))
        for item in select.expressions:
            if (item.find(exp.Star) and not item.find(exp.Count)) or isinstance(item, exp.Star):
                raise RejectedError(Reason.NOT_AGGREGATED, sql(item))
            if item.find(exp.Columns):
                raise RejectedError(Reason.UNSUPPORTED, sql(item))


def _within(root: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression, without those of subqueries."""
    yield root
    for child in root.iter_expressions():
        if not isinstance(child, exp.Query):
            yield from _within(child)


def _is_window(node: exp.Expr) -> bool:
    """Whether a function is that of a window, over results."""
    while isinstance(node.parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        node = node.parent
    return isinstance(node.parent, exp.Window) and node.parent.this is node


def _holds(outer: Call, inner: Call) -> bool:
    return any(node is inner.node for node in outer.node.walk())


def _number_groups(select: exp.Select) -> None:
    """Put the items themselves in place of their numbers in GROUP BY."""
    group = select.args.get("group")
    if not group:
        return
    for item in list(group.find_all(exp.Literal)):
        parent = item.parent
        while isinstance(parent, (exp.Cube, exp.Rollup, exp.GroupingSets, exp.Tuple, exp.Paren)):
            parent = parent.parent
        if (
            parent is group
            and not item.is_string
            and item.this.isdigit()
            and 0 < int(item.this) <= len(select.expressions)
        ):
            item.replace(select.expressions[int(item.this) - 1].unalias().copy())


def _expand_aliases(select: exp.Select, columns: frozenset[str]) -> None:
    """Put expressions in place of their aliases, but where ORDER BY names one."""
    aliases: dict[str, exp.Expr] = {}
    for item in select.expressions:
        _replace_aliases(item.this if isinstance(item, exp.Alias) else item, aliases, columns)
        if isinstance(item, exp.Alias):
            aliases.setdefault(item.alias.lower(), item.this)
    if not aliases:
        return
    for name in ("where", "group", "having", "qualify"):
        clause = select.args.get(name)
        if clause:
            _replace_aliases(clause, aliases, columns)
    order = select.args.get("order")
    for ordered in order.expressions if order else ():
        if not (isinstance(ordered.this, exp.Column) and not ordered.this.table and ordered.name.lower() in aliases):
            for column in ordered.find_all(exp.Column):
                if not column.table and column.name.lower() in aliases and column.name.lower() in columns:
                    raise RejectedError(Reason.UNSUPPORTED, f"{column.name} in ORDER BY is an alias and a column")
            _replace_aliases(ordered, aliases, columns)


def _replace_aliases(root: exp.Expr, aliases: dict[str, exp.Expr], columns: frozenset[str]) -> None:
    for node in list(_within(root)):
        if isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
            name = node.name.lower()
            if name in aliases and name not in columns and node.parent is not None:
                node.replace(exp.paren(aliases[name].copy()))
