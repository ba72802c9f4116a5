"""What a state can be read as. `inspect`, `show`, `plot` and `verify` know these readings, and no family.

SQL in a reading is a template: `{state}` stands for a state, `{q}` for a fraction or a list of them, `{deviations}` for
a number of standard deviations, `{k}` for a number of items, `{x}` for the argument of an aggregate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DistinctCount:
    """A state that estimates how many distinct values it has seen.

    Attributes:
        estimate: SQL of the estimate, a number.
        bounds: SQL of a STRUCT of lower, estimate and upper, that many `{deviations}` to either side.
        standard_error: SQL of the relative standard error that a state's precision promises.
        exact: SQL of an aggregate over `{x}`: the number that is estimated.
        lg_size: SQL of the base-2 logarithm of the number of registers or nominal entries, over `sketch` and `about`.
        modes: How a state may be held, by name: a condition over `sketch` and `about`.
    """

    estimate: str
    bounds: str
    standard_error: str
    exact: str
    lg_size: str
    modes: Mapping[str, str]


@dataclass(frozen=True)
class Distribution:
    """A state that knows how values are distributed.

    Attributes:
        stats: SQL of a STRUCT with at least count, min, max, non_finite, exact and max_bins.
        quantile: SQL of the quantile at `{q}`; a list for a list.
        bounds: SQL of a STRUCT of lower, estimate and upper: the bracket that is proven to hold the quantile at `{q}`.
        exact: Aggregates over `{x}` that count exactly what `stats` says: count, min, max and non_finite; and `values`,
            the list of all values.
    """

    stats: str
    quantile: str
    bounds: str
    exact: Mapping[str, str]


@dataclass(frozen=True)
class Number:
    """A state of which one number is read.

    Attributes:
        noun: What the number counts, as in `12 distinct digits`.
        number: SQL of the number.
        exact: Aggregates over `{x}` that `verify` computes beside a state, by name; none by default.
    """

    noun: str
    number: str
    exact: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranking:
    """A state that knows which values came most often.

    Attributes:
        items: SQL of the list of STRUCTs of item, a text, count, lower and upper of the `{k}` values that came most
            often, these first.
        total: SQL of how many values it has seen.
        max_error: SQL of how far a count may be off.
        exact: SQL of an aggregate that counts what `total` says.
        exact_weighted: The same of values that count as often as a `{weight}` says.
    """

    items: str
    total: str
    max_error: str
    exact: str
    exact_weighted: str = "sum({weight})"


Reading = DistinctCount | Distribution | Number | Ranking
