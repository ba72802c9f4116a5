"""The measurements as Markdown, each beside what was aimed for."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import bytes_text, seconds_text, table


def render(found: dict[str, Any]) -> str:
    """One table: what was done, what it took, what was aimed for."""
    machine = found["machine"]
    what = (
        f"{machine['cpu']}, {found['threads']} threads, {bytes_text(machine['memory'])} of memory, DuckDB "
        f"{machine['versions']['duckdb']}, {machine['date']}. {found['rows']:,} bids in {found['files']:,} Parquet "
        f"files, rolled up to {found['group_by']['groups']:,} groups of an hour and one of {found['publishers']:,} "
        "publishers: a count, a sum, a sketch of the different users and one of the distribution of prices. "
        f"Best of {found['runs']}."
    )
    rows = table(["work", "measured", "at most", "met"], [_line(*line) for line in _lines(found)])
    return f"# Keeping a rollup\n\n{what}\n\n{rows}\n"


def _line(work: str, measured: str, most: str, met: bool | None) -> list[str]:
    return [work, measured, most, "" if met is None else "yes" if met else "**no**"]


def _lines(found: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    bare, full, small = found["group_by"], found["refresh"], found["refresh_in_2gb"]
    again = found["nothing_new"]
    ratio, ratio_small = full["seconds"] / bare["seconds"], small["seconds"] / bare["seconds"]
    lines: list[tuple[str, str, str, bool | None]] = [
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
        (f"one late file of {late['rows']:,} rows, for hours that are there", seconds_text(late["seconds"]), "", None)
        for late in found["late"]
    ]
    lines += [_months(months) for months in found["months"]]
    return lines


def _months(months: dict[str, Any]) -> tuple[str, str, str, bool | None]:
    faster = months["raw_seconds"] / months["seconds"]
    who = f"{months['publishers']} publisher" + ("s" if months["publishers"] > 1 else "")
    return (
        f"a year of hours to months, {who} ({months['groups']:,} groups), against raw rows",
        f"{faster:.0f} times faster: {seconds_text(months['seconds'])} / {seconds_text(months['raw_seconds'])}",
        "a fortieth",
        faster >= 40,
    )
