"""The suite of set operations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.heading import best_of, measured_on
from benchmarks.markdown import percent_text, seconds_text, table
from benchmarks.sets.accuracy import DIFFERENCE, LIKELIHOOD, THETA, measure_accuracy
from benchmarks.sets.chart import draw
from benchmarks.sets.speed import measure_speed
from benchmarks.suite import Suite


class Sets(Suite):
    name = "sets"
    summary = "theta sketches: their speed, and the error of set operations next to HLL sketches"
    file = "sets"
    parts = ("speed", "accuracy")
    default_runs = 5
    sizes: ClassVar = {"full": 20_000_000, "quick": 2_000_000, "toy": 40_000}  # rows

    def measure(self, part: str) -> dict[str, Any]:
        if part == "speed":
            return measure_speed(self.size, self.runs, self.progress)
        trials = max(self.size // 200_000, 5)
        return measure_accuracy(max(self.size // 400, 1_000), trials, self.progress)

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        text = "# Set operations\n"
        if "speed" in sections:
            text += f"\n{_speed(sections['speed'])}\n"
        if "accuracy" in sections:
            text += f"\n{_accuracy(sections['accuracy'])}\n"
        return text

    @staticmethod
    def draw(sections: dict[str, Any], folder: Path) -> Iterator[Path]:
        if "accuracy" in sections:
            draw(folder / "sets.png", sections["accuracy"])
            yield folder / "sets.png"


def _speed(speed: dict[str, Any]) -> str:
    floors = {
        line["of"]: line["cpu_seconds"] for line in speed["lines"] if "floor" in line["who"] or "copy" in line["who"]
    }
    rows = []
    for line in speed["lines"]:
        floor = floors.get(line["of"])
        times = f"{line['cpu_seconds'] / floor:.2f}" if floor else ""
        rows.append(
            [
                f"{line['what']} {line['of']}: {line['who']}",
                seconds_text(line["seconds"]),
                seconds_text(line["cpu_seconds"]),
                times,
            ]
        )
    heading = f"## Speed\n\n{measured_on(speed)} {best_of(speed['runs'])}"
    what = (
        f"{speed['rows']:,} rows; {speed['states']:,} stored sketches of 4,096 entries, of which {speed['same']:,} are "
        "compared with their neighbors; as many are all the same one. The floor of `unite` is a copy of the bytes."
    )
    return f"{heading} {what}\n\n{table(['', 'time', 'processor time', 'times the floor'], rows)}"


def _accuracy(accuracy: dict[str, Any]) -> str:
    parts = [
        f"## Accuracy\n\nRelative standard error of {accuracy['trials']} pairs of sets of {accuracy['values']:,} "
        "values; `lg_nom_entries` and `lg_k` 12."
    ]
    for what in ("union", "intersection", "difference"):
        rows = []
        for point in accuracy["points"]:
            found = {each["how"]: each for each in point["found"] if each["what"] == what}
            cells = [
                percent_text(found[how]["error"], 1) if how in found else "" for how in (THETA, LIKELIHOOD, DIFFERENCE)
            ]
            covered = [
                percent_text(found[how]["covered"], 0) if how in found and found[how]["covered"] is not None else ""
                for how in (THETA, LIKELIHOOD)
            ]
            rows.append([f"{point['likeness']:g}", *cells, *covered])
        header = [f"{what}, Jaccard", THETA, LIKELIHOOD, "HLL, estimates", "within bounds: theta", "hll_intersection"]
        parts.append(table(header, rows))
    return "\n\n".join(parts)
