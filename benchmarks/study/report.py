"""The study as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks import targets
from benchmarks.heading import measured_on
from benchmarks.markdown import bytes_text, percent_text, seconds_text, table
from benchmarks.study.timing import EXACT

# Sums of doubles in another order differ by this much.
_ROUNDING = 1e-9


def render(study: dict[str, Any]) -> str:
    """A table of bytes and one of times for each subject."""
    what = (
        f"{measured_on(study)} Parquet is compressed with zstd; times are the best of {study['runs']} runs after a "
        "warm-up, files in the page cache."
    )
    parts = ["# Raw rows or rollups", what]
    for subject in study["subjects"]:
        parts += _subject(subject, study["threads"])
    return "\n\n".join(parts) + "\n"


def _subject(subject: dict[str, Any], threads: int) -> list[str]:
    return [
        f"## {subject['title']}",
        f"Source: {subject['source']}. Rolled up by {', '.join(subject['dimensions'])} and time: a count, a sum, a "
        f"sketch of the distinct {subject['counted']} (lg_k 12) and one of the distribution of "
        f"{subject['measured']} (50 bins).",
        table(["stored", "bytes", "times smaller", "rows", "times fewer", "made in"], _sizes(subject)),
        _against_the_talk(subject),
        table(["question", *_stores(subject)], _times(subject)),
        "The distribution: its 50 %, 90 % and 99 % quantiles. In parentheses: the largest relative error of an answer.",
        _scanned(subject, threads),
    ]


def _sizes(subject: dict[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            bytes_text(store["bytes"]),
            f"{store['bytes_reduction']:,.1f}",
            f"{store['rows']:,}",
            f"{store['rows_reduction']:,.1f}",
            "" if store["seconds_to_make"] is None else seconds_text(store["seconds_to_make"]),
        ]
        for name, store in subject["stores"].items()
    ]


def _against_the_talk(subject: dict[str, Any]) -> str:
    """The reductions in the words of the talk."""
    stores = subject["stores"]
    lines = []
    for name, store in stores.items():
        if name != EXACT and "Parquet" in name:
            share = store["bytes_reduction"] / targets.TALK_REDUCTION
            lines.append(f"{name}: {store['bytes_reduction']:,.1f} times smaller ({share:.1f} times the talk's)")
    return f"Against the talk's reduction of {targets.TALK_REDUCTION:g} times: " + "; ".join(lines) + "."


def _scanned(subject: dict[str, Any], threads: int) -> str:
    """How many summarized rows the full count reads, in the words of the talk."""
    store = "by hour, DuckDB"
    question, found = next(iter(subject["questions"].items()))
    rate = subject["stores"][store]["rows"] / found[store]["seconds"] / threads
    return (
        f"{question.capitalize()}, {store}: {rate / 1e6:,.0f} million summarized rows scanned per second per core; the "
        f"talk: {targets.TALK_ROWS / 1e6:g} million."
    )


def _stores(subject: dict[str, Any]) -> list[str]:
    """The columns of the table of times, those over the raw rows first."""
    names = dict.fromkeys(store for found in subject["questions"].values() for store in found)
    return sorted(names, key=lambda name: not name.startswith("raw"))


def _times(subject: dict[str, Any]) -> list[list[str]]:
    rows = []
    for question, found in subject["questions"].items():
        cells = []
        for store in _stores(subject):
            cell = found.get(store)
            if cell is None:
                cells.append("")
            elif cell.get("error", 0) > _ROUNDING:
                cells.append(f"{seconds_text(cell['seconds'])} ({percent_text(cell['error'])})")
            else:
                cells.append(seconds_text(cell["seconds"]))
        rows.append([question, *cells])
    return rows
