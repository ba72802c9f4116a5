"""Which values a picture of a distribution shows: long tails must not squash the rest."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, inf, log10, nextafter
from typing import Literal

from duckdb_sketch._text import number_text, percent_text
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.values import ApproxHistogram, HistogramStats

Scale = Literal["auto", "linear", "log"]

# What is left out at either end. Of these the first that leaves the middle half room enough is taken.
_TAILS = (0.0, 0.005, 0.01, 0.025, 0.05)
_ROOM = 0.06
_MIDDLES = ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95), (0.01, 0.99), (0.0, 1.0))


@dataclass(frozen=True)
class View:
    """The values from `low` to `high`.

    Attributes:
        low: The least value shown.
        high: The greatest.
        log: Whether the axis is logarithmic.
        left_out: What is not shown, in words.
    """

    low: float
    high: float
    log: bool
    left_out: list[str]

    def limits(self) -> tuple[float, float]:
        """The ends of the axis, a little outside."""
        if self.log:
            factor = (self.high / self.low) ** 0.02 if self.high > self.low else 2
            return self.low / factor, self.high * factor
        margin = (self.high - self.low) * 0.02 or max(abs(self.low) * 0.1, 0.5)
        return self.low - margin, self.high + margin

    def edges(self, buckets: int) -> list[float]:
        """Edges of about `buckets` buckets: round numbers, or on a logarithmic axis of one ratio."""
        if self.low == self.high:
            return list(self.limits())
        if self.log:
            ratio = self.high / self.low
            return [self.low * ratio ** (i / buckets) for i in range(buckets)] + [self.high]
        rough = (self.high - self.low) / buckets
        power = 10.0 ** floor(log10(rough))
        width = min((step * power for step in (1, 2, 2.5, 5, 10)), key=lambda width: abs(log10(width / rough)))
        return [i * width for i in range(floor(self.low / width), ceil(self.high / width) + 1)]


def histogram_of(h: ApproxHistogram | bytes) -> ApproxHistogram:
    """A histogram that has something to show.

    Raises:
        InvalidInputError: If it is none, or empty.
    """
    histogram = h if isinstance(h, ApproxHistogram) else ApproxHistogram.from_bytes(h)
    if histogram.stats.count == 0:
        raise InvalidInputError("the histogram is empty: there is nothing to draw")
    return histogram


def extremes(stats: HistogramStats) -> tuple[float, float]:
    """The least and the greatest value of a histogram that is not empty."""
    assert stats.min is not None
    assert stats.max is not None
    return stats.min, stats.max


def view_of(h: ApproxHistogram, scale: Scale) -> View:
    """The values of `h` to show: all of them, if the middle half has room enough among them.

    Raises:
        InvalidInputError: If the scale is none, or logarithmic, and some value is not above 0.
    """
    if scale not in ("auto", "linear", "log"):
        raise InvalidInputError(f"scale {scale!r}: it is 'auto', 'linear' or 'log'")
    least, greatest = extremes(h.stats)
    if scale == "log" and least <= 0:
        raise InvalidInputError(f"a logarithmic scale shows values above 0, and the least is {number_text(least)}")
    spread = next((size for size in (_distance(h, *middle) for middle in _MIDDLES) if size), 0.0)
    if least > 0 and scale != "linear" and (scale == "log" or spread < _ROOM * _distance(h, 0.005, 0.995)):
        return View(least, greatest, log=True, left_out=[])
    for tail in _TAILS:
        low, high = _pair(h, tail, 1 - tail)
        if spread >= _ROOM * (high - low):
            break
    if low == high:
        low, high = least, greatest
    return View(low, high, log=False, left_out=_left_out(h, low, high))


def _left_out(h: ApproxHistogram, low: float, high: float) -> list[str]:
    least, greatest = extremes(h.stats)
    lines = []
    if low > least:
        share = h.cdf(nextafter(low, -inf)) or 0.0
        lines.append(f"{percent_text(share)} below {number_text(low)}, down to {number_text(least)}")
    if high < greatest:
        share = 1 - (h.cdf(high) or 0.0)
        lines.append(f"{percent_text(share)} above {number_text(high)}, up to {number_text(greatest)}")
    return lines


def _distance(h: ApproxHistogram, low: float, high: float) -> float:
    lower, upper = _pair(h, low, high)
    return upper - lower


def _pair(h: ApproxHistogram, low: float, high: float) -> tuple[float, float]:
    lower, upper = h.quantile([low, high])
    assert lower is not None
    assert upper is not None
    return lower, upper
