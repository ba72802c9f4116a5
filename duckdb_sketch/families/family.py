"""A family of sketches, as everything outside its algorithm sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from duckdb_sketch.families.reading import Reading
from duckdb_sketch.families.spark_function import SparkFunction


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of SQL whose result is a state.

    Attributes:
        name: Its name in DuckDB.
        argument: The type of its first argument: of a build aggregate whose argument may have several types, one of
            them.
        alone: Why a rollup gives it no further argument; None if it may.
        default: SQL of its second argument where it is given none; None if it takes one alone.
        weighted: Whether a third argument says how often a value counts.
    """

    name: str
    argument: str
    alone: str | None = None
    default: str | None = None
    weighted: bool = False

    def call(self, argument: str, *others: str) -> str:
        """SQL that calls it."""
        return f"{self.name}({', '.join((argument, *others))})"


@dataclass(frozen=True)
class Answer:
    """How a state answers an aggregate over the values that it has seen.

    Attributes:
        expression: SQL over `{state}`; `{0}`, `{1}` are the aggregate's arguments after its first.
        bounds: SQL of a STRUCT of lower, estimate and upper, likewise; None where nothing bounds the answer.
        exact: Whether the answer is the aggregate's own.
        argument: What `{0}` is: a fraction from 0 to 1, or a list of fractions; or a count, a whole number above 0.
    """

    expression: str
    bounds: str | None = None
    exact: bool = False
    argument: Literal["fraction", "count"] = "fraction"

    @property
    def function(self) -> str:
        """The name of the function that reads the state."""
        called = re.search(r"(\w+)\(\{state\}", self.expression)
        return self.expression if called is None else called[1]


@dataclass(frozen=True)
class Precision:
    """What the precision of a family may be, and what it costs.

    Attributes:
        errors: The error of each precision, by the build aggregate's second argument, falling.
        written: What a precision is called, as in `lg_k {0}`.
        values: SQL of `{n}` distinct values in a column `x`, of which a state of typical size is built.
        least: What the last of the errors is.
        adjustable: Whether the build aggregate takes a precision; if not, there is one.
    """

    errors: Mapping[int, float]
    written: str
    values: str
    least: str = "the least"
    adjustable: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """A family of sketches: its names, its SQL, and what its states answer.

    SQL is given as templates: `{state}` stands for a state, `{a}` and `{b}` for two, and `{x}` for a column.

    Attributes:
        name: Its short name, such as `hll`.
        title: What one of its sketches is called, such as `HyperLogLog`.
        plural: What several are called, such as `HLL sketches`.
        build: The aggregate that makes a state of values.
        union: The aggregate that merges states.
        pair: SQL that merges two states, `{a}` and `{b}`, of which neither is NULL.
        describe: SQL of what a state says of itself, which `reading` and `is_empty` call `about`. It fails, or is NULL,
            of what is not a state of this family.
        is_empty: SQL of whether a state has seen no value, over `sketch` and `about`.
        reading: What a state is read as.
        magic: The bytes that a state starts with, one of these; none if states are no BLOB.
        state_type: The type of a state in DuckDB, or a pattern that its types match.
        same: SQL of whether two states, `{a}` and `{b}`, have seen the same values, so far as `verify` can tell.
        answers: The aggregates that a state answers, by their names in DuckDB; `count(DISTINCT)` is one.
        precision: What its precision may be; None if nothing is known of its errors.
        spark: Its functions in Spark SQL, beside those that Spark has of its own.
        portable: Whether the portable backend has its functions.
        compressed: Whether DuckDB is to compress its states in the table of a rollup. Hashes gain little by it, and
            checkpoints and scans take several times as long.
        counts_null: Whether NULL is a value to its build aggregate, as any other.
        setup: SQL that makes its functions known to a connection, run on each that this package loads its own into;
            none of the families that the extension has.
    """

    name: str
    title: str
    plural: str
    build: Aggregate
    union: Aggregate
    pair: str
    describe: str
    is_empty: str
    reading: Reading
    magic: tuple[bytes, ...] = ()
    state_type: str | re.Pattern[str] = "BLOB"
    same: str = "{a} IS NOT DISTINCT FROM {b}"
    answers: Mapping[str, Answer] = field(default_factory=dict)
    precision: Precision | None = None
    spark: tuple[SparkFunction, ...] = ()
    portable: bool = False
    compressed: bool = True
    counts_null: bool = False
    setup: tuple[str, ...] = ()

    @property
    def aggregates(self) -> tuple[Aggregate, Aggregate]:
        """The aggregates whose results are states: build and union."""
        return self.build, self.union

    def aggregate(self, name: str) -> Aggregate | None:
        """The aggregate of this name; None if it is not one of the family's."""
        return next((aggregate for aggregate in self.aggregates if aggregate.name == name), None)

    def holds(self, data_type: str) -> bool:
        """Whether a column of this DuckDB type may hold states."""
        if isinstance(self.state_type, str):
            return data_type == self.state_type
        return self.state_type.fullmatch(data_type) is not None

    def claims(self, column: str) -> str:
        """SQL of whether a value of a column says that it is a state. Whether it is, `describe` finds out."""
        if not self.magic:
            return f"{column} IS NOT NULL"
        tests = (f"hex({column}[1:{len(magic)}]) = '{magic.hex().upper()}'" for magic in self.magic)
        return f"({' OR '.join(tests)})"

    def united(self, states: str) -> str:
        """SQL of the state of all `states`, a column."""
        return self.union.call(states)

    def merged(self, a: str, b: str) -> str:
        """SQL of the state of two. A state that is NULL has seen no value."""
        return f"coalesce({self.pair.format(a=a, b=b)}, {a}, {b})"

    def described(self, state: str) -> str:
        """SQL of what a state says of itself; NULL of what is not a state."""
        return f"TRY({self.describe.format(state=state)})"

    def empty(self, aggregate: str, *others: str) -> str:
        """SQL of what an aggregate of the family is of no rows.

        Args:
            aggregate: Its name.
            others: SQL of its arguments after the first.
        """
        found = self.aggregate(aggregate)
        assert found is not None
        # Over a NULL, which is skipped: an aggregate of no rows does not get to know its other arguments.
        rows = " WHERE false" if self.counts_null else ""
        return f"(SELECT {found.call(f'CAST(NULL AS {found.argument})', *others)}{rows})"
