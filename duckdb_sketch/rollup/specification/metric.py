"""A mergeable aggregate: its column holds a state, and two states make the state of both."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch import families
from duckdb_sketch._sql import identifier


@dataclass(frozen=True)
class Merge:
    """How the states of one aggregate merge.

    Attributes:
        pair: SQL for the state of both, from `{a}` and `{b}`. A state that is NULL has seen no value.
        group: The aggregate that merges a column of states, `{x}`.
    """

    pair: str
    group: str


def _operator(symbol: str, aggregate: str) -> Merge:
    # NULL on either side makes the operator's result NULL, and then the other side is the answer.
    return Merge(f"coalesce({{a}} {symbol} {{b}}, {{a}}, {{b}})", f"{aggregate}({{x}})")


_ADD = _operator("+", "sum")


def _extreme(aggregate: str) -> Merge:
    # The aggregate itself, over a list of two: `greatest` compares INTERVALs in another order than `max`.
    return Merge(f"list_aggregate([{{a}}, {{b}}], '{aggregate}')", f"{aggregate}({{x}})")


#: Those of DuckDB itself, by name.
_PLAIN = {
    "count": _ADD,
    "count_if": _ADD,
    "sum": _ADD,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "bool_and": _operator("AND", "bool_and"),
    "bool_or": _operator("OR", "bool_or"),
    "bit_and": _operator("&", "bit_and"),
    "bit_or": _operator("|", "bit_or"),
    "bit_xor": Merge("coalesce(xor({a}, {b}), {a}, {b})", "bit_xor({x})"),
}


def merges(aggregate: str) -> bool:
    """Whether the states of an aggregate merge."""
    return aggregate in _PLAIN or families.family_of(aggregate) is not None


def mergeable() -> list[str]:
    """The names of all aggregates whose states merge."""
    return [*_PLAIN, *families.aggregates()]


@dataclass(frozen=True)
class Metric:
    """A column of a rollup that holds the state of an aggregate.

    Attributes:
        name: The column's name.
        aggregate: The aggregate's name; its states merge.
        argument: SQL of its first argument; None for `count(*)`.
        condition: SQL of its FILTER; None without one.
        weight: SQL of how often a value counts; None if once.
    """

    name: str
    aggregate: str
    argument: str | None
    condition: str | None
    weight: str | None = None

    def pair(self, a: str, b: str) -> str:
        """SQL that merges this column of two rows, `a` and `b`."""
        column = identifier(self.name)
        return self._merge.pair.format(a=f"{a}.{column}", b=f"{b}.{column}")

    def group(self) -> str:
        """SQL that merges this column over a group of rows."""
        return self._merge.group.format(x=identifier(self.name))

    @property
    def family(self) -> families.Family | None:
        """The family of sketches that its states belong to; None of a number or a truth."""
        return families.family_of(self.aggregate)

    @property
    def _merge(self) -> Merge:
        family = self.family
        return _PLAIN[self.aggregate] if family is None else Merge(family.merged("{a}", "{b}"), family.united("{x}"))
