"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.markdown import Markdown

from benchmarks.data import Data
from benchmarks.folders import results_folder
from benchmarks.histogram_accuracy import measure_histograms
from benchmarks.hll_accuracy import measure_hll
from benchmarks.progress import Progress
from benchmarks.report import render
from benchmarks.results import read_results, write_section
from benchmarks.scale import FULL, QUICK, SCALES, Scale
from benchmarks.sizes import measure_sizes
from benchmarks.speed import Speed
from benchmarks.systems import SYSTEMS
from benchmarks.workloads import BY_NAME

SECTIONS = ("speed", "accuracy", "sizes")


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    scale = QUICK if options.quick else SCALES[options.scale]
    folder = options.output or results_folder(scale.name)
    progress = Progress()
    if not options.render:
        _measure(options, scale, folder, progress)
    _show(folder, progress)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed, accuracy and size, beside others."
    )
    parser.add_argument("--quick", action="store_true", help="little data: under two minutes once it is generated")
    parser.add_argument("--scale", choices=SCALES, default=FULL.name, help="how much data (default: full)")
    parser.add_argument(
        "--only", type=_names(SECTIONS), default=SECTIONS, metavar="SECTION,…", help=", ".join(SECTIONS)
    )
    parser.add_argument(
        "--workloads", type=_names(BY_NAME), default=tuple(BY_NAME), metavar="NAME,…", help=", ".join(BY_NAME)
    )
    parser.add_argument("--systems", type=_names(SYSTEMS), metavar="NAME,…", help=", ".join(SYSTEMS))
    parser.add_argument("--with-spark", action="store_true", help="Spark too, where the scale leaves it out")
    parser.add_argument("--runs", type=int, help="timed runs of each contender")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write tables and charts again, from the JSON")
    return parser


def _names(known: Any) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def _measure(options: argparse.Namespace, scale: Scale, folder: Path, progress: Progress) -> None:
    if options.runs:
        scale = replace(scale, runs=options.runs)
    if "speed" in options.only:
        progress.title("Speed")
        speed = Speed(Data(scale), _systems(options, scale), options.workloads, progress).run()
        write_section(folder, "speed", speed, scale.name)
    if "accuracy" in options.only:
        progress.title("Accuracy")
        accuracy = {"histograms": measure_histograms(scale, progress), "hll": measure_hll(scale, progress)}
        write_section(folder, "accuracy", accuracy, scale.name)
    if "sizes" in options.only:
        progress.title("Sizes")
        write_section(folder, "sizes", measure_sizes(scale, progress), scale.name)


def _systems(options: argparse.Namespace, scale: Scale) -> tuple[str, ...]:
    if options.systems:
        return tuple(options.systems)
    return tuple(name for name in SYSTEMS if name not in scale.left_out or (name == "spark" and options.with_spark))


def _show(folder: Path, progress: Progress) -> None:
    """Write the tables and charts, and print the tables."""
    results = read_results(folder)
    text = render(results)
    (folder / "results.md").write_text(text)
    if progress.console.is_terminal:
        progress.console.print(Markdown(text))
    else:
        print(text)
    try:
        from benchmarks.charts import draw_charts
    except ImportError as error:
        progress.line(f"no charts: {error}")
        return
    for chart in draw_charts(results, folder):
        progress.line(f"wrote {chart}")


if __name__ == "__main__":
    main()
