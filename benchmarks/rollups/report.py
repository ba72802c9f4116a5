"""The measurements as Markdown, each beside what was aimed for."""

from __future__ import annotations

from typing import Any

from benchmarks.heading import best_of, measured_on
from benchmarks.markdown import bytes_text, seconds_text, table

Line = tuple[str, str, str, "bool | None"]
"""What was done, what it took, what was aimed for, and whether it was met."""


def render(sections: dict[str, Any]) -> str:
    """A table for each part: what was done, what it took, what was aimed for."""
    parts = ["# Keeping a rollup"]
    if "keeping" in sections:
        parts += [_what(sections["keeping"]), _table(_lines(sections["keeping"]))]
    for name, title, lines in (
        ("small_files", "Many small files", _small_files),
        ("late_files", "Late files", _late_files),
    ):
        if name in sections:
            section = sections[name]
            what = f"{measured_on(section)} {best_of(section['runs'])}"
            parts += [f"## {title}", what, _table(lines(section))]
    return "\n\n".join(parts) + "\n"


def _what(found: dict[str, Any]) -> str:
    return (
        f"{measured_on(found)} {found['rows']:,} bids in {found['files']:,} Parquet "
        f"files, rolled up to {found['group_by']['groups']:,} groups of an hour and one of {found['publishers']:,} "
        "publishers: a count, a sum, a sketch of the distinct users and one of the distribution of prices. "
        f"{best_of(found['runs'])}"
    )


def _table(lines: list[Line]) -> str:
    return table(["work", "measured", "at most", "met"], [_line(*line) for line in lines])


def _small_files(section: dict[str, Any]) -> list[Line]:
    lines: list[Line] = []
    for kind in section["kinds"]:
        ratio = kind["seconds"] / kind["bare_seconds"]
        name = {"parquet": "Parquet", "csv": "CSV"}[kind["suffix"]]
        lines += [
            (
                f"the bare GROUP BY of {kind['files']:,} files of {name}, {kind['rows'] // kind['files']} rows each",
                _times(kind["bare_seconds"], kind["bare_processor"]),
                "",
                None,
            ),
            (
                "a refresh of the same files",
                f"{ratio:.2f} times that: {_times(kind['seconds'], kind['processor'])}",
                "twice",
                ratio <= 2,
            ),
        ]
    return lines


def _times(seconds: float, processor: float) -> str:
    return f"{seconds_text(seconds)} ({seconds_text(processor)} of processor time)"


def _late_files(section: dict[str, Any]) -> list[Line]:
    lines: list[Line] = []
    for late in section["tables"]:
        what = (
            f"of {late['files']} late files of {late['rows']:,} rows for {late['touched']:,} of {late['groups']:,} "
            "groups, one after the other with checkpoints in between"
        )
        for part, title in (("refresh", "refresh"), ("commit", "of that the commit alone")):
            for which, seconds in late[part].items():
                time = seconds_text(seconds)
                if (part, which) == ("refresh", "median"):
                    time = _times(seconds, late["processor"])
                lines.append((f"{title}: the {which} {what}", time, "100 ms", seconds <= 0.1))
    return lines


def _line(work: str, measured: str, most: str, met: bool | None) -> list[str]:
    return [work, measured, most, "" if met is None else "yes" if met else "**no**"]


def _lines(found: dict[str, Any]) -> list[Line]:
    bare, full, small = found["group_by"], found["refresh"], found["refresh_in_2gb"]
    again = found["nothing_new"]
    ratio, ratio_small = full["seconds"] / bare["seconds"], small["seconds"] / bare["seconds"]
    lines: list[Line] = [
        ("the bare GROUP BY", f"{seconds_text(bare['seconds'])}, {bytes_text(bare['peak_bytes'])}", "", None),
        (
            "a refresh of the same files",
            f"{ratio:.2f} times that: {seconds_text(full['seconds'])}, {bytes_text(full['peak_bytes'])}",
            "1.25 times",
            ratio <= 1.25,
        ),
        (
            f"the same within `--memory-limit 2GB` ({small['batches']} batches)",
            f"{ratio_small:.2f} times: {seconds_text(small['seconds'])}, {bytes_text(small['peak_bytes'])}",
            "2 GB",
            small["peak_bytes"] <= 2e9,
        ),
        (
            f"a refresh with nothing new, {again['files']:,} files counted",
            f"{seconds_text(again['seconds'])} ({seconds_text(again['command_seconds'])} as a command)",
            "200 ms",
            again["seconds"] <= 0.2,
        ),
    ]
    lines += [
        (f"one late file of {late['rows']:,} rows, for existing hours", seconds_text(late["seconds"]), "", None)
        for late in found["late"]
    ]
    lines += [_months(months) for months in found["months"]]
    return lines


def _months(months: dict[str, Any]) -> Line:
    faster = months["raw_seconds"] / months["seconds"]
    who = f"{months['publishers']} publisher" + ("s" if months["publishers"] > 1 else "")
    return (
        f"a year of hours to months, {who} ({months['groups']:,} groups), against raw rows",
        f"{faster:.0f} times faster: {seconds_text(months['seconds'])} / {seconds_text(months['raw_seconds'])}",
        "a fortieth",
        faster >= 40,
    )
