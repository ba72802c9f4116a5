"""The command line: `python -m benchmarks SUITE …`; without arguments it lists the suites."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.markdown import Markdown

from benchmarks.progress import Progress
from benchmarks.results import read_results, write_section
from benchmarks.scale import SCALES
from benchmarks.suite import Suite, Unavailable
from benchmarks.suites import SUITES


def main(arguments: list[str] | None = None) -> int:
    """Measure some suites and report; the exit code is 1 if one could not be measured here."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.suites:
        parser.print_help()
        return 0
    progress = Progress()
    suites = [SUITES[name](options, progress) for name in dict.fromkeys(options.suites)]
    parts = {part for suite in suites for part in suite.parts}
    unknown = set(options.only or ()) - parts
    if unknown:
        parser.error(f"--only {','.join(sorted(unknown))}: the parts of these suites are {', '.join(sorted(parts))}")
    missed = [suite for suite in suites if not options.render and not _measure(suite)]
    for suite in {(suite.file, suite.output): suite for suite in suites if suite not in missed}.values():
        _report(suite)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, SUITES))
    suites = "\n".join(f"  {name:{width}}  {suite.summary}" for name, suite in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Measures suites, and writes JSON, Markdown and charts.\n\nsuites:\n{suites}",
    )
    parser.add_argument("suites", nargs="*", type=_suite, metavar="SUITE", help="what to measure, one or more")
    parser.add_argument("--scale", choices=SCALES, default="full", help="how much data (default: full)")
    parser.add_argument("--quick", dest="scale", action="store_const", const="quick", help="the same as --scale quick")
    parser.add_argument("--rows", type=int, help="or the rows to generate, where a suite generates rows")
    parser.add_argument("--only", type=_names, metavar="PART,…", help="only these parts: " + _parts())
    parser.add_argument("--runs", type=int, help="runs of each measurement, of which the best counts")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write tables and charts again, from the JSON")
    for suite in SUITES.values():
        suite.add_options(parser.add_argument_group(f"only {suite.name}"))
    return parser


def _parts() -> str:
    several = [suite for suite in SUITES.values() if len(suite.parts) > 1]
    return "; ".join(f"{', '.join(suite.parts)} of {suite.name}" for suite in several)


def _suite(name: str) -> str:
    if name not in SUITES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SUITES)}")
    return name


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _measure(suite: Suite) -> bool:
    """Measure a suite's parts into its results; whether that was possible."""
    for part in suite.parts:
        if suite.options.only is None or part in suite.options.only:
            suite.progress.title(f"{suite.name}: {part}" if len(suite.parts) > 1 else suite.name)
            try:
                measured = suite.measure(part)
            except Unavailable as reason:
                print(f"Nothing was measured by {suite.name}: {reason}")
                return False
            write_section(suite.output, suite.file, part, {"scale": suite.options.scale, **measured})
    return True


def _report(suite: Suite) -> None:
    """Write the report and the charts, and print the report."""
    sections = read_results(suite.output, suite.file)
    text = suite.render(sections)
    (suite.output / f"{suite.file}.md").write_text(text)
    console = suite.progress.console
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        print(text)
    try:
        for chart in suite.draw(sections, suite.output):
            suite.progress.line(f"wrote {chart}")
    except ImportError as error:
        suite.progress.line(f"no charts: {error}")


if __name__ == "__main__":
    sys.exit(main())
