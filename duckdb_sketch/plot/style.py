"""One look for every picture. The two colors differ for the color-blind too, and in grey."""

from __future__ import annotations

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FuncFormatter

from duckdb_sketch._text import number_text
from duckdb_sketch.errors import InvalidInputError

INK = "#22303c"
FAINT = "#8a97a3"
GRID = "#e6eaee"


class Palette(NamedTuple):
    """A color, and its tints for bands: the inner one is darker."""

    line: str
    inner: str
    outer: str


Color = str | tuple[float, float, float]
"""A color, as matplotlib takes it."""

ORANGE = Palette("#e4572e", "#f0936f", "#fbd8ca")
BLUE = Palette("#1b6480", "#6aaac2", "#cfe3ec")

TITLE: dict[str, Any] = {"loc": "left", "size": 12, "weight": "bold", "pad": 8, "color": INK}

_MINUS = "\N{MINUS SIGN}"
_INCHES = (8.0, 4.5)


def palette_of(color: Color | None) -> Palette:
    """A color with its tints; the usual one for None.

    Raises:
        InvalidInputError: If it is not a color.
    """
    if color is None:
        return ORANGE
    try:
        red, green, blue = to_rgb(color)
    except ValueError as error:
        raise InvalidInputError(f"{color!r} is not a color of matplotlib") from error

    def tint(share: float) -> str:
        return to_hex((1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue)))

    return Palette(tint(1), tint(0.65), tint(0.25))


def axes_or_new(ax: Axes | None) -> Axes:
    """`ax`, or the axes of a new pyplot figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot  # it chooses a backend for windows, which is no use to who brings axes

    return pyplot.subplots(figsize=_INCHES, layout="constrained")[1]


def finish(ax: Axes, title: str, x: str = "", y: str = "", grid: str = "both") -> None:
    """Give axes the common look, and those names that they do not have yet."""
    if not any(ax.get_title(place) for place in ("left", "center", "right")):
        ax.set_title(title, **TITLE)
    if not ax.get_xlabel():
        ax.set_xlabel(x, color=INK)
    if not ax.get_ylabel():
        ax.set_ylabel(y, color=INK)
    ax.grid(color=GRID, linewidth=0.8, axis=grid)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(color=FAINT, labelcolor=INK, which="both")


def legend_on_top(ax: Axes, columns: int) -> None:
    """Name what is drawn, in a line above all of it."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (high - low))
    ax.legend(
        loc="upper left", edgecolor="none", framealpha=0.9, labelcolor=INK, ncols=columns, fontsize=9.5, borderpad=0.2
    )


def note(ax: Axes, lines: list[str]) -> None:
    """Say in the upper right corner what the picture leaves out."""
    if lines:
        text = "\n".join(lines).replace("-", _MINUS)
        ax.text(
            0.995, 0.985, text, transform=ax.transAxes, ha="right", va="top", size=9, color=FAINT,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}, zorder=4,
        )  # fmt: skip


def ticks() -> FuncFormatter:
    """Numbers at an axis, as people read them: `1,500,000`."""
    return FuncFormatter(_tick)


def _tick(value: float, _: int | None) -> str:
    return f"{value:,.10g}".replace("-", _MINUS)


def number(value: float) -> str:
    """A number with as many digits as a picture has room for."""
    return number_text(value).replace("-", _MINUS)
