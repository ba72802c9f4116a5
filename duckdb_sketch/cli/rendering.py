"""How `show` draws states in the terminal: one way for each thing that a state can be read as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duckdb_sketch._blocks import bar, sparkline
from duckdb_sketch._text import number_text
from duckdb_sketch.families import DistinctCount, Distribution, Number, Ranking
from duckdb_sketch.selection import Selection, StateGroup
from duckdb_sketch.values import ApproxHistogram, Bounds, Bucket
from duckdb_sketch.view import extremes, view_of

_BUCKETS = 14
_FEW = 16  # that many distinct values have a line each
_SMALL = 24
_RANKED = 20  # that many items have a line each
_RANKED_IN_A_ROW = 3
_LONGEST = 40  # of an item's name


class Rendering(Protocol):
    """Draws states of one reading."""

    @property
    def series(self) -> str:
        """What a state's number is, as the title of a line over time."""
        ...

    def number(self, state: Any) -> float | None:
        """The number of a state that a line over time shows."""
        ...

    def headline(self, state: Any) -> str:
        """What to say of a state."""
        ...

    def picture(self, console: Console, state: Any) -> None:
        """Draw a state below its headline."""
        ...

    def rows(self, console: Console, table: Table, groups: Sequence[StateGroup], top: int) -> None:
        """Add a row for each of the `top` greatest groups to a table that has a column for each part of a name."""
        ...


def rendering_of(selection: Selection) -> Rendering:
    """How to draw the states of a selection."""
    reading = selection.family.reading
    if isinstance(reading, DistinctCount):
        return _Distinct(selection, reading)
    if isinstance(reading, Distribution):
        return _Distribution()
    if isinstance(reading, Ranking):
        return _Ranking(selection, reading)
    return _Number(selection, reading)


@dataclass(frozen=True)
class _Distinct:
    """Distinct counts: the estimate, and a bar for each group."""

    selection: Selection
    reading: DistinctCount
    series: str = "distinct values"

    def number(self, state: Any) -> float | None:
        answer: float | None = self.selection.answer(self.reading.estimate, state)
        return answer

    def headline(self, state: Any) -> str:
        lower, estimate, upper = self._bounds(state)
        return f"{estimate:,.0f} distinct, 95 % sure of {lower:,.0f} to {upper:,.0f}"

    def picture(self, console: Console, state: Any) -> None:
        """Nothing: one number has no picture."""

    def rows(self, console: Console, table: Table, groups: Sequence[StateGroup], top: int) -> None:
        bounds = {group: self._bounds(group.state) for group in groups}
        largest = sorted(groups, key=lambda group: -bounds[group].estimate)[:top]
        most = max((bounds[group].estimate for group in largest), default=0) or 1
        table.add_column("")
        table.add_column("distinct", justify="right")
        table.add_column("95 % sure", justify="right")
        for group in largest:
            lower, estimate, upper = bounds[group]
            drawn = _small_bar(estimate / most)
            table.add_row(*map(Text, group.name), drawn, f"{estimate:,.0f}", f"{lower:,.0f} to {upper:,.0f}")

    def _bounds(self, state: Any) -> Bounds:
        bounds = self.reading.bounds.format(state="{state}", deviations=2)
        return Bounds(**self.selection.answer(bounds, state))


@dataclass(frozen=True)
class _Number:
    """States of which one number is read: that number, and a bar for each group."""

    selection: Selection
    reading: Number

    @property
    def series(self) -> str:
        return self.reading.noun

    def number(self, state: Any) -> float | None:
        answer: float | None = self.selection.answer(self.reading.number, state)
        return answer

    def headline(self, state: Any) -> str:
        return f"{number_text(self.number(state) or 0)} {self.reading.noun}"

    def picture(self, console: Console, state: Any) -> None:
        """Nothing: one number has no picture."""

    def rows(self, console: Console, table: Table, groups: Sequence[StateGroup], top: int) -> None:
        numbers = {group: self.number(group.state) or 0 for group in groups}
        largest = sorted(groups, key=lambda group: -numbers[group])[:top]
        most = max((numbers[group] for group in largest), default=0) or 1
        table.add_column("")
        table.add_column(Text(self.reading.noun), justify="right")
        for group in largest:
            number = numbers[group]
            table.add_row(*map(Text, group.name), _small_bar(max(number / most, 0)), number_text(number))


