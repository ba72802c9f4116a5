"""The study as a picture: how many times smaller and faster than the raw rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.chart_style import FAINT, INK, OURS, WIDTH, chart, finish
from benchmarks.markdown import bytes_text, seconds_text

_RAW = "raw, Parquet"
_DAYS = "#0072b2"
_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class _Look:
    """How a store is drawn: hours and days differ in color and marker, DuckDB's files are filled."""

    marker: str
    color: str
    filled: bool = True


_LOOKS = {
    "raw, Parquet, by sketches": _Look("s", INK),
    "by hour, DuckDB": _Look("o", OURS),
    "by hour, Parquet": _Look("o", OURS, filled=False),
    "by day, DuckDB": _Look("D", _DAYS),
    "by day, Parquet": _Look("D", _DAYS, filled=False),
    "by hour, Parquet, without sketches": _Look("X", FAINT),
}


def draw_study(path: Path, study: dict[str, Any]) -> None:
    """A row for the bytes and for each question of each subject, and in it a marker for each store."""
    subjects = sorted(study["subjects"], key=lambda subject: -subject["stores"][_RAW]["bytes"])
    rows = [row for subject in subjects for row in _rows(subject)]
    height = 2.2 + 0.52 * (len(rows) + len(subjects))
    subtitle = "How many times smaller and faster than the raw rows in Parquet (their bytes and times on the left)"
    with chart(path, (WIDTH, height), _finding(subjects[0]), subtitle) as figure:
        axes = figure.add_axes((0.36, 1.22 / height, 0.62, 1 - 2.12 / height))
        axes.axvline(1, color=INK, linewidth=1.5, zorder=1)
        place = 0
        places, names = [], []
        for subject in subjects:
            axes.text(
                -0.545, place, subject["title"], transform=axes.get_yaxis_transform(), weight="bold", size=10.5,
                va="center",
            )  # fmt: skip
            for name, values in _rows(subject):
                place += 1
                places.append(place)
                names.append(name)
                _draw_row(axes, place, values)
            place += 1
        axes.set_yticks(places, names)
        axes.set_ylim(place - 0.4, -0.6)
        _finish(axes)
        figure.legend(handles=_legend(study), loc="lower left", ncols=3, frameon=False, fontsize=10)


def _rows(subject: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """What is compared, with the raw figure, and that of each store."""
    sizes = {name: float(store["bytes"]) for name, store in subject["stores"].items()}
    rows = [(f"bytes: {bytes_text(int(sizes[_RAW]))}", sizes)]
    for question, found in subject["questions"].items():
        times = {name: cell["seconds"] for name, cell in found.items()}
        rows.append((f"{question}: {seconds_text(times[_RAW])}", times))
    return rows


def _draw_row(axes: Axes, place: int, values: dict[str, float]) -> None:
    ratios = {name: values[_RAW] / value for name, value in values.items() if name != _RAW}
    for name, ratio in ratios.items():
        look = _LOOKS[name]
        axes.plot(
            ratio, place, look.marker, color=look.color, markersize=8, markeredgewidth=1.6, zorder=3,
            markerfacecolor=look.color if look.filled else "white",
        )  # fmt: skip
    best = max(ratios.values())
    if best >= 10:
        axes.annotate(
            f"{best:,.0f}×", (best, place), (9, 0), textcoords="offset points", va="center", size=10, weight="bold"
        )


def _finding(subject: dict[str, Any]) -> str:
    """What days in Parquet save of bytes, and how much faster the question that gains most is."""
    smaller = subject["stores"][_RAW]["bytes"] / subject["stores"]["by day, Parquet"]["bytes"]
    faster = max(
        found[_RAW]["seconds"] / cell["seconds"]
        for found in subject["questions"].values()
        for name, cell in found.items()
        if name.startswith("by")
    )
    return f"Rolled up by day: {smaller:,.0f} times smaller, answers up to {faster:,.0f} times faster"


def _finish(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 1.6)
    axes.xaxis.set_major_locator(FixedLocator(list(_TICKS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}×"))
    axes.set_xlabel("times smaller or faster than raw: to the left of 1× it is larger or slower; logarithmic scale")
    axes.xaxis.label.set_x(0.3)
    finish(axes, grid="x")


def _legend(study: dict[str, Any]) -> list[Line2D]:
    drawn = {
        name
        for subject in study["subjects"]
        for found in (subject["stores"], *subject["questions"].values())
        for name in found
    }
    return [
        Line2D(
            [], [], marker=look.marker, linestyle="", color=look.color, markersize=8, markeredgewidth=1.6,
            markerfacecolor=look.color if look.filled else "white", label=name,
        )
        for name, look in _LOOKS.items()
        if name in drawn
    ]  # fmt: skip
