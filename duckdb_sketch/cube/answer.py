"""How an aggregate of a query is answered from states. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch import families
from duckdb_sketch.cube.canonical import Canonical, conjuncts, sql, without_parens
from duckdb_sketch.cube.functions import name_of
from duckdb_sketch.cube.state import State, arguments_of, state_of, takes_doubles, without_double

_ITSELF = frozenset({"count", "count_if", "sum", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"})
_AVERAGES = frozenset({"avg", "mean"})
_VARIANCES = frozenset({"stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"})
_SYNONYMS = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc", "countif": "count_if"}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_FITS_A_DOUBLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER)|DECIMAL\(([1-9]|1[0-5]),\d+\)")
#: Aggregates that give the same if a value comes several times.
UNREPEATED = frozenset({"min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "approx_count_distinct"})


@dataclass(frozen=True)
class Call:
    """An aggregate in a SELECT over events.

    Attributes:
        node: The aggregate with its WITHIN GROUP and FILTER.
        function: The aggregate without them.
        name: Its name in DuckDB, in lower case.
        arguments: Its arguments.
        distinct: Whether it is of distinct values.
        condition: The parts of its FILTER.
        defaulted: Whether it stands in `coalesce(…, 0)`.
    """

    node: exp.Expr
    function: exp.Expr
    name: str
    arguments: tuple[exp.Expr, ...]
    distinct: bool
    condition: tuple[exp.Expr, ...]
    defaulted: bool

    @staticmethod
    def of(function: exp.Expr) -> Call:
        """The call of an aggregate function."""
        node = function
        arguments = arguments_of(function)
        if isinstance(node.parent, exp.WithinGroup):
            node = node.parent
            order = node.expression.expressions
            plain = len(order) == 1 and not order[0].args.get("desc")
            arguments = [order[0].this, *arguments] if plain else [node, *arguments]
        condition: tuple[exp.Expr, ...] = ()
        if isinstance(node.parent, exp.Filter):
            node = node.parent
            condition = tuple(conjuncts(node.expression.this))
        name = _name(function)
        distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
        if distinct:
            arguments = [*arguments[0].expressions, *arguments[1:]]
        elif arguments and isinstance(arguments[0], exp.Order):
            distinct = isinstance(arguments[0].this, exp.Distinct)
        if name == "count" and not distinct and arguments and isinstance(arguments[0], exp.Literal):
            arguments = arguments[1:]
        parent = node.parent
        defaulted = isinstance(parent, exp.Coalesce) and [sql(other) for other in parent.expressions] == ["0"]
        return Call(node, function, name, tuple(arguments), distinct, condition, defaulted)

    def __str__(self) -> str:
        return sql(self.node)


@dataclass(frozen=True)
class Form:
    """One way to answer a call.

    Attributes:
        states: The states that it takes, without the condition: those of the metrics are looked for.
        value: SQL of the answer, from SQL of the merged states and the type that the answer has over the events.
        approximate: Whether the answer is an estimate.
        bounds: SQL of the lower and the upper bound of an estimate, from the merged states.
        any_precision: Whether sketches of any precision answer it.
    """

    states: tuple[State, ...]
    value: Callable[[Sequence[str], str], str]
    approximate: bool = False
    bounds: Callable[[Sequence[str]], tuple[str, str]] | None = None
    any_precision: bool = False


def merged(state: State, column: str, condition: str | None) -> str:
    """SQL of the state of a group.

    Args:
        state: The state that each row holds.
        column: SQL of the column that holds it.
        condition: SQL of which rows count; None for all.
    """
    where = f" FILTER (WHERE {condition})" if condition else ""
    if state.aggregate == "count":
        return f"CAST(coalesce(sum({column}){where}, 0) AS BIGINT)"
    if state.aggregate == "count_if":  # NULL where its argument always is, unlike a count
        return f"sum({column}){where}"
    family = families.family_of(state.aggregate)
    if family is None:
        return f"{state.aggregate}({column}){where}"
    if not state.parameters:
        return f"{family.united(column)}{where}"
    if family.union.alone is None:
        return f"{family.union.call(column, *state.parameters)}{where}"
    # The union of no sketches is an empty one of the usual precision.
    empty = family.empty(state.aggregate, *state.parameters)
    return f"(CASE WHEN count({column}){where} = 0 THEN {empty} ELSE {family.united(column)}{where} END)"


def forms(call: Call, canonical: Canonical, kind: str) -> list[Form]:
    """The ways to answer a call; none if there is none.

    Args:
        call: The call.
        canonical: Writes expressions over the events.
        kind: The SQL type that the call has over the events.
    """
    first = canonical.text(call.arguments[0]) if call.arguments else None
    if call.distinct:
        return _estimates(call, canonical, kind, "count(DISTINCT)") if call.name == "count" else []
    if call.name in _ITSELF and len(call.arguments) <= 1:
        plain = Form((State(call.name, first),), lambda states, kind: _cast(states[0], kind))
        return [plain, *_extremes(call, canonical, kind)]
    if families.family_of(call.name) is not None:
        return [Form((state_of(call.function, canonical),), lambda states, _: states[0])]
    if call.name in _AVERAGES and len(call.arguments) == 1 and kind == "DOUBLE":
        states = (State("sum", first), State("count", first))
        return [Form(states, lambda states, _: f"(CAST({states[0]} AS DOUBLE) / {states[1]})")]
    if call.name in _VARIANCES and len(call.arguments) == 1 and kind == "DOUBLE":
        return [_variance(call, canonical, first)]
    return _estimates(call, canonical, kind, call.name)


def has_bounds(call: Call, canonical: Canonical, kind: str) -> bool:
    """Whether an answer to a call may be an estimate with bounds."""
    return any(form.bounds is not None for form in forms(call, canonical, kind))


def _name(function: exp.Expr) -> str:
    name = name_of(function)
    if isinstance(function, exp.Variance):
        return "var_samp"
    return _SYNONYMS.get(name, name)


def _cast(value: str, kind: str) -> str:
    return value if value.endswith(f" AS {kind})") else f"CAST({value} AS {kind})"


def _estimates(call: Call, canonical: Canonical, kind: str, name: str) -> list[Form]:
    """The ways to read a call off sketches."""
    if not call.arguments:
        return []
    value, *others = call.arguments
    found = []
    for family, answer in families.answering(name):
        texts = [text for other in others if (text := _ARGUMENTS[answer.argument](other)) is not None]
        if len(texts) < len(others) or ("{0}" in answer.expression) != (len(texts) == 1) or len(texts) > 1:
            continue
        if takes_doubles(family):
            if not _is_number(kind):
                continue  # the quantile of a text or of a time is one in its own order
            value = without_double(value)
        state = State(family.build.name, canonical.text(value))
        found.append(_estimate(state, answer, texts))
    return found


def _extremes(call: Call, canonical: Canonical, kind: str) -> Iterator[Form]:
    """The minimum and the maximum, which distributions know exactly of numbers that a DOUBLE holds, and are finite."""
    if call.name not in ("min", "max") or not _FITS_A_DOUBLE.fullmatch(kind):
        return
    argument = canonical.text(without_double(call.arguments[0]))
    for family in families.reading_as(families.Distribution):
        assert isinstance(family.reading, families.Distribution)
        stats = family.reading.stats
        yield Form(
            (State(family.build.name, argument),),
            lambda states, kind, stats=stats: f"CAST(({stats.format(state=states[0])}).{call.name} AS {kind})",  # type: ignore[misc]
            any_precision=True,
        )


def _estimate(state: State, answer: families.Answer, others: Sequence[str]) -> Form:
    is_list = bool(others) and others[0].startswith("[")

    def value(states: Sequence[str], kind: str) -> str:
        found = _cast(answer.expression.format(*others, state=states[0]), kind)
        return _of_some(found) if is_list else found

    def bounds(states: Sequence[str]) -> tuple[str, str]:
        assert answer.bounds is not None
        if is_list:
            found = f"list_transform({others[0]}, lambda q: {answer.bounds.format('q', state=states[0])}.%s)"
            return _of_some(found % "lower"), _of_some(found % "upper")
        found = f"({answer.bounds.format(*others, state=states[0])}).%s"
        return found % "lower", found % "upper"

    return Form(
        (state,),
        value,
        approximate=not answer.exact,
        bounds=None if answer.bounds is None else bounds,
        any_precision=True,
    )


def _of_some(values: str) -> str:
    """SQL of a list of quantiles; NULL, and not a list of NULLs, where there are no values."""
    return f"(CASE WHEN ({values})[1] IS NOT NULL THEN {values} END)"


def _is_number(kind: str) -> bool:
    return kind.removesuffix("[]").removeprefix("U").startswith(_NUMBERS)


def _variance(call: Call, canonical: Canonical, argument: str | None) -> Form:
    inner = without_parens(call.arguments[0])
    factor = exp.paren(inner.copy()) if isinstance(inner, exp.Binary) else inner.copy()
    square = canonical.text(exp.Mul(this=factor, expression=factor.copy()))
    states = (State("sum", argument), State("sum", square), State("count", argument))
    population = call.name.endswith("_pop")

    def value(states: Sequence[str], _: str) -> str:
        total, squares, count = (f"CAST({state} AS DOUBLE)" for state in states)
        spread = f"greatest({squares} - {total} * {total} / {count}, 0)"
        divisor = count if population else f"({count} - 1)"
        variance = f"(CASE WHEN {states[2]} >= {1 if population else 2} THEN {spread} / {divisor} END)"
        return f"sqrt({variance})" if call.name.startswith("stddev") else variance

    return Form(states, value)


def _count(node: exp.Expr) -> str | None:
    """SQL of a whole number above 0; None if it is anything else."""
    node = without_parens(node)
    if isinstance(node, exp.Literal) and not node.is_string and node.this.isdecimal() and int(node.this):
        return str(node.this)
    return None


def _fraction(node: exp.Expr) -> str | None:
    """SQL of a fraction from 0 to 1, or of a list of such; None if it is anything else."""
    node = without_parens(node)
    if isinstance(node, exp.Array):
        found = [_fraction(item) for item in node.expressions]
        return f"[{', '.join(map(str, found))}]" if found and None not in found else None
    if isinstance(node, exp.Cast):
        return _fraction(node.this)
    if isinstance(node, exp.Literal) and not node.is_string and 0 <= float(node.this) <= 1:
        return str(node.this)
    return None


#: What reads an argument, by the kind that an answer takes.
_ARGUMENTS = {"fraction": _fraction, "count": _count}
