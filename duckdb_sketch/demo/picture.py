"""The picture: what the sketches say, over what is true; below, by how much they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_sketch.demo.flights import SOURCE
from duckdb_sketch.demo.series import FROM_MINUTE, MARKED, TO_MINUTE, Day, Delays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES = (13.0, 7.2)
DOTS_PER_INCH = 150

_INK = "#22303c"
_FAINT = "#8a97a3"
_GRID = "#e6eaee"
_EXACT = "#22303c"
_ESTIMATE = "#e4572e"
_BAND = "#f7b89f"
_BAND_NAME = "± 2 standard errors"


def draw(png: Path, flights: int, days: list[Day], delays: Delays) -> None:
    """Write the picture.

    Args:
        png: The file.
        flights: How many flights it is about.
        days: The left half: distinct aircraft a day.
        delays: The right half: the distribution of delays.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style = {"font.size": 10.5, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _FAINT}
    with rc_context(style):  # type: ignore[arg-type]
        figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, facecolor="white")
        axes = figure.subplots(
            2,
            2,
            height_ratios=[3, 1],
            sharex="col",
            gridspec_kw={"left": 0.065, "right": 0.975, "top": 0.83, "bottom": 0.125, "hspace": 0.10, "wspace": 0.17},
        )
        _draw_days(axes[0, 0], days)
        _draw_day_errors(axes[1, 0], days)
        _draw_delays(axes[0, 1], delays)
        _draw_delay_errors(axes[1, 1], delays)
        _write_titles(figure, flights)
        figure.savefig(png)


def _write_titles(figure: Figure, flights: int) -> None:
    title = "Flights out of New York City, 2013: a year read off hourly sketches"
    subtitle = (
        f"{flights:,} flights became one row for each hour, airport and carrier; "
        "days, months and the year are merged from those rows alone"
    )
    figure.text(0.02, 0.945, title, size=17, weight="bold")
    figure.text(0.02, 0.905, subtitle, size=11, color=_FAINT)
    figure.text(0.02, 0.025, f"Data: {SOURCE}. Hours are local, as scheduled.", size=9, color=_FAINT)


def _draw_days(axes: Axes, days: list[Day]) -> None:
    dates = _dates(days)
    axes.fill_between(
        dates,
        [day.lower for day in days],
        [day.upper for day in days],
        color=_BAND,
        alpha=0.75,
        linewidth=0,
        label=_BAND_NAME,
    )
    axes.plot(dates, [day.exact for day in days], color=_EXACT, linewidth=2.6, alpha=0.4, label="exact")
    axes.plot(dates, [day.estimate for day in days], color=_ESTIMATE, linewidth=1.0, label="HLL sketch (lg_k 12)")
    least = min(day.lower for day in days)
    axes.set_ylim(least - least % 50 - 50, None)  # the lowest 50 are for the legend
    _finish(axes, "Distinct aircraft a day", "aircraft")
    axes.legend(loc="lower right", frameon=False, ncols=3)
    quietest = min(days, key=lambda day: day.exact)
    axes.annotate(
        f"{quietest.day:%A}, {quietest.day.day} {quietest.day:%B}: {quietest.exact}, estimated {quietest.estimate:.0f}",
        (_dates([quietest])[0], quietest.exact),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        size=9.5,
    )


def _draw_day_errors(axes: Axes, days: list[Day]) -> None:
    dates = _dates(days)
    axes.fill_between(
        dates,
        [100 * (day.lower / day.estimate - 1) for day in days],
        [100 * (day.upper / day.estimate - 1) for day in days],
        color=_BAND,
        alpha=0.75,
        linewidth=0,
    )
    axes.axhline(0, color=_EXACT, linewidth=0.9)
    axes.plot(dates, [100 * (day.estimate / day.exact - 1) for day in days], ".", color=_ESTIMATE, markersize=3)
    within = sum(day.lower <= day.exact <= day.upper for day in days)
    _note(axes, f"{within} of {len(days)} days within {_BAND_NAME}")
    axes.set_ylim(-6, 6)
    axes.set_yticks([-4, -2, 0, 2, 4])
    axes.set_xlim(dates[0], dates[-1])
    firsts = [day for day in days if day.day.day == 1]
    axes.set_xticks(_dates(firsts), labels=[f"{day.day:%b}" for day in firsts])
    _finish(axes, "", "error, %")


def _draw_delays(axes: Axes, delays: Delays) -> None:
    exact = [100 * fraction for fraction in delays.exact]
    estimate = [100 * fraction for fraction in delays.estimate]
    axes.step(delays.minutes, exact, where="post", color=_EXACT, linewidth=3.6, alpha=0.35, label="exact")
    name = f"histogram sketch ({delays.bins} bins, {delays.bytes} bytes)"
    axes.plot(delays.minutes, estimate, color=_ESTIMATE, linewidth=1.3, label=name)
    for fraction, minutes in zip(MARKED, delays.quantiles, strict=True):
        axes.plot([minutes, minutes, FROM_MINUTE], [0, 100 * fraction, 100 * fraction], ":", color=_FAINT, linewidth=1)
        axes.plot(minutes, 100 * fraction, "o", color=_ESTIMATE, markersize=5)
        axes.annotate(
            f"{fraction:.0%}: {minutes:.0f} min",
            (minutes, 100 * fraction),
            xytext=(8, -13),
            textcoords="offset points",
            size=9.5,
        )
    axes.set_ylim(0, 102)
    _finish(axes, "Departures with at most this delay, in minutes", "share of the year, %")
    axes.legend(loc="lower right", edgecolor="none", framealpha=1)


def _draw_delay_errors(axes: Axes, delays: Delays) -> None:
    error = [100 * (a - b) for a, b in zip(delays.estimate, delays.exact, strict=True)]
    worst = max(abs(points) for points in error)
    axes.axhline(0, color=_EXACT, linewidth=0.9)
    axes.plot(delays.minutes, error, color=_ESTIMATE, linewidth=1.3)
    _note(axes, f"at most {worst:.1f} points here; the sketch guarantees {100 * delays.guaranteed:.1f}")
    axes.set_ylim(-1.5 * worst, 1.5 * worst)
    axes.set_xlim(FROM_MINUTE, TO_MINUTE)
    axes.set_xlabel("departure delay, minutes")
    _finish(axes, "", "error, points")


def _dates(days: list[Day]) -> list[Any]:
    # Matplotlib takes dates wherever it takes numbers; its type stubs know of numbers only.
    return [day.day for day in days]


def _note(axes: Axes, text: str) -> None:
    axes.annotate(
        text, (1, 1), xycoords="axes fraction", xytext=(-4, -11), textcoords="offset points", ha="right", size=9
    )


def _finish(axes: Axes, title: str, unit: str) -> None:
    if title:
        axes.set_title(title, loc="left", size=12, weight="bold", pad=8)
    axes.set_ylabel(unit)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=_FAINT, labelcolor=_INK)
