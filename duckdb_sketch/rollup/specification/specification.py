"""A rollup's statement, read: which column is its time, which are dimensions, which are metrics and how those merge.

Nothing here needs a connection. Types are not known here; `table.Table` has them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import sqlglot
from sqlglot import exp

from duckdb_sketch._sql import identifier
from duckdb_sketch.families import aggregates, answering, family_of
from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.common_tables import without_common_tables
from duckdb_sketch.rollup.specification.expand import is_expanded
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.metric import Metric, mergeable, merges

#: What the event source is called in the statements that a rollup runs.
EVENTS = "duckdb_sketch_events"

_INSTEAD = {
    "avg": "sum(x) and count(x), and divide where you read them",
    "mean": "sum(x) and count(x), and divide where you read them",
    "stddev": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "stddev_samp": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "stddev_pop": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "var_samp": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "var_pop": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "variance": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "first": "min(x) or max(x), which do not depend on the order of rows",
    "last": "min(x) or max(x), which do not depend on the order of rows",
    "any_value": "min(x) or max(x), which do not depend on the order of rows",
    "arbitrary": "min(x) or max(x), which do not depend on the order of rows",
    "product": "sum(ln(x)), and exp(…) where you read it",
}
_VOLATILE = {"now", "today", "random", "uuid", "gen_random_uuid", "nextval", "current_timestamp", "current_date"}
_VOLATILE |= {"current_time", "localtime", "localtimestamp", "get_current_timestamp", "transaction_timestamp"}
_VOLATILE_NODES = (
    *(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime, exp.Rand, exp.Uuid),
    *(exp.Localtime, exp.Localtimestamp),
)
_LIKE = {"mode": "median"}  # by aggregates that no state answers, those whose answer tells as much
_READER = re.compile(r"(read_csv|read_json|read_ndjson|read_parquet|parquet_scan)\w*\(", re.IGNORECASE)
_NAME_OF_A_FILE = re.compile(r"(?!\s*(?:SELECT|WITH|FROM)\s)[^\n]+\.sql", re.IGNORECASE)
_EXPAND = "expand=True (--expand)"
_TIME = "duckdb_sketch_time"  # stands in a statement where its event time was
# DuckDB rounds nanoseconds to microseconds before it truncates: 10:59:59.999999999 would be in hour 11.
_MICROSECONDS_OF = {
    "TIMESTAMP_NS": "make_timestamp(epoch_us({}))",
    "TIMESTAMPTZ_NS": "make_timestamptz(epoch_us(timezone('UTC', {})))",
}
_EXACT_TYPES = (*exp.DataType.INTEGER_TYPES, exp.DataType.Type.DECIMAL)


@dataclass(frozen=True)
class TimeColumn:
    """The column of truncated time.

    Attributes:
        name: The column's name.
        argument: SQL of the event time that is truncated.
        granularity: The width of a bucket.
        bucketed: Whether it is `time_bucket` that truncates.
        shifted: SQL of the origin or the offset that `time_bucket` was given.
    """

    name: str
    argument: str
    granularity: Granularity
    bucketed: bool = False
    shifted: str | None = None


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
        time = replace(self.time, argument=_text(_with_microseconds(argument, rounded)))
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
        return [_text(cast.this) for cast in node.find_all(exp.Cast)]

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
                if _truncation(_Column.of(item)):
                    _with_microseconds(item, self.rounded)
        for item in extra:
            select = select.select(item, dialect="duckdb", copy=False)
        if condition is not None:
            select = select.where(exp.paren(sqlglot.parse_one(condition, dialect="duckdb")), dialect="duckdb")
        return _text(select)

    def buckets(self) -> str:
        """SQL of how many rows the table `EVENTS` has for each bucket: columns `rows`, then the bucket."""
        select = _parse(self.aggregate())
        truncated = self._truncation(select).unalias()
        select.set("expressions", [exp.alias_(exp.Count(this=exp.Star()), "rows"), truncated])
        return _text(select)

    def of_nothing(self) -> str | None:
        """SQL of the sketches of no row of the table `EVENTS`: it fails where one cannot be built. None without any."""
        select = _parse(self.aggregate())
        sketches = {metric.name for metric in self.metrics if metric.family}
        select.set("expressions", [item for item in select.expressions if item.alias_or_name in sketches])
        select.set("group", None)
        return _text(select.where("false", dialect="duckdb")) if sketches else None

    def exact(self, metric: Metric, function: str) -> str:
        """SQL of `function` over the very values that a metric has seen, `{x}` in it being the argument."""
        text = function.format(x=metric.argument)
        return f"{text} FILTER (WHERE {metric.condition})" if metric.condition else text

    def truncated(self, time: str) -> str:
        """SQL of the bucket that holds another time than an event's, truncated just as the statement truncates those.

        `Granularity.truncated` does not know of an origin, and that `time_bucket` and `date_trunc` differ in a zone.
        """
        select = _parse(self.statement)
        truncation = self._truncation(select).unalias()
        if self.rounded:
            truncation = _with_microseconds(truncation, self.rounded)
        argument = next(node for node in truncation.walk() if _text(node) == self.time.argument)
        argument.replace(exp.column(_TIME))
        return _text(truncation).replace(_TIME, time)

    def empty(self, metric: Metric) -> str:
        """SQL of what a metric is where there is no event: 0 of a count, an empty sketch, else NULL."""
        if metric.aggregate in ("count", "count_if"):
            return "0"
        if metric.family is None:
            return "NULL"
        select = _parse(self.statement)
        column = next(item for item in select.expressions if item.alias_or_name == metric.name)
        _, *others = _arguments(next(_aggregates(column)))  # lg_k, or bins
        return metric.family.empty(metric.aggregate, *map(_text, others))

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
    _refuse_clauses(select)
    _refuse_volatile(select)
    declared = _take_declaration(select)
    source, lookups = _tables(select)
    columns = [_Column.of(item) for item in select.expressions]
    metrics = tuple(_metric(column) for column in columns if column.aggregate)
    keys = [column for column in columns if not column.aggregate]
    if not metrics:
        raise SpecificationError("there is nothing to aggregate: add a metric, such as count(*) AS rows")
    names = [column.name for column in columns]
    if len({name.lower() for name in names}) < len(names):
        raise SpecificationError("two columns have one name: give each a name of its own with AS")
    _check_grouping(select, columns)
    _refuse_collations(columns)
    time = _time(keys)
    return Specification(
        statement=_text(_ungrouped(select), pretty=True),
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
        functions=frozenset(_function_name(function) for function in select.find_all(exp.Func)),
        aggregates=frozenset(metric.aggregate for metric in metrics),
        declared=declared,
        natural=tuple(join.this.name for join in select.args.get("joins") or () if join.method.upper() == "NATURAL"),
    )


@dataclass(frozen=True)
class _Column:
    """One item of the SELECT list: its name, and the aggregate in it, if there is one."""

    name: str
    expression: exp.Expr
    aggregate: exp.Expr | None

    @staticmethod
    def of(item: exp.Expr) -> _Column:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            raise SpecificationError("SELECT * is not supported in a rollup: name the dimensions and the metrics")
        expression = item.unalias()
        window = expression.find(exp.Window)
        if window:
            raise SpecificationError(
                f"{_text(window)} is a window: it does not merge. Use it where you read the rollup"
            )
        aggregate = next(_aggregates(expression), None)
        name = item.alias or (item.name if isinstance(item, exp.Column) else "")
        if not name:
            raise SpecificationError(f"{_text(item)} has no name: write {_text(item)} AS some_name")
        return _Column(name, expression, aggregate)


def _with_microseconds(expression: exp.Expr, rounded: Mapping[str, str]) -> exp.Expr:
    """An expression in which columns of nanoseconds are replaced by their microseconds."""

    def replaced(node: exp.Expr) -> exp.Expr:
        template = rounded.get(node.name.lower()) if isinstance(node, exp.Column) else None
        return node if template is None else sqlglot.parse_one(template.format(_text(node)), dialect="duckdb")

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


def _text(node: exp.Expr, *, pretty: bool = False) -> str:
    return node.sql(
        dialect="duckdb",
        pretty=pretty,
        comments=False,
        normalize_functions="lower",
        unsupported_level=sqlglot.ErrorLevel.IGNORE,
    )


def _refuse_clauses(select: exp.Select) -> None:
    reasons = {
        "limit": "LIMIT does not merge: which rows are in it changes with every batch. "
        "Write it where you read the rollup",
        "offset": "OFFSET does not merge. Write it where you read the rollup",
        "distinct": "SELECT DISTINCT does not merge: a GROUP BY has each group once anyway",
        "having": "HAVING does not merge: a group that fails it now may pass with the next batch. "
        "Write it as WHERE where you read the rollup",
        "qualify": "QUALIFY does not merge. Write it where you read the rollup",
        "sample": "a sample does not merge: it would differ each time",
        "windows": "windows do not merge. Use them where you read the rollup",
    }
    for clause, reason in reasons.items():
        if select.args.get(clause):
            raise SpecificationError(reason)
    if not select.args.get("from_"):
        raise SpecificationError("the statement has no FROM: name the table of events there")


def _refuse_volatile(select: exp.Select) -> None:
    for node in select.walk():
        if isinstance(node, _VOLATILE_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in _VOLATILE):
            raise SpecificationError(
                f"{_text(node)} differs between runs, so a replay would not give the same rollup: "
                "store its input, and compare where you read it"
            )


def _take_declaration(select: exp.Select) -> str | None:
    """Replace the call of a reader in FROM by its alias, and give the call."""
    source = select.args["from_"].this
    if not isinstance(source, exp.Table) or isinstance(source.this, exp.Identifier):
        return None
    text: str = source.this.sql(dialect="duckdb", comments=False)
    if not _READER.match(text):
        return None
    if not source.alias:
        raise SpecificationError(f"FROM {text}: give it a name, as FROM {text} AS events")
    source.set("this", exp.to_identifier(source.alias))
    source.set("alias", None)
    return text


def _refuse_collations(columns: list[_Column]) -> None:
    # The table's columns have none, so that two batches would merge by another order, and other groups, than one.
    for column in columns:
        collation = column.expression.find(exp.Collate)
        if collation:
            raise SpecificationError(
                f"{_text(column.expression)}: a collation is not kept in the table, and batches would merge without "
                f"it: write lower({_text(collation.this)}), or what else makes equal values the same text"
            )


def _tables(select: exp.Select) -> tuple[exp.Table, tuple[str, ...]]:
    source = select.args["from_"].this
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        raise SpecificationError(
            f"FROM {_text(source)}: name a table there, such as bids, and give its files with sources "
            "(--source bids='data/*.parquet')"
        )
    if source.args.get("sample"):
        raise SpecificationError("a sample does not merge: it would differ each time")
    alias = source.args.get("alias")
    if (alias and alias.args.get("columns")) or any(source.args.get(part) for part in ("pivots", "version", "when")):
        raise SpecificationError(f"FROM {_text(source)}: name the table there, with at most an alias")
    for join in select.args.get("joins") or ():
        if join.side in ("RIGHT", "FULL"):
            raise SpecificationError(
                f"{_text(join).strip()}: rows without an event would be repeated with every batch. "
                "Join with JOIN or LEFT JOIN, the events first"
            )
    others = [table for table in select.find_all(exp.Table) if table is not source]
    if any(table.name.lower() == source.name.lower() for table in others):
        raise SpecificationError(
            f"{source.name} is read twice: a batch would be joined only with itself, not with earlier events"
        )
    lookups = dict.fromkeys(table.name for table in others if isinstance(table.this, exp.Identifier) and not table.db)
    return source, tuple(lookups)


def _aggregates(expression: exp.Expr) -> Iterator[exp.Expr]:
    for node in expression.walk():
        if isinstance(node, exp.AggFunc) or (
            isinstance(node, exp.Anonymous) and (merges(node.name.lower()) or _instead(node.name.lower()))
        ):
            yield node


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """The arguments of an aggregate, in order; sqlglot knows some by name, as those of frequent items."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    return [value for value in (node.this, node.args.get("expression")) if isinstance(value, exp.Expr)]


