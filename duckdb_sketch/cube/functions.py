"""What kinds of functions there are, as the planner needs to know them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.cube.canonical import sql

_VOLATILE = (exp.Rand, exp.Uuid)
_NAMES: dict[type[exp.Expr], str] = {}  # by what sqlglot calls a function; writing one takes much longer


@dataclass(frozen=True)
class Functions:
    """The names of DuckDB's functions by kind, in lower case.

    Attributes:
        aggregates: Aggregates.
        opaque: Macros, which may hide an aggregate.
        volatile: Functions that give another result with each call.
    """

    aggregates: frozenset[str]
    opaque: frozenset[str]
    volatile: frozenset[str]

    def is_aggregate(self, node: exp.Expr) -> bool:
        """Whether a node calls an aggregate, its FILTER and WITHIN GROUP not included."""
        if isinstance(node, (exp.Grouping, exp.GroupingId)):
            return False  # they tell of the group, not of its events
        if isinstance(node, exp.AggFunc):
            return True
        return isinstance(node, exp.Func) and name_of(node) in self.aggregates and not isinstance(node, exp.Connector)

    def is_volatile(self, node: exp.Expr) -> bool:
        """Whether a node calls a function that gives another result with each call."""
        if isinstance(node, _VOLATILE):
            return True
        return isinstance(node, exp.Anonymous) and node.name.lower() in self.volatile

    def is_opaque(self, node: exp.Expr) -> bool:
        """Whether a node calls a macro."""
        return isinstance(node, exp.Anonymous) and node.name.lower() in self.opaque


def name_of(node: exp.Expr) -> str:
    """The name of a function in DuckDB, in lower case."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    name = _NAMES.get(type(node))
    if name is None:
        name = _NAMES[type(node)] = sql(node).partition("(")[0].strip().lower()
    return name
