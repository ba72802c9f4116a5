"""How an aggregate of a query is answered from states. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from duckdb_sketch.cube.canonical import Canonical, conjuncts, sql, without_parens
from duckdb_sketch.cube.functions import name_of
from duckdb_sketch.cube.state import HISTOGRAM, HLL, State, arguments_of, without_double

_MERGES = {"count": "sum", "sum": "sum", HLL: "hll_union_agg", HISTOGRAM: "approx_histogram_union_agg"}
_DEFAULTS = {HLL: "12", HISTOGRAM: "50"}
_ITSELF = frozenset({"count", "sum", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"})
_SKETCHES = frozenset({HLL, HISTOGRAM, "hll_union_agg", "approx_histogram_union_agg"})
_DISTINCT = frozenset({"approx_count_distinct"})
_QUANTILES = frozenset({"median", "quantile", "quantile_cont", "quantile_disc", "approx_quantile"})
_AVERAGES = frozenset({"avg", "mean"})
_VARIANCES = frozenset({"stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"})
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
#: Aggregates that give the same if a value comes several times.
UNREPEATED = frozenset({"min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "approx_count_distinct"})


@dataclass(frozen=True)
class Call:
    """An aggregate in a SELECT over events.

    Attributes:
        node: The aggregate with its WITHIN GROUP and FILTER.
        name: Its name in DuckDB, in lower case.
        arguments: Its arguments.
        distinct: Whether it is of distinct values.
        condition: The parts of its FILTER.
        defaulted: Whether it stands in `coalesce(…, 0)`.
    """

    node: exp.Expr
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
        if name == "count_if" and len(arguments) == 1:
            condition += tuple(conjuncts(arguments[0]))
            name, arguments = "count", []
        if name == "count" and not distinct and arguments and isinstance(arguments[0], exp.Literal):
            arguments = arguments[1:]
        parent = node.parent
        defaulted = isinstance(parent, exp.Coalesce) and [sql(other) for other in parent.expressions] == ["0"]
        return Call(node, name, tuple(arguments), distinct, condition, defaulted)

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
    """

    states: tuple[State, ...]
    value: Callable[[Sequence[str], str], str]
    approximate: bool = False
    bounds: Callable[[Sequence[str]], tuple[str, str]] | None = None
    exact_parameters: bool = True


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
    bins = ", ".join([column, *state.parameters]) if state.aggregate == HISTOGRAM else column
    return f"{_MERGES.get(state.aggregate, state.aggregate)}({bins}){where}"


def forms(call: Call, canonical: Canonical, kind: str) -> list[Form]:
    """The ways to answer a call; none if there is none.

    Args:
        call: The call.
        canonical: Writes expressions over the events.
        kind: The SQL type that the call has over the events.
    """
    texts = tuple(canonical.text(argument) for argument in call.arguments)
    first = texts[0] if texts else None
    if call.distinct:
        return [_distinct(first)] if call.name == "count" and len(texts) == 1 else []
    if call.name in _DISTINCT and len(texts) == 1:
        return [_distinct(first)]
    if call.name in _ITSELF and len(texts) <= 1:
        return [Form((State(call.name, first),), lambda states, kind: _cast(states[0], kind))]
    if call.name in _SKETCHES:
        return [_sketch(call, canonical)]
    if call.name in _AVERAGES and len(texts) == 1 and kind == "DOUBLE":
        states = (State("sum", first), State("count", first))
        return [Form(states, lambda states, _: f"CAST({states[0]} AS DOUBLE) / {states[1]}")]
    if call.name in _VARIANCES and len(texts) == 1 and kind == "DOUBLE":
        return [_variance(call, canonical, first)]
    if call.name in _QUANTILES and _is_number(kind):
        return _quantile(call, canonical)
    return []


def _name(function: exp.Expr) -> str:
    name = name_of(function)
    if isinstance(function, exp.Variance):
        return "var_samp"
    return {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc"}.get(name, name)


def _cast(value: str, kind: str) -> str:
    return value if value.endswith(f" AS {kind})") else f"CAST({value} AS {kind})"


def _is_number(kind: str) -> bool:
    return kind.removesuffix("[]").removeprefix("U").startswith(_NUMBERS)


def _distinct(argument: str | None) -> Form:
    def bounds(states: Sequence[str]) -> tuple[str, str]:
        found = f"hll_sketch_bounds({states[0]}, 2)"
        return f"({found}).lower", f"({found}).upper"

    return Form(
        (State(HLL, argument),),
        lambda states, _: f"hll_sketch_estimate({states[0]})",
        approximate=True,
        bounds=bounds,
        exact_parameters=False,
    )


def _sketch(call: Call, canonical: Canonical) -> Form:
    arguments = list(call.arguments)
    if call.name == HISTOGRAM and arguments:
        arguments[0] = without_double(arguments[0])
    first, *others = (canonical.text(argument) for argument in arguments)
    state = State(call.name, first, parameters(call.name, tuple(others)))
    empty = f"{call.name}(CAST(NULL AS {'BIGINT' if call.name == HLL else 'DOUBLE'}), {', '.join(others)})"

    def value(states: Sequence[str], _: str) -> str:
        if call.name != HLL or not state.parameters:
            return states[0]
        # The union of no sketches is an empty one of the usual precision.
        counted = f"(hll_sketch_describe({states[0]})).lg_k = {others[0]}"
        return f"CASE WHEN {counted} THEN {states[0]} ELSE (SELECT {empty}) END"

    return Form((state,), value)


def parameters(aggregate: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters of a sketch: none if they are those that it has by default."""
    return () if others == (_DEFAULTS.get(aggregate),) else others


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
        variance = f"CASE WHEN {states[2]} >= {1 if population else 2} THEN {spread} / {divisor} END"
        return f"sqrt({variance})" if call.name.startswith("stddev") else variance

    return Form(states, value)


def _quantile(call: Call, canonical: Canonical) -> list[Form]:
    fractions = list(call.arguments[1:])
    if call.name == "median" and not fractions:
        fraction = "0.5"
    elif len(fractions) == 1 and (found := _fraction(fractions[0])) is not None:
        fraction = found
    else:
        return []
    argument = canonical.text(without_double(call.arguments[0]))

    def bounds(states: Sequence[str]) -> tuple[str, str]:
        if fraction.startswith("["):
            found = f"list_transform({fraction}, lambda q: approx_histogram_quantile_bounds({states[0]}, q).%s)"
        else:
            found = f"(approx_histogram_quantile_bounds({states[0]}, {fraction})).%s"
        return found % "lower", found % "upper"

    return [
        Form(
            (State(HISTOGRAM, argument),),
            lambda states, kind: f"CAST(approx_histogram_quantile({states[0]}, {fraction}) AS {kind})",
            approximate=True,
            bounds=bounds,
            exact_parameters=False,
        )
    ]


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


def values_of(form: Form, states: Sequence[State], columns: Mapping[State, str], condition: str | None) -> list[str]:
    """SQL of the merged states of a form."""
    return [merged(state, columns[state], condition) for state in states]
