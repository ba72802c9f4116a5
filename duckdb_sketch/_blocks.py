"""Pictures of block characters, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(share: float, width: int) -> str:
    """A bar of `share`, 0 to 1, of `width` characters, to an eighth; what is more than nothing can be seen."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def sparkline(values: Sequence[float | None], low: float | None = None) -> str:
    """A character for each value, as high as it is between `low`, by default the least, and the greatest.

    None leaves a gap.
    """
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    bottom, top = min(known) if low is None else low, max(known)
    levels = len(_LEVELS) - 1

    def level(value: float) -> int:
        return round((value - bottom) / (top - bottom) * levels) if top > bottom else 0

    return "".join(" " if value is None else _LEVELS[level(value)] for value in values)
