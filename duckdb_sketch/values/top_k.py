"""A sketch of frequent items as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from functools import cached_property
from html import escape
from typing import Any, ClassVar, NamedTuple

from duckdb_sketch._text import counted
from duckdb_sketch.families import Family
from duckdb_sketch.families.top_k import TOP_K, TopKDescription
from duckdb_sketch.values.data import Data, column_of, values_of
from duckdb_sketch.values.session import row
from duckdb_sketch.values.sketch import Sketch

_SHOWN = 5
_ZONED = "TIMESTAMP WITH TIME ZONE"


class FrequentItem(NamedTuple):
    """An item, and how often it came."""

    item: Any
    """The item; None is NULL."""
    count: int  # type: ignore[assignment]  # tuple has a method of this name
    """The estimate, which is never too low: `upper`."""
    lower: int
    upper: int


@dataclass(frozen=True, repr=False)
class TopK(Sketch):
    """Which values come most often: a sketch of frequent items, in the bytes of Apache DataSketches.

    A count is never too low, and too high by at most `description.max_error`; of up to `max_items` distinct values
    all counts are exact.

    >>> monday, tuesday = TopK.from_values(["ann", "bob", "ann"]), TopK.from_values(["bob", "cy", "bob"])
    >>> [(found.item, found.count) for found in (monday | tuesday).estimate(2)]
    [('bob', 3), ('ann', 2)]
    """

    family: ClassVar[Family] = TOP_K

    @classmethod
    def from_values(cls, data: Data, max_items: int = 10_000, *, column: str | None = None) -> TopK:
        """Count values.

        Args:
            data: A column, as for `HllSketch.from_values`, of values of one type. NULLs are counted as well.
            max_items: How many distinct values have a counter at the same time, 1 to 1,000,000.
            column: The column to count, of a frame with several.

        Raises:
            InvalidInputError: If `data` is not a column of values that can be ranked, mixes types, or `max_items` is
                out of range.
            MissingDependencyError: If `data` is a NumPy array, and PyArrow is not installed.
        """
        with values_of(data, column) as values:
            return cls(values.aggregate("approx_top_k_accumulate(x, $most)", most=max_items))

    @classmethod
    def from_states(cls, data: Data, *, max_items: int | None = None, column: str | None = None) -> TopK:
        """Merge a column of states, or an iterable of states or sketches.

        Args:
            data: The states, as for `from_values`. NULLs are skipped; without any, the sketch is empty.
            max_items: How many items the merged sketch counts; by default the least of those that are merged.
            column: The column to merge, of a frame with several.

        Raises:
            InvalidInputError: If one of them is not a sketch of frequent items, they hold items of several types, or
                `max_items` is out of range.
        """
        with column_of(data, column) as states:
            if max_items is None:
                return cls(states.aggregate("approx_top_k_combine(x::BLOB)"))
            return cls(states.aggregate("approx_top_k_combine(x::BLOB, $most)", most=max_items))

    @classmethod
    def from_datasketches(cls, sketch: bytes | bytearray | memoryview, item_type: str) -> TopK:
        """The sketch that another library wrote, such as the field `sketch` of Spark's states.

        Args:
            sketch: Its bytes, with or without Spark's number of NULLs behind them.
            item_type: The SQL type of its items, such as `VARCHAR`.

        Raises:
            InvalidInputError: If they are no such sketch, or its items are not of this type.
        """
        (state,) = row("SELECT approx_top_k_import(?::BLOB, ?)", bytes(memoryview(sketch)), item_type)
        return cls(state)

    @cached_property
    def description(self) -> TopKDescription:
        """What the state is: the type of its items, how many there are, how far off counts may be."""
        return TopKDescription(**self._about)

    @property
    def total(self) -> int:
        """How many values it has seen, NULLs among them."""
        return self.description.total

    def estimate(self, k: int = 5) -> list[FrequentItem]:
        """The items that came most often, those of one count in the order of SQL.

        Args:
            k: How many.

        Raises:
            InvalidInputError: If `k` is less than 1.
        """
        kind = self.description.item_type or "VARCHAR"
        # Python gets times with a zone by way of another package: these are in UTC.
        fetched = "TIMESTAMP" if kind == _ZONED else kind
        (found,) = row(
            f"SELECT approx_top_k_estimate(?::BLOB, ?::BIGINT)"
            f"::STRUCT(item {fetched}, count BIGINT, lower BIGINT, upper BIGINT)[]",
            self.state,
            k,
        )
        items = [FrequentItem(**each) for each in found]
        if kind == _ZONED:
            return [each._replace(item=each.item and each.item.replace(tzinfo=timezone.utc)) for each in items]
        return items

    def __repr__(self) -> str:
        about = self.description
        return (
            f"<TopK: {counted(about.items, 'item')} of {counted(about.total, 'value')}, counts off by at most "
            f"{about.max_error:,}, {len(self.state):,} bytes>"
        )

    def _repr_html_(self) -> str:
        """The first items, for notebooks."""
        rows = "".join(
            f"<tr><td>{escape(str(each.item))}</td><td>{each.count:,}</td></tr>" for each in self.estimate(_SHOWN)
        )
        return f"<div><table>{rows}</table><code>{escape(repr(self))}</code></div>"
