"""A rollup's statement, read: which column is its time, which are dimensions, which are metrics and how those merge.

Nothing here needs a connection. Types are not known here; `table.Table` has them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import identifier
from duckdb_sketch.families import aggregates
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.clauses import (
    check_grouping,
    refuse_clauses,
    refuse_collations,
    refuse_volatile,
    tables_of,
    take_declaration,
)
from duckdb_sketch.rollup.specification.common_tables import without_common_tables
from duckdb_sketch.rollup.specification.metric import Metric
from duckdb_sketch.rollup.specification.metric_column import metric_of
from duckdb_sketch.rollup.specification.node_text import function_name, text_of
from duckdb_sketch.rollup.specification.select_column import SelectColumn, aggregates_in, arguments_of
from duckdb_sketch.rollup.specification.time_column import TimeColumn, time_of, truncation_of

#: What the event source is called in the statements that a rollup runs.
EVENTS = "duckdb_sketch_events"

_TIME = "duckdb_sketch_time"  # stands in a statement where its event time was
# DuckDB rounds nanoseconds to microseconds before it truncates: 10:59:59.999999999 would be in hour 11.
_MICROSECONDS_OF = {
    "TIMESTAMP_NS": "make_timestamp(epoch_us({}))",
    "TIMESTAMPTZ_NS": "make_timestamptz(epoch_us(timezone('UTC', {})))",
}


@dataclass(frozen=True)
class Specification:
    """What one SELECT says about a rollup.

    Attributes:
        statement: The SELECT as sqlglot prints it: the same for two texts that differ in spaces and comments.
        source: The table of events, the first of FROM.
        alias: What the statement calls it.
        lookups: The tables joined to it.
        time: The column of truncated time.
        dimensions: The names of the other columns grouped by.
        metrics: The columns with aggregates.
        columns: The names of all columns, in order.
        references: The names of all columns that the statement mentions, of whichever table, in lower case.
        functions: The names of all functions that it calls.
        aggregates: The names of those that are aggregates, and merge.
        declared: How FROM declares the source, such as `read_csv('in/*.csv')`; None where it names a table.
        natural: The tables that are joined by whichever columns they have in common with the events.
        rounded: SQL of the microseconds of columns whose nanoseconds DuckDB would round, by their names in lower case.
    """

    statement: str
    source: str
    alias: str
    lookups: tuple[str, ...]
    time: TimeColumn
    dimensions: tuple[str, ...]
    metrics: tuple[Metric, ...]
    columns: tuple[str, ...]
    references: frozenset[str]
    functions: frozenset[str]
    aggregates: frozenset[str]
    declared: str | None = None
    natural: tuple[str, ...] = ()
    rounded: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)

    @staticmethod
    def parse(text: str) -> Specification:
        """Read a statement.

        Raises:
            SpecificationError: If it is not one SELECT … GROUP BY of a truncated time whose aggregates merge.
        """
        return _read(text, tuple(aggregates()))

    def typed(self, types: Mapping[str, str]) -> Specification:
        """The statement over events whose columns have these types: event times in nanoseconds are truncated.

        Args:
            types: The types of the events' columns in DuckDB.
        """
        rounded = {name.lower(): _MICROSECONDS_OF[kind] for name, kind in types.items() if kind in _MICROSECONDS_OF}
        if not rounded:
            return self
        argument = sqlglot.parse_one(self.time.argument, dialect="duckdb")
        time = replace(self.time, argument=text_of(_with_microseconds(argument, rounded)))
        return replace(self, time=time, rounded=rounded)

    def events(self) -> str:
        """SQL of the event source by itself, to follow FROM."""
        return f"{EVENTS} AS {identifier(self.alias)}"

    def event(self) -> str:
        """SQL of the event time, as it comes from the source."""
        return self.time.argument

    @property
    def event_column(self) -> str | None:
        """The event time in lower case, if it is a column as it is."""
        node = sqlglot.parse_one(self.time.argument, dialect="duckdb")
        if isinstance(node, exp.Column) and node.table.lower() in ("", self.alias.lower()) and not node.db:
            return node.name.lower()
        return None

    def cast_times(self) -> list[str]:
        """SQL of whatever is cast within the event time; in which zone, its type says."""
        node = sqlglot.parse_one(self.time.argument, dialect="duckdb")
        return [text_of(cast.this) for cast in node.find_all(exp.Cast)]

    def may_use(self, column: str) -> bool:
        """Whether it may use a column of the events: its name is in there, perhaps as something else."""
        return bool(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", self.statement, re.IGNORECASE))

    def aggregate(self, extra: tuple[str, ...] = (), condition: str | None = None) -> str:
        """SQL of the statement over the table `EVENTS`.

        Args:
            extra: More aggregates, to follow the columns.
            condition: A predicate on the event source, besides those of the statement.
        """
        select = _parse(self.statement)
        table = select.args["from_"].this
        table.replace(exp.alias_(exp.to_table(EVENTS), self.alias, table=True, quoted=True))
        if self.rounded:
            for item in select.expressions:
                if truncation_of(SelectColumn.of(item)):
                    _with_microseconds(item, self.rounded)
        for item in extra:
            select = select.select(item, dialect="duckdb", copy=False)
        if condition is not None:
            select = select.where(exp.paren(sqlglot.parse_one(condition, dialect="duckdb")), dialect="duckdb")
        return text_of(select)

    def buckets(self) -> str:
        """SQL of how many rows the table `EVENTS` has for each bucket: columns `rows`, then the bucket."""
        select = _parse(self.aggregate())
        truncated = self._truncation(select).unalias()
        select.set("expressions", [exp.alias_(exp.Count(this=exp.Star()), "rows"), truncated])
        return text_of(select)

    def of_nothing(self) -> str | None:
        """SQL of the sketches of no row of the table `EVENTS`: it fails where one cannot be built. None without any."""
        select = _parse(self.aggregate())
        sketches = {metric.name for metric in self.metrics if metric.family}
        select.set("expressions", [item for item in select.expressions if item.alias_or_name in sketches])
        select.set("group", None)
        return text_of(select.where("false", dialect="duckdb")) if sketches else None

    def exact(self, metric: Metric, function: str) -> str:
        """SQL of `function` over the very values that a metric has seen: `{x}`, and their `{weight}`."""
        text = function.format(x=metric.argument, weight=metric.weight)
        return f"{text} FILTER (WHERE {metric.condition})" if metric.condition else text

    def truncated(self, time: str) -> str:
        """SQL of the bucket that holds another time than an event's, truncated just as the statement truncates those.

        `Granularity.truncated` does not know of an origin, and that `time_bucket` and `date_trunc` differ in a zone.
        """
        select = _parse(self.statement)
        truncation = self._truncation(select).unalias()
        if self.rounded:
            truncation = _with_microseconds(truncation, self.rounded)
        argument = next(node for node in truncation.walk() if text_of(node) == self.time.argument)
        argument.replace(exp.column(_TIME))
        return text_of(truncation).replace(_TIME, time)

    def empty(self, metric: Metric) -> str:
        """SQL of what a metric is where there is no event: 0 of a count, an empty sketch, else NULL."""
        if metric.aggregate in ("count", "count_if"):
            return "0"
        if metric.family is None:
            return "NULL"
        select = _parse(self.statement)
        column = next(item for item in select.expressions if item.alias_or_name == metric.name)
        parameters = arguments_of(next(aggregates_in(column)))[1:2]  # lg_k, or bins; not a weight
        return metric.family.empty(metric.aggregate, *map(text_of, parameters))

    def _truncation(self, select: exp.Select) -> exp.Expr:
        """The item of a SELECT list that is the truncated time."""
        found: exp.Expr = next(item for item in select.expressions if item.alias_or_name == self.time.name)
        return found

    def difference(self, other: Specification) -> str:
        """How another statement differs from this one, as a unified diff; empty if it does not."""
        lines = difflib.unified_diff(
            self.statement.splitlines(), other.statement.splitlines(), "known", "given", lineterm=""
        )
        return "\n".join(lines)


@lru_cache(maxsize=256)  # a refresh asks for the statement of its rollup at every step
def _read(text: str, _known: tuple[str, ...]) -> Specification:
    """What a statement says, where these aggregates are those of the families."""
    select = without_common_tables(_parse(text))
    refuse_clauses(select)
    refuse_volatile(select)
    declared = take_declaration(select)
    source, lookups = tables_of(select)
    columns = [SelectColumn.of(item) for item in select.expressions]
    metrics = tuple(metric_of(column) for column in columns if column.aggregate)
    keys = [column for column in columns if not column.aggregate]
    if not metrics:
        raise SpecificationError("there is nothing to aggregate: add a metric, such as count(*) AS rows")
    names = [column.name for column in columns]
    if len({name.lower() for name in names}) < len(names):
        raise SpecificationError("two columns have one name: give each a name of its own with AS")
    check_grouping(select, columns)
    refuse_collations(columns)
    time = time_of(keys)
    return Specification(
        statement=text_of(_ungrouped(select), pretty=True),
        source=source.name,
        alias=source.alias_or_name,
        lookups=lookups,
        time=time,
        dimensions=tuple(key.name for key in keys if key.name != time.name),
        metrics=metrics,
        columns=tuple(names),
        # Of p.uid, p may be the table, or a STRUCT of which uid is a field.
        references=frozenset(part.name.lower() for column in select.find_all(exp.Column) for part in column.parts)
        | {name.name.lower() for join in select.args.get("joins") or () for name in join.args.get("using") or ()},
        functions=frozenset(function_name(function) for function in select.find_all(exp.Func)),
        aggregates=frozenset(metric.aggregate for metric in metrics),
        declared=declared,
        natural=tuple(join.this.name for join in select.args.get("joins") or () if join.method.upper() == "NATURAL"),
    )


def _with_microseconds(expression: exp.Expr, rounded: Mapping[str, str]) -> exp.Expr:
    """An expression in which columns of nanoseconds are replaced by their microseconds."""

    def replaced(node: exp.Expr) -> exp.Expr:
        template = rounded.get(node.name.lower()) if isinstance(node, exp.Column) else None
        return node if template is None else sqlglot.parse_one(template.format(text_of(node)), dialect="duckdb")

    if expression.parent is None:
        return expression.transform(replaced)
    changed = expression.transform(replaced)
    expression.replace(changed)
    return changed


def over(events: str, query: str) -> str:
    """SQL of a query of the table `EVENTS`, which is a query itself."""
    return f"WITH {EVENTS} AS ({events}) {query}"


def _parse(text: str) -> exp.Select:
    try:
        statements = [statement for statement in sqlglot.parse(text, dialect="duckdb") if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise SpecificationError(f"the statement is not SQL: {error}") from error
    except RecursionError as error:
        raise SpecificationError("the statement is nested too deep to be read") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise SpecificationError("a rollup is one SELECT … FROM … GROUP BY ALL, and nothing else")
    return statements[0]


def _ungrouped(select: exp.Select) -> exp.Select:
    """The statement with GROUP BY ALL, which says the same, and no ORDER BY, which a table does not keep."""
    plain = select.copy()
    plain.set("group", exp.Group(all=True))
    plain.set("order", None)
    return plain
