"""The study as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.chart_style import FAINT, INK, OURS, chart, finish
from benchmarks.markdown import bytes_text, seconds_text

_ROOM = 12.0


def draw_study(path: Path, study: dict[str, Any]) -> None:
    """A row for each subject: on the left bytes, then the time of each question."""
    subjects = study["subjects"]
    subtitle = (
        "A distinct count and a distribution in each rolled-up row. Logarithmic; in parentheses, the share of raw"
    )
    height = 1.5 + 3.9 * len(subjects)
    with chart(path, (16, height), "Raw rows or rollups", subtitle) as figure:
        grid = {"left": 0.016, "right": 0.99, "wspace": 0.09, "hspace": 0.3}
        grid |= {"bottom": 0.45 / height, "top": 1 - 1.5 / height}
        axes = figure.subplots(len(subjects), 4, gridspec_kw=grid, squeeze=False)
        for row, subject in zip(axes, subjects, strict=True):
            sizes = {name: store["bytes"] for name, store in subject["stores"].items()}
            _draw_bars(row[0], f"{subject['title']}: bytes", sizes, bytes_text)
            for panel, (question, found) in zip(row[1:], subject["questions"].items(), strict=True):
                times = {name: cell["seconds"] for name, cell in found.items()}
                _draw_bars(panel, question, times, seconds_text)


def _draw_bars(axes: Axes, title: str, values: dict[str, float], text: Any) -> None:
    least, most = min(values.values()), max(values.values())
    finish(axes, grid="x")
    axes.set_title(title, loc="left", size=11, weight="bold", pad=8)
    axes.set_yticks([])
    axes.set_ylim(len(values) - 0.5, -0.9)
    axes.set_xscale("log")
    axes.set_xlim(least / 2, most * _ROOM)
    raw = next(iter(values.values()))
    for row, (name, value) in enumerate(values.items()):
        color = OURS if name.startswith("by") else INK
        axes.hlines(row, least / 2, value, color=color, linewidth=2.4, alpha=0.45)
        axes.plot(value, row, "o", color=color, markersize=7.5)
        ratio = f" (1/{raw / value:,.1f})" if value < raw else ""
        axes.annotate(f"{text(value)}{ratio}", (value, row), (9, 0), textcoords="offset points", va="center", size=10)
        axes.annotate(name, (least / 2, row), (5, 8), textcoords="offset points", va="bottom", size=10, color=color)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelcolor=FAINT, labelsize=9)
