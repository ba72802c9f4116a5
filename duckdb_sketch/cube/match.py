"""Whether a table of a cube can answer a SELECT, and from which of its columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from duckdb_sketch import families
from duckdb_sketch.cube.answer import UNREPEATED, Call, Form, forms
from duckdb_sketch.cube.block import Block
from duckdb_sketch.cube.canonical import sql, without_parens
from duckdb_sketch.cube.grain import Grain, is_constant_within
from duckdb_sketch.cube.reason import Reason, RejectedError
from duckdb_sketch.cube.state import MetricColumn, State
from duckdb_sketch.cube.table import CubeTable
from duckdb_sketch.cube.time_range import TimeRange


@dataclass(frozen=True)
class Key:
    """An expression over events that all events of a row share.

    Attributes:
        text: Its canonical SQL.
        column: The dimension that holds it; None if it is one of the bucket.
        node: The expression.
    """

    text: str
    column: str | None
    node: exp.Expr


@dataclass(frozen=True)
class Answered:
    """An aggregate that a table can answer.

    Attributes:
        call: The aggregate.
        form: How.
        states: The states of the form, with the condition of the metrics that hold them.
        condition: The parts of the FILTER that the metrics do not imply.
        counted: What is counted where it is true: an expression over keys. None if all is.
    """

    call: Call
    form: Form
    states: tuple[State, ...]
    condition: tuple[exp.Expr, ...]
    counted: exp.Expr | None = None


@dataclass
class Match:
    """What of a table answers a SELECT.

    Attributes:
        table: The table.
        keys: The expressions to be read from it, by canonical SQL.
        nodes: The canonical SQL of the key that a node of the query stands for, by the node's id.
        answered: The aggregates that it answers from states, in the order of the block's calls.
        metrics: The columns that hold states.
        filters: The parts of WHERE that are left to be asked.
        bytes_per_row: About how many bytes of a row are read.
    """

    table: CubeTable
    keys: dict[str, Key] = field(default_factory=dict)
    nodes: dict[int, str] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    metrics: dict[State, MetricColumn] = field(default_factory=dict)
    filters: list[exp.Expr] = field(default_factory=list)
    bytes_per_row: int = 0

    @property
    def signature(self) -> object:
        """What two matches have in common whose tables can answer one SELECT together."""
        table = self.table
        answers = tuple((answer.states, len(answer.condition)) for answer in self.answered)
        limits = (table.earliest, table.latest, table.zoned)
        return (answers, frozenset(self.keys), table.where, table.joins, table.event, limits)


class Matching:
    """Matches tables to a SELECT. Of many rollups most differ in what it does not ask for: these share one match.

    Args:
        block: The SELECT.
        types: The SQL types that the calls have over the events, by the ids of their nodes.
        exact: Whether estimates are refused.
    """

    def __init__(self, block: Block, types: Mapping[int, str], *, exact: bool) -> None:
        self._block = block
        self._types = types
        self._exact = exact
        self._known: dict[object, list[tuple[_Looked, Match | RejectedError]]] = {}

    def match(self, table: CubeTable, time: TimeRange) -> Match:
        """Match a table.

        Args:
            table: The table.
            time: What the SELECT says of its event time.

        Raises:
            RejectedError: If it cannot answer the SELECT.
        """
        known = self._known.setdefault((id(time), table.kind), [])
        outcome = next((outcome for looked, outcome in known if looked.is_same_in(table)), None)
        if outcome is None:
            looked = _Looked(table)
            try:
                outcome = _Matcher(self._block, table, looked, time, self._types, self._exact).run()
            except RejectedError as error:
                outcome = error
            known.append((looked, outcome))
        if isinstance(outcome, RejectedError):
            raise RejectedError(outcome.reason, outcome.detail)
        return replace(outcome, table=table)


class _Looked:
    """The dimensions of a table, and which of them were looked for: a table where these are alike matches alike."""

    def __init__(self, table: CubeTable) -> None:
        self._dimensions = table.dimensions
        self._asked: dict[str, str | None] = {}

    def get(self, text: str) -> str | None:
        """The name of the column that holds an expression; None if there is none."""
        found = self._asked[text] = self._dimensions.get(text)
        return found

    def is_same_in(self, table: CubeTable) -> bool:
        """Whether another table says the same of all that was looked for."""
        return all(table.dimensions.get(text) == column for text, column in self._asked.items())


class _Matcher:
    def __init__(
        self,
        block: Block,
        table: CubeTable,
        dimensions: _Looked,
        time: TimeRange,
        types: Mapping[int, str],
        exact: bool,
    ) -> None:
        self._block = block
        self._table = table
        self._dimensions = dimensions
        self._time = time
        self._types = types
        self._exact = exact
        self._text = block.canonical.text
        self._where = frozenset(self._text(condition) for condition in block.where)
        self._match = Match(table)

    def run(self) -> Match:
        table, block = self._table, self._block
        if table.joins != block.joins:
            told = "; ".join(table.joins) or "the query joins, and the rollup does not"
            raise RejectedError(Reason.OTHER_JOINS, told)
        missing = table.where - self._where
        if missing:
            raise RejectedError(Reason.OTHER_WHERE, f"those with {' AND '.join(sorted(missing))}")
        calls = {id(call.node): call for call in block.calls}
        for call in block.calls:
            self._answer(call)
        for root in block.roots():
            self._visit(root, calls)
        for condition in block.where:
            if self._text(condition) not in table.where and id(condition) not in self._time.stated:
                self._visit(condition, {})
                self._match.filters.append(condition)
        self._match.bytes_per_row = _bytes_per_row(self._match)
        return self._match

    def _visit(self, node: exp.Expr, calls: Mapping[int, Call]) -> None:
        """Find the keys in an expression over groups."""
        if id(node) in calls:
            return  # its FILTER and its arguments have been looked at
        if isinstance(node, exp.Query):
            return  # if it names columns of the events, DuckDB finds none of that name, and raw events answer
        if isinstance(node, exp.Column) and self._is_alias_in_order(node):
            return  # which comes before a column of that name
        if self._take(node):
            return
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
            raise self._unknown(node)
        for child in node.iter_expressions():
            self._visit(child, calls)

    def _take(self, node: exp.Expr) -> bool:
        """Take an expression that is a dimension, or the same for all of a bucket."""
        if not isinstance(node, exp.Condition) or isinstance(node, exp.Literal):
            return False
        text = self._text(node)
        column = self._dimensions.get(text)
        if column is None and not self._is_of_bucket(node, text):
            return False
        self._match.keys.setdefault(text, Key(text, column, without_parens(node)))
        self._match.nodes[id(node)] = text
        return True

    def _is_of_bucket(self, node: exp.Expr, text: str) -> bool:
        table = self._table
        if (node_is_aligned := self._time.is_aligned(node, table)) is not None:
            return node_is_aligned
        grain = self._block.grain(node)
        if grain is None or self._text(grain.argument) != table.event:
            return False
        if self._is_constant(grain):
            return True
        raise RejectedError(
            Reason.TIME_TOO_FINE, f"{sql(node)} differs within its buckets, which are a {table.layout.granularity}"
        )

    def _is_constant(self, grain: Grain) -> bool:
        layout = self._table.layout
        if layout.shifted is not None:
            return False
        local = self._table.layout.granularity.local
        return is_constant_within(grain, layout.granularity, zoned=self._table.zoned, local=local)

    def _is_alias_in_order(self, column: exp.Column) -> bool:
        if column.table or not isinstance(column.parent, exp.Ordered):
            return False
        names = {item.alias.lower() for item in self._block.select.expressions if isinstance(item, exp.Alias)}
        return column.name.lower() in names

    def _unknown(self, column: exp.Column) -> RejectedError:
        text = self._text(column)
        if text == self._table.event:
            width = self._table.layout.granularity
            return RejectedError(
                Reason.TIME_TOO_FINE, f"{sql(column)} itself is asked for, and its buckets are a {width}"
            )
        return RejectedError(Reason.NO_DIMENSION, sql(column))

    def _answer(self, call: Call) -> None:
        if self._is_over_keys(call):
            for node in (*call.arguments, *call.condition):
                self._visit(node, {})
            return
        if self._count_of_key(call) or self._count_if_of_key(call):
            return
        found = self._block.forms(call, self._types.get(id(call.node), ""))
        reason = None
        for form in found:
            if form.approximate and self._exact:
                reason = RejectedError(Reason.APPROXIMATE, str(call))
                continue
            try:
                self._match.answered.append(self._find(call, form))
                return
            except RejectedError as error:
                reason = error
        raise reason or RejectedError(Reason.NO_METRIC, str(call))

    def _is_over_keys(self, call: Call) -> bool:
        """Whether a call has the same answer if each of its values comes once."""
        unrepeated = call.name in UNREPEATED and len(call.arguments) == 1
        if not call.arguments or not (call.distinct or unrepeated):
            return False
        if not any(node.find(exp.Column) for node in call.arguments):
            return False
        return all(self._is_known(node) for node in call.arguments)

    def _is_known(self, node: exp.Expr) -> bool:
        """Whether an expression is one over keys."""
        if self._dimensions.get(self._text(node)) is not None:
            return True
        grain = self._block.grain(node)
        if grain is not None and self._text(grain.argument) == self._table.event:
            return self._is_constant(grain)
        if isinstance(node, (exp.Column, exp.Query)):
            return False
        return all(self._is_known(child) for child in node.iter_expressions() if not isinstance(child, exp.Identifier))

    def _count_of_key(self, call: Call) -> bool:
        """Count the events in which a dimension is not NULL."""
        if call.name != "count" or call.distinct or len(call.arguments) != 1 or not self._is_known(call.arguments[0]):
            return False
        if self._table.metric(State("count", self._text(call.arguments[0]))) is not None:
            return False
        counted = exp.Not(this=exp.Is(this=call.arguments[0].copy(), expression=exp.Null()))
        plain = Call(call.node, call.function, "count", (), False, (*call.condition, counted), call.defaulted)
        form = forms(plain, self._block.canonical, self._types.get(id(call.node), ""))[0]
        self._match.answered.append(self._find(plain, form))
        return True

    def _count_if_of_key(self, call: Call) -> bool:
        """Count the events of which an expression over dimensions is true."""
        if (
            call.name != "count_if"
            or call.distinct
            or len(call.arguments) != 1
            or not self._is_known(call.arguments[0])
        ):
            return False
        (argument,) = call.arguments
        self._visit(argument, {})
        plain = Call(call.node, call.function, "count", (), False, call.condition, call.defaulted)
        form = forms(plain, self._block.canonical, self._types.get(id(call.node), ""))[0]
        self._match.answered.append(replace(self._find(plain, form), counted=argument))
        return True

    def _find(self, call: Call, form: Form) -> Answered:
        """Find the metrics that hold the states of a form."""
        asked = {self._text(part): part for part in call.condition}
        known = frozenset(asked) | self._where
        error = None
        options: list[tuple[int, tuple[MetricColumn, ...]]] = []
        for first in self._holding(form.states[0], form, call):
            condition = first.state.condition
            if not condition <= known:
                error = RejectedError(
                    Reason.METRIC_FILTER, f"{first.name} is of events with {' AND '.join(sorted(condition))}"
                )
                continue
            others = [
                next((m for m in self._holding(state, form, call) if m.state.condition == condition), None)
                for state in form.states[1:]
            ]
            if None not in others:
                options.append((-len(condition), (first, *(other for other in others if other))))
        for _, metrics in sorted(options, key=lambda option: option[0]):
            left = [part for text, part in asked.items() if text not in metrics[0].state.condition | self._table.where]
            try:
                for part in left:
                    self._visit(part, {})
            except RejectedError as rejected:
                error = rejected
                continue
            for metric in metrics:
                self._match.metrics[metric.state] = metric
            return Answered(call, form, tuple(metric.state for metric in metrics), tuple(left))
        raise error or RejectedError(Reason.NO_METRIC, str(call))

    def _holding(self, state: State, form: Form, call: Call) -> list[MetricColumn]:
        """The metrics that hold a state, whatever their condition."""
        return [
            metric
            for metric in self._table.metrics
            if (metric.state.aggregate, metric.state.argument) == (state.aggregate, state.argument)
            and metric.state.weight == state.weight
            and (form.any_precision or metric.state.parameters == state.parameters)
            and (call.defaulted or not metric.defaulted or state.aggregate == "count")
        ]


def _bytes_per_row(found: Match) -> int:
    sketches = sum(families.family_of(state.aggregate) is not None for state in found.metrics)
    return found.table.bytes_per_row(len(found.keys) + len(found.metrics) - sketches, sketches)