def _function_name(node: exp.Expr) -> str:
    """The name of an aggregate in DuckDB."""
    return _text(node).partition("(")[0].strip().lower()


def _metric(column: _Column) -> Metric:
    written = _text(column.expression)
    node = _without_cast(column.expression, written)
    condition = None
    if isinstance(node, exp.Filter):
        condition = _text(node.expression.this)
        node = node.this
    if isinstance(node, (exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    if node not in _aggregates(node) or len(list(_aggregates(node))) > 1:
        raise SpecificationError(
            f"{written} is computed from an aggregate, and does not merge: store {_text(next(_aggregates(node)))} by "
            "itself, and compute where you read it"
        )
    name = _function_name(node)
    distinct = node.find(exp.Distinct)
    if distinct and name == "count":
        argument = ", ".join(_text(item) for item in distinct.expressions)
        instead = _instead("count(DISTINCT)", argument)
        raise SpecificationError(f"{written} does not merge: write {instead}, or have it written with {_EXPAND}")
    if distinct:
        raise SpecificationError(f"{written} does not merge: write it without DISTINCT")
    if not merges(name):
        instead = _instead(name)
        written_for_you = f", or have it written with {_EXPAND}" if is_expanded(name) else ""
        advice = (
            f"write {instead}{written_for_you}" if instead else f"the aggregates that do are {', '.join(mergeable())}"
        )
        raise SpecificationError(f"{written} does not merge: {advice}")
    arguments = _arguments(node)
    if name in ("min", "max") and any(value for key, value in node.args.items() if key != "this"):
        raise SpecificationError(f"{written}: a list of several values does not merge; write {name}(x)")
    _refuse_arguments(name, len(arguments), written)
    first = None if not arguments or isinstance(arguments[0], exp.Star) else _text(arguments[0])
    return Metric(column.name, name, first, condition)


def _instead(aggregate: str, argument: str = "x") -> str | None:
    """What to write for an aggregate that does not merge; None if nothing stands in for it."""
    if aggregate in _INSTEAD:
        return _INSTEAD[aggregate]
    for family, answer in answering(_LIKE.get(aggregate, aggregate)):
        return f"{family.build.call(argument)}, and {answer.function}(…) where you read it"
    return None


def _refuse_arguments(aggregate: str, count: int, written: str) -> None:
    family = family_of(aggregate)
    found = None if family is None else family.aggregate(aggregate)
    if found is not None and found.alone is not None and count > 1:
        raise SpecificationError(f"{written}: {found.alone}; write {found.call('x')}")


def _without_cast(node: exp.Expr, written: str) -> exp.Expr:
    """What is inside `coalesce(sum(x), 0)::BIGINT`: exact casts and a default of 0 merge as the sum itself does."""
    cast = False
    while True:
        if isinstance(node, exp.Paren):
            node = node.this
        elif isinstance(node, exp.Cast):
            cast = True
            if node.to.this not in _EXACT_TYPES:
                raise SpecificationError(
                    f"{written}: a cast after the aggregate rounds with every batch. Cast its argument, or where you "
                    "read it; only whole numbers and DECIMAL may be cast to here"
                )
            node = node.this
        elif isinstance(node, exp.Coalesce) and [_text(default) for default in node.expressions] == ["0"]:
            cast = True
            node = node.this
        else:
            break
    inner = node.this if isinstance(node, exp.Filter) else node
    if cast and not isinstance(inner, (exp.Sum, exp.Count, exp.CountIf)):
        raise SpecificationError(
            f"{written}: only sum and count may be cast, or default to 0. Cast the argument instead"
        )
    return node


def _check_grouping(select: exp.Select, columns: list[_Column]) -> None:
    group = select.args.get("group")
    if not group:
        raise SpecificationError("the statement has no GROUP BY: end it with GROUP BY ALL")
    if any(group.args.get(kind) for kind in ("grouping_sets", "cube", "rollup")):
        raise SpecificationError(
            "GROUPING SETS, CUBE and ROLLUP create rows that do not merge: write one rollup for each"
        )
    if group.args.get("all"):
        return
    by_name = {column.name.lower(): column for column in columns}
    by_text = {_text(column.expression): column for column in columns}
    grouped = set()
    for item in group.expressions:
        if isinstance(item, exp.Literal) and not item.is_string and item.this.isdigit():
            index = int(item.this)
            column = columns[index - 1] if 0 < index <= len(columns) else None
        else:
            column = by_text.get(_text(item)) or by_name.get(item.name.lower() if isinstance(item, exp.Column) else "")
        if column is None:
            raise SpecificationError(
                f"GROUP BY {_text(item)} is not among the columns: without it two rows of a group cannot be told "
                "apart. Select it, or write GROUP BY ALL"
            )
        grouped.add(column.name)
    missing = [column.name for column in columns if not column.aggregate and column.name not in grouped]
    if missing:
        raise SpecificationError(f"{missing[0]} is neither grouped by nor an aggregate: write GROUP BY ALL")


def _ungrouped(select: exp.Select) -> exp.Select:
    """The statement with GROUP BY ALL, which says the same, and no ORDER BY, which a table does not keep."""
    plain = select.copy()
    plain.set("group", exp.Group(all=True))
    plain.set("order", None)
    return plain


def _time(keys: list[_Column]) -> TimeColumn:
    found = [time for key in keys if (time := _truncation(key))]
    if not found:
        raise SpecificationError(
            "no column is a truncated time: select date_trunc('hour', ts) AS hour, or "
            "time_bucket(INTERVAL '15 minutes', ts)"
        )
    return min(found, key=lambda time: (time.granularity.months, time.granularity.days, time.granularity.microseconds))


def _truncation(key: _Column) -> TimeColumn | None:
    node = key.expression
    day = False
    while isinstance(node, (exp.Cast, exp.Paren)):
        if isinstance(node, exp.Cast):
            if node.to.this == exp.DataType.Type.DATE:
                day = True
            elif node.to.this not in exp.DataType.TEMPORAL_TYPES:
                return None
        node = node.this
    if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
        time = TimeColumn(key.name, _text(node.this), Granularity.parse(node.args["unit"].name))
    elif isinstance(node, exp.DateBin):
        time = _time_bucket(key, node)
    elif day:
        return TimeColumn(key.name, _text(node), Granularity(1, "day"))
    else:
        return None
    if day and not (time.granularity.days or time.granularity.months):
        raise SpecificationError(
            f"{_text(key.expression)} makes days of {time.granularity}s: write date_trunc('day', …)"
        )
    return time


def _time_bucket(key: _Column, node: exp.DateBin) -> TimeColumn:
    width = node.this
    if isinstance(width, exp.Interval):
        text = f"{width.this.name} {width.unit.name}" if width.unit else width.this.name
    else:
        text = width.this.name if isinstance(width, exp.Cast) else width.name
    third = node.args.get("unit")  # where sqlglot puts it, whatever it is
    if isinstance(third, exp.Var):
        raise SpecificationError(
            f"{key.name}: give the zone to the rollup (--time-zone), or truncate local time: "
            "time_bucket(…, ts AT TIME ZONE 'Europe/Berlin')"
        )
    shifted = None if third is None else _text(third)
    return TimeColumn(key.name, _text(node.expression), Granularity.parse(text), bucketed=True, shifted=shifted)


def read_statement(statement: str | Path) -> tuple[str, str | None]:
    """A statement, and the name of its file if it is in one.

    Raises:
        SpecificationError: If the file cannot be read.
    """
    if isinstance(statement, str) and not _NAME_OF_A_FILE.fullmatch(statement):
        return statement, None
    path = Path(statement)
    try:
        return path.read_text(encoding="utf-8-sig"), path.stem
    except OSError as error:
        raise SpecificationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{path} cannot be read: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except ValueError as error:  # a NUL in the path
        raise SpecificationError(f"{str(path)!r} cannot be read: {error}") from error
