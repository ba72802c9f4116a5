"""The small picture of a histogram that a notebook shows beside its numbers."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT, _LABELS = 240, 48, 14


def svg_of_bars(heights: Sequence[float], first: str, last: str) -> str:
    """Bars side by side, the highest as high as the picture, with a label under the first and one under the last."""
    step = _WIDTH / len(heights)
    highest = max(heights) or 1
    bars = []
    for index, height in enumerate(heights):
        size = _HEIGHT * height / highest
        place = f'x="{index * step:.1f}" y="{_HEIGHT - size:.1f}" width="{step - 1:.1f}" height="{size:.1f}"'
        bars.append(f"<rect {place}/>")
    text = f'<text y="{_HEIGHT + _LABELS - 2}"'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT + _LABELS}" role="img" font-size="11" font-family="sans-serif">'
        f'<g fill="#4477aa">{"".join(bars)}</g>'
        f'<g fill="currentColor">{text} x="0">{first}</text>'
        f'{text} x="{_WIDTH}" text-anchor="end">{last}</text></g></svg>'
    )
