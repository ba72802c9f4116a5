"""The results as pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy_charts import draw_hll_errors, draw_rank_errors
from benchmarks.overview_chart import draw_overview
from benchmarks.size_chart import draw_sizes
from benchmarks.speed_chart import draw_speed

_Draw = Callable[[Path, dict[str, Any]], None]


def draw_charts(results: dict[str, Any], folder: Path) -> Iterator[Path]:
    """Draw every section that was measured; yield each file once it is written."""
    charts: list[tuple[str, str, _Draw]] = [
        ("speed", "speed.png", draw_speed),
        ("accuracy", "rank_errors.png", draw_rank_errors),
        ("accuracy", "hll_errors.png", draw_hll_errors),
        ("sizes", "sizes.png", draw_sizes),
    ]
    for section, file, draw in charts:
        if section in results:
            draw(folder / file, results[section])
            yield folder / file
    if "speed" in results and "accuracy" in results:
        draw_overview(folder / "overview.png", results["speed"], results["accuracy"])
        yield folder / "overview.png"
