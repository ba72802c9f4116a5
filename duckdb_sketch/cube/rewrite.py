"""Writing a SELECT over events as one over groups. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlglot import exp

from duckdb_sketch.cube.answer import merged
from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.canonical import sql, without_parens
from duckdb_sketch.cube.match import Answered, Match
from duckdb_sketch.cube.part import Names, Part
from duckdb_sketch.cube.shape import shape_of_part


class Rewriter:
    """Puts the parts of a SELECT in place of its events.

    Args:
        block: The SELECT; it is changed.
        match: What of the tables answers it.
        types: The SQL types of its aggregates over the events, by the ids of their nodes.
        names: The names of its columns that have no alias, by their index.
        bounded: The indexes of its columns of which bounds are appended.
    """

    def __init__(
        self, block: Block, match: Match, types: Mapping[int, str], names: Mapping[int, str], bounded: Collection[int]
    ) -> None:
        self._block = block
        self._match = match
        self._types = types
        self._columns = Names([match])
        self._names = names
        self._bounded = bounded

    def run(self, parts: Sequence[Part]) -> list[str]:
        """Rewrite the SELECT.

        Args:
            parts: Its parts.

        Returns:
            The names of the columns that are estimates.
        """
        select = self._block.select
        for index, name in self._names.items():
            self._name(select.expressions[index], name)
        answered = {id(answer.call.node): answer for answer in self._match.answered}
        asked = {
            index: answered.get(id(without_parens(select.expressions[index].unalias()))) for index in self._bounded
        }
        approximate = [item.alias_or_name for item in select.expressions if self._is_estimate(item)]
        filters = [self._rewritten(condition) for condition in self._match.filters]
        for root in list(self._block.roots()):
            self._rewritten(root)
        values = {id(answer.call.node): self._value(answer) for answer in self._match.answered}
        estimates = {
            index: answer.form.bounds(self._states(answer))
            for index, answer in asked.items()
            if answer and answer.form.bounds
        }
        for answer in self._match.answered:
            answer.call.node.replace(_written(values[id(answer.call.node)]))
        bounds = [
            bound for index in self._bounded for bound in self._bounds(select.expressions[index], estimates.get(index))
        ]
        select.set("expressions", [*select.expressions, *bounds])
        select.set("from_", exp.From(this=stand_in(self._block.alias, parts)))
        select.set("joins", None)
        select.set("where", exp.Where(this=exp.and_(*filters, copy=False)) if filters else None)
        return approximate

    def _name(self, item: exp.Expr, name: str) -> None:
        """Give an item the name that it has over the events. The item stays the node that it is."""
        alias = exp.Alias(alias=exp.to_identifier(name, quoted=True))
        item.replace(alias)
        alias.set("this", item)

    def _is_estimate(self, item: exp.Expr) -> bool:
        within = {id(node) for node in item.walk()}
        return any(answer.form.approximate and id(answer.call.node) in within for answer in self._match.answered)

    def _rewritten(self, node: exp.Expr) -> exp.Expr:
        """An expression over keys, with columns of the parts in their place."""
        text = self._match.nodes.get(id(node))
        if text is not None:
            column = exp.column(
                exp.to_identifier(self._columns.keys[text], quoted=True),
                table=exp.to_identifier(self._block.alias, quoted=True),
            )
            return node.replace(column) if node.parent is not None else column
        if not isinstance(node, exp.Query):
            for child in list(node.iter_expressions()):
                self._rewritten(child)
        return node

    def _states(self, answer: Answered, *conditions: str) -> list[str]:
        """SQL of the merged states, of what meets the FILTER and more conditions."""
        own = (f"({sql(self._rewritten(part))})" for part in answer.condition)
        condition = " AND ".join([*own, *conditions]) or None
        alias = sql(exp.to_identifier(self._block.alias, quoted=True))
        columns = {
            state: f"{alias}.{sql(exp.to_identifier(name, quoted=True))}"
            for state, name in self._columns.states.items()
        }
        return [merged(state, columns[state], condition) for state in answer.states]

    def _value(self, answer: Answered) -> str:
        kind = self._types[id(answer.call.node)]
        if answer.counted is None:
            return answer.form.value(self._states(answer), kind)
        counted = f"({sql(self._rewritten(answer.counted))})"
        known, value = (
            answer.form.value(self._states(answer, condition), kind)
            for condition in (f"{counted} IS NOT NULL", counted)
        )
        return f"(CASE WHEN {known} > 0 THEN {value} END)"

    def _bounds(self, item: exp.Expr, estimated: tuple[str, str] | None) -> list[exp.Expr]:
        """The bounds of a column: those of an estimate, or the answer itself where it is exact."""
        value = f"CAST({sql(item.unalias())} AS DOUBLE)"
        return [
            exp.alias_(_written(text), f"{item.alias_or_name}_{end}", quoted=True)
            for text, end in zip(estimated or (value, value), ("lower", "upper"), strict=True)
        ]


def stand_in(alias: str, parts: Sequence[Part]) -> exp.Table:
    """A table that stands for the rows of parts until the query is written: their SQL need not be parsed."""
    table = exp.to_table(f"duckdb_sketch_parts_{id(parts)}")
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    table.meta["parts"] = _Uncopied(parts)
    return table


class _Uncopied:
    """Parts in a tree, of which copies of the tree have the same ones."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def __deepcopy__(self, memo: object) -> _Uncopied:
        return self


def written(query: exp.Expr) -> tuple[str, str]:
    """SQL of a query, with the parts in place of what stands for them; and its shape, see `shape_of_part`."""
    found = {table.name: table.meta["parts"].parts for table in query.find_all(exp.Table) if "parts" in table.meta}
    text = shape = query.sql(dialect="duckdb", pretty=True, comments=False)
    for name, parts in found.items():
        union = "\n  UNION ALL\n  ".join(part.sql for part in parts)
        text = text.replace(name, f"(\n  {union}\n)")
        shape = shape.replace(name, f"({' UNION ALL '.join(map(shape_of_part, parts))})")
    return text, shape


def _written(text: str) -> exp.Expr:
    """SQL that is in the query as it is: to parse it would take longer than all else."""
    return exp.Var(this=text)