@dataclass(frozen=True)
class _Ranking:
    """The values that came most often: a bar for each of the united ones, and the first few of each group."""

    selection: Selection
    reading: Ranking
    series: str = "values"

    def number(self, state: Any) -> float | None:
        answer: float | None = self.selection.answer(self.reading.total, state)
        return answer

    def headline(self, state: Any) -> str:
        off = self.selection.answer(self.reading.max_error, state)
        counts = "all counts are exact" if off == 0 else f"counts are too high by at most {off:,}"
        return f"{self.number(state) or 0:,.0f} values; {counts}"

    def picture(self, console: Console, state: Any) -> None:
        items = self._items(state, _RANKED)
        total = self.number(state)
        if not items or not total:
            return
        most = items[0][1]
        room = max(10, min(console.width, 100) - max(len(name) for name, _ in items) - len(f"{most:,}") - 14)
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "right", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for name, count in items:
            drawn = Text(bar(count / most, room).ljust(room), style="red")
            table.add_row(Text(name), drawn, f"{count:,}", f"{100 * count / total:.1f} %")
        console.print(table)

    def rows(self, console: Console, table: Table, groups: Sequence[StateGroup], top: int) -> None:
        totals = {group: self.number(group.state) or 0 for group in groups}
        table.add_column("values", justify="right")
        table.add_column("most often")
        for group in sorted(groups, key=lambda group: -totals[group])[:top]:
            named = ", ".join(f"{name} {count:,}" for name, count in self._items(group.state, _RANKED_IN_A_ROW))
            table.add_row(*map(Text, group.name), f"{totals[group]:,.0f}", Text(named))

    def _items(self, state: Any, k: int) -> list[tuple[str, int]]:
        found = self.selection.answer(self.reading.items.format(state="{state}", k=k), state)
        return [(_short("NULL" if each["item"] is None else each["item"]), each["count"]) for each in found]


@dataclass(frozen=True)
class _Distribution:
    """Distributions: bars of the united one, quantiles and a small curve of each group."""

    series: str = "median"

    def number(self, state: Any) -> float | None:
        return ApproxHistogram(state).quantile(0.5)

    def headline(self, state: Any) -> str:
        stats = ApproxHistogram(state).stats
        if not stats.count:
            return "no values"
        least, greatest = extremes(stats)
        mean = number_text(stats.mean or 0.0)
        return f"{stats.count:,} values, {number_text(least)} to {number_text(greatest)}, mean {mean}"

    def picture(self, console: Console, state: Any) -> None:
        histogram = ApproxHistogram(state)
        total = histogram.stats.count
        if not total:
            return
        rows = _bars(histogram)
        most = max(count for _, count in rows)
        room = max(10, min(console.width, 100) - max(len(name) for name, _ in rows) - len(f"{most:,.0f}") - 14)
        table = Table.grid(padding=(0, 1))
        for justify in ("right", "left", "right", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for name, count in rows:
            drawn = Text(bar(count / most, room).ljust(room), style="red")
            table.add_row(Text(name), drawn, f"{count:,.0f}", f"{100 * count / total:.1f} %")
        console.print(table)
        for line in view_of(histogram, "auto").left_out:
            console.print(Text(f"({line})", style="dim"))

    def rows(self, console: Console, table: Table, groups: Sequence[StateGroup], top: int) -> None:
        histograms = {group: ApproxHistogram(group.state) for group in groups}
        largest = sorted(groups, key=lambda group: -histograms[group].stats.count)[:top]
        for name in ("values", "5 %", "median", "95 %"):
            table.add_column(name, justify="right")
        counted = [histograms[group] for group in largest if histograms[group].stats.count]
        edges: list[float] = []
        if counted:
            edges = view_of(ApproxHistogram.from_states(counted), "auto").edges(_SMALL)
            table.add_column(f"{number_text(edges[0])} to {number_text(edges[-1])}")
        for group in largest:
            histogram = histograms[group]
            numbers = ["" if value is None else number_text(value) for value in histogram.quantile([0.05, 0.5, 0.95])]
            drawn = sparkline([bucket.count for bucket in histogram.buckets(edges)], low=0) if numbers[0] else ""
            table.add_row(*map(Text, group.name), f"{histogram.stats.count:,}", *numbers, Text(drawn, style="red"))


def _bars(histogram: ApproxHistogram) -> list[tuple[str, float]]:
    """The lines of a histogram: where, and how many."""
    if histogram.stats.exact and histogram.stats.bins <= _FEW:
        return [(number_text(bin.center), bin.count) for bin in histogram.bins]
    edges = view_of(histogram, "auto").edges(_BUCKETS)
    return [(_range(bucket), bucket.count) for bucket in histogram.buckets(edges)]


def _range(bucket: Bucket) -> str:
    return f"{number_text(bucket.lower)} to {number_text(bucket.upper)}"


def _short(name: str) -> str:
    """A name in one line."""
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _small_bar(share: float) -> Text:
    return Text(bar(share, _SMALL).ljust(_SMALL), style="red")
