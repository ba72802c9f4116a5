"""The picture: what the sketches say next to what is true; below, by how much they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_sketch.demo.flights import SOURCE
from duckdb_sketch.demo.series import FROM_MINUTE, MARKED, TO_MINUTE, Delays, Week

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES = (10.0, 6.6)
DOTS_PER_INCH = 150

_INK = "#22303c"
_MUTED = "#5d6b78"
_FAINT = "#8a97a3"
_GRID = "#e6eaee"
_ESTIMATE = "#e4572e"
_BAND = "#f7b89f"
_BAND_NAME = "± 2 standard errors"


def draw(png: Path, flights: int, weeks: list[Week], delays: Delays) -> None:
    """Write the picture.

    Args:
        png: The file.
        flights: How many flights it is about.
        weeks: The left half: distinct aircraft per week.
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
            gridspec_kw={"left": 0.08, "right": 0.975, "top": 0.81, "bottom": 0.125, "hspace": 0.10, "wspace": 0.22},
        )
        _draw_weeks(axes[0, 0], weeks)
        _draw_week_errors(axes[1, 0], weeks)
        _draw_delays(axes[0, 1], delays)
        _draw_delay_errors(axes[1, 1], delays)
        _write_titles(figure, flights, weeks, delays)
        figure.savefig(png)


def _write_titles(figure: Figure, flights: int, weeks: list[Week], delays: Delays) -> None:
    aircraft = max(abs(error) for error in _week_errors(weeks))
    points = max(abs(error) for error in _delay_errors(delays))
    title = f"From hourly sketches: aircraft within {aircraft:.1f} %, delays within {points:.1f} points"
    subtitle = f"{flights:,} flights out of New York City in 2013, one row per hour, airport and carrier, merged"
    figure.text(0.02, 0.935, title, size=15, weight="bold")
    figure.text(0.02, 0.89, subtitle, size=10.5, color=_MUTED)
    figure.text(0.02, 0.02, f"Data: {SOURCE}. Hours are local, as scheduled.", size=9, color=_MUTED)


def _draw_weeks(axes: Axes, weeks: list[Week]) -> None:
    mondays = _mondays(weeks)
    axes.plot(mondays, [week.exact for week in weeks], color=_INK, linewidth=1.6, label="exact")
    axes.vlines(
        mondays,
        [week.lower for week in weeks],
        [week.upper for week in weeks],
        color=_BAND,
        linewidth=2.6,
        zorder=1,
        label=_BAND_NAME,
    )
    axes.plot(mondays, [week.estimate for week in weeks], "o", color=_ESTIMATE, markersize=4.5, label="HLL sketch")
    low, high = min(week.lower for week in weeks), max(week.upper for week in weeks)
    axes.set_ylim(low - 0.3 * (high - low), None)  # the lowest part is for the legend
    _finish(axes, "Distinct aircraft per week", "aircraft")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="lower right", frameon=False, ncols=3, fontsize=9.5, columnspacing=1.2, handletextpad=0.5)


def _draw_week_errors(axes: Axes, weeks: list[Week]) -> None:
    mondays = _mondays(weeks)
    axes.fill_between(
        mondays,
        [100 * (week.lower / week.estimate - 1) for week in weeks],
        [100 * (week.upper / week.estimate - 1) for week in weeks],
        color=_BAND,
        alpha=0.75,
        linewidth=0,
    )
    axes.axhline(0, color=_INK, linewidth=0.9)
    axes.plot(mondays, _week_errors(weeks), "o", color=_ESTIMATE, markersize=3.5)
    within = sum(week.lower <= week.exact <= week.upper for week in weeks)
    _note(axes, f"{within} of {len(weeks)} weeks within {_BAND_NAME}")
    axes.set_ylim(-6, 7)
    axes.set_yticks([-4, 0, 4])
    firsts = sorted({week.monday.replace(day=1) for week in weeks[1:]})[1::2]
    axes.set_xticks(_dates(firsts), labels=[f"{first:%b}" for first in firsts])
    _finish(axes, "", "error, %")


def _draw_delays(axes: Axes, delays: Delays) -> None:
    exact = [100 * fraction for fraction in delays.exact]
    estimate = [100 * fraction for fraction in delays.estimate]
    axes.step(delays.minutes, exact, where="post", color=_INK, linewidth=1.6, label="exact")
    name = f"histogram ({delays.bins} bins, {delays.bytes} bytes)"
    axes.plot(delays.minutes, estimate, "--", color=_ESTIMATE, linewidth=1.8, label=name)
    for fraction, minutes in zip(MARKED, delays.quantiles, strict=True):
        axes.plot([minutes, minutes, FROM_MINUTE], [0, 100 * fraction, 100 * fraction], ":", color=_FAINT, linewidth=1)
        axes.plot(minutes, 100 * fraction, "o", color=_ESTIMATE, markersize=5)
        axes.annotate(
            f"{fraction:.0%}: {minutes:.0f} min".replace("-", "\N{MINUS SIGN}"),
            (minutes, 100 * fraction),
            xytext=(8, -13),
            textcoords="offset points",
            size=9.5,
        )
    axes.set_ylim(0, 102)
    _finish(axes, "Departures with at most this delay", "share of the year, %")
    axes.legend(loc="lower right", edgecolor="none", framealpha=1, fontsize=9.5)


def _draw_delay_errors(axes: Axes, delays: Delays) -> None:
    errors = _delay_errors(delays)
    worst = max(abs(points) for points in errors)
    axes.axhline(0, color=_INK, linewidth=0.9)
    axes.plot(delays.minutes, errors, color=_ESTIMATE, linewidth=1.3)
    _note(axes, f"at most {worst:.1f} points here; proven: {100 * delays.guaranteed:.1f}")
    axes.set_ylim(-1.5 * worst, 1.5 * worst)
    axes.set_xlim(FROM_MINUTE, TO_MINUTE)
    axes.set_xlabel("departure delay, minutes")
    _finish(axes, "", "error, points")


def _week_errors(weeks: list[Week]) -> list[float]:
    """By how many percent each estimate is off."""
    return [100 * (week.estimate / week.exact - 1) for week in weeks]


def _delay_errors(delays: Delays) -> list[float]:
    """By how many percent of the flights the distribution is off at each minute."""
    return [100 * (estimate - exact) for estimate, exact in zip(delays.estimate, delays.exact, strict=True)]


def _mondays(weeks: list[Week]) -> list[Any]:
    return _dates([week.monday for week in weeks])


def _dates(dates: list[Any]) -> list[Any]:
    # Matplotlib takes dates wherever it takes numbers; its type stubs know of numbers only.
    return dates


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
