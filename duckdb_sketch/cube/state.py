"""The state of an aggregate over events: what a metric holds, and what a query needs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch import families
from duckdb_sketch.cube.canonical import Canonical, conjuncts, without_parens
from duckdb_sketch.cube.functions import name_of


@dataclass(frozen=True)
class State:
    """Which values are in a state, and what of them it keeps. Two states that are equal merge.

    Attributes:
        aggregate: The aggregate's name in DuckDB.
        argument: Canonical SQL of its first argument; None for `count(*)`.
        parameters: Canonical SQL of its other arguments, such as `lg_k`; none if they are the usual ones.
        condition: Canonical SQL of the parts of its FILTER.
        weight: Canonical SQL of how often a value counts; None if once.
    """

    aggregate: str
    argument: str | None
    parameters: tuple[str, ...] = ()
    condition: frozenset[str] = frozenset()
    weight: str | None = None

    def arguments(self, first: str) -> str:
        """SQL of the arguments of its aggregate, the first one as given."""
        if self.weight is None:
            return ", ".join([first, *self.parameters])
        family = families.family_of(self.aggregate)
        usual = [] if family is None or family.build.default is None else [family.build.default]
        return ", ".join([first, *(self.parameters or usual), self.weight])

    def __str__(self) -> str:
        arguments = self.arguments(self.argument or "*")
        where = f" FILTER (WHERE {' AND '.join(sorted(self.condition))})" if self.condition else ""
        return f"{self.aggregate}({arguments}){where}"


@dataclass(frozen=True)
class MetricColumn:
    """A column of a rollup that holds a state.

    Attributes:
        name: The column's name.
        state: What it holds.
        sql: The aggregate over events that makes it, as the rollup's statement has it.
        type: Its SQL type.
        defaulted: Whether it is 0, and not NULL, where there is no value.
    """

    name: str
    state: State
    sql: str
    type: str
    defaulted: bool = False


def state_of(node: exp.Expr, canonical: Canonical) -> State:
    """The state that an aggregate of a rollup's statement holds, without the casts around it."""
    condition: list[exp.Expr] = []
    if isinstance(node, exp.Filter):
        condition = list(conjuncts(node.expression.this))
        node = node.this
    if isinstance(node, (exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    name = name_of(node)
    arguments = arguments_of(node)
    name = "count_if" if name == "countif" else name
    if name == "count" and arguments and isinstance(arguments[0], (exp.Star, exp.Literal)):
        arguments = []
    family = families.family_of(name)
    build = family.build if family is not None and name == family.build.name else None
    if family is not None and build is not None and takes_doubles(family) and arguments:
        arguments[0] = without_double(arguments[0])
    first = canonical.text(arguments[0]) if arguments else None
    others = tuple(canonical.text(argument) for argument in arguments[1:])
    weight = None
    if build is not None and build.weighted and len(others) > 1:
        others, weight = others[:1], others[1]
    others = () if build is not None and others == (build.default,) else others
    return State(name, first, others, frozenset(canonical.text(part) for part in condition), weight)


def arguments_of(node: exp.Expr) -> list[exp.Expr]:
    """All arguments of an aggregate, in order."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found: list[exp.Expr] = []
    for value in node.args.values():
        found += [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, exp.Expr)]
    if found and isinstance(node, (exp.LogicalAnd, exp.LogicalOr)) and isinstance(found[0], exp.Cast):
        found[0] = found[0].this  # which sqlglot casts to BOOLEAN when it writes it
    return [] if found and isinstance(found[0], exp.Star) else found


def takes_doubles(family: families.Family) -> bool:
    """Whether the values in the states of a family are DOUBLEs, whatever the column's type."""
    return family.build.argument == "DOUBLE"


def without_double(node: exp.Expr) -> exp.Expr:
    """What is cast to DOUBLE, which a histogram does with each value anyway."""
    node = without_parens(node)
    while isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DOUBLE:
        node = without_parens(node.this)
    return node
