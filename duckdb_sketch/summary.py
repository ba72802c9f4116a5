"""What `inspect` says of a column of sketches."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch.sketch_file import StateColumn

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class DistinctSummary:
    """What a column of states knows of distinct values.

    Attributes:
        modes: How many sketches are held in each mode, of those modes that occur.
        written: What a precision is called, as in `lg_k {0}`.
        lg_k: The least and the greatest precision, of those that are not empty: an empty one takes any other's.
        estimates: The least, the median and the greatest estimate.
        union: The estimate of all sketches together, with two standard errors either way: (lower, estimate, upper).
            `None` where precisions differ.
    """

    modes: dict[str, int]
    written: str
    lg_k: tuple[int, int]
    estimates: tuple[float, float, float]
    union: tuple[float, float, float] | None

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.estimates
        lines = {
            "precision": self.written.format(_range(self.lg_k)),
            "held as": ", ".join(f"{mode} {count:,}" for mode, count in self.modes.items()),
            "least in a row": f"{low:,.0f} distinct",
            "median": f"{median:,.0f} distinct",
            "most": f"{high:,.0f} distinct",
        }
        if self.union is None:
            return {**lines, "all united": "precisions differ"}
        lower, estimate, upper = self.union
        return {**lines, "all united": f"{estimate:,.0f} distinct", "95 % sure": f"{lower:,.0f} to {upper:,.0f}"}


@dataclass(frozen=True)
class DistributionSummary:
    """What a column of states knows of the distribution of values.

    Attributes:
        exact: How many histograms still hold each value as it is.
        inexact: How many do not.
        max_bins: The least and the greatest number of bins allowed.
        counts: How many values a histogram counted: the least, the median and the greatest number.
        total: How many values all of them counted.
        extremes: The least and the greatest value; `None` where there is no value.
        quantiles: The union's quantiles of `QUANTILES`; `None` where there is no value.
    """

    exact: int
    inexact: int
    max_bins: tuple[int, int]
    counts: tuple[float, float, float]
    total: int
    extremes: tuple[float, float] | None
    quantiles: list[float] | None

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.counts
        states = {"exact": self.exact, "inexact": self.inexact}
        lines = {
            "precision": f"{_range(self.max_bins)} bins",
            "held as": ", ".join(f"{state} {count:,}" for state, count in states.items() if count),
            "least in a row": f"{low:,.0f} values",
            "median": f"{median:,.0f} values",
            "most": f"{high:,.0f} values",
            "all united": f"{self.total:,} values",
        }
        if self.extremes is None or self.quantiles is None:
            return lines
        quantiles = zip(QUANTILES, self.quantiles, strict=True)
        return {
            **lines,
            "minimum": f"{self.extremes[0]:,.6g}",
            **{f"quantile {fraction:.0%}": f"{value:,.6g}" for fraction, value in quantiles},
            "maximum": f"{self.extremes[1]:,.6g}",
        }


@dataclass(frozen=True)
class NumberSummary:
    """What a column of states says of which one number is read.

    Attributes:
        noun: What the number counts.
        numbers: The least, the median and the greatest.
        union: That of all states together.
    """

    noun: str
    numbers: tuple[float, float, float]
    union: float

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.numbers
        numbers = {"least in a row": low, "median": median, "most": high, "all united": self.union}
        return {label: f"{number:,.6g} {self.noun}" for label, number in numbers.items()}


@dataclass(frozen=True)
class RankingSummary:
    """What a column of states knows of which values came most often.

    Attributes:
        totals: Number of values per sketch: the least, the median and the greatest number.
        total: How many values all of them have seen.
        max_error: How far counts of all sketches together may be off.
        items: The first items of all sketches together, each as text and with its count.
    """

    totals: tuple[float, float, float]
    total: int
    max_error: int
    items: list[tuple[str | None, int]]

    def lines(self) -> dict[str, str]:
        """What to say of it, by label."""
        low, median, high = self.totals
        return {
            "least in a row": f"{low:,.0f} values",
            "median": f"{median:,.0f} values",
            "most": f"{high:,.0f} values",
            "all united": f"{self.total:,} values",
            "counts off by": f"at most {self.max_error:,}",
            **{
                f"number {place}": f"{'NULL' if item is None else item}: {count:,}"
                for place, (item, count) in enumerate(self.items, 1)
            },
        }


Content = DistinctSummary | DistributionSummary | NumberSummary | RankingSummary


@dataclass(frozen=True)
class Summary:
    """A column of sketches.

    Attributes:
        column: Which one.
        kind: The name of their family.
        title: What one of them is called.
        rows: How many rows its table has.
        nulls: How many of them are NULL.
        others: How many hold other or damaged values, which nothing else here counts.
        empty: How many sketches have seen no value.
        bytes: What the sketches take, before any compression; None of a type that has no bytes of its own.
        content: What they know.
    """

    column: StateColumn
    kind: str
    title: str
    rows: int
    nulls: int
    others: int
    empty: int
    bytes: int | None
    content: Content

    @property
    def sketches(self) -> int:
        """How many rows hold a sketch."""
        return self.rows - self.nulls - self.others


def _range(limits: tuple[int, int]) -> str:
    low, high = limits
    return str(low) if low == high else f"{low} to {high}"
