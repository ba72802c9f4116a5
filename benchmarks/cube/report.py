"""The measurements as Markdown, each beside what was aimed for."""

from __future__ import annotations

from statistics import geometric_mean
from typing import Any

from benchmarks.heading import best_of, measured_on
from benchmarks.markdown import seconds_text, table

_BY_HAND = 1.15
_PLANNING = 0.005
_PLANNING_AMONG_MANY = 0.020
_RAW = 100


def render(sections: dict[str, Any]) -> str:
    """A table of the questions, and one of what was aimed for."""
    found = sections["questions"]
    tables = ", ".join(f"{rows:,} {name}" for name, rows in found["tables"].items())
    what = (
        f"{measured_on(found)} {found['rows']:,} bids of a year in {found['files']:,} Parquet files; rows of the "
        f"tables: {tables}. {best_of(found['runs'])} *Routed* is the statement that the cube writes, *answered* the "
        "whole of `cube.sql`, planning included. *Planning* is that of a query that was not asked before (of other "
        "days, where it names days), *again* that of one that was, while neither the ledger nor the files have "
        "changed. *ClickHouse* is the best statement by hand over the same tables of its engine AggregatingMergeTree "
        "(chdb, `uniqHLL12` and `quantileTDigest`)."
    )
    return "\n\n".join(["# The cube", what, _questions(found), _targets(found)]) + "\n"


def _questions(found: dict[str, Any]) -> str:
    clickhouse = found.get("clickhouse") or {}
    rows = [
        [
            each["name"],
            ", ".join(dict.fromkeys(each["tables"])),
            *(seconds_text(each[name]) for name in ("raw", "by_hand", "routed", "planning", "again", "seconds")),
            f"{each['raw'] / each['seconds']:,.0f} times",
            seconds_text(clickhouse[each["name"]]) if clickhouse else "not measured",
        ]
        for each in found["questions"]
    ]
    columns = ["raw", "by hand", "routed", "planning", "again", "answered", "faster than raw", "ClickHouse"]
    return table(["question", "from", *columns], rows)


def _targets(found: dict[str, Any]) -> str:
    questions, many = found["questions"], found["many"]
    by_hand = geometric_mean(each["routed"] / each["by_hand"] for each in questions)
    worst = max(each["routed"] / each["by_hand"] for each in questions)
    planning = sorted(each["planning"] for each in questions)[len(questions) // 2]
    raw = geometric_mean(each["raw"] / each["seconds"] for each in questions if each["of_months"])
    lines = [
        (
            "routed beside the statement by hand",
            f"{by_hand:.2f} times (at worst {worst:.2f})",
            f"{_BY_HAND} times",
            by_hand <= _BY_HAND,
        ),
        ("planning, median", seconds_text(planning), seconds_text(_PLANNING), planning <= _PLANNING),
        (
            f"planning among {many['rollups']} rollups",
            seconds_text(many["planning"]),
            seconds_text(_PLANNING_AMONG_MANY),
            many["planning"] <= _PLANNING_AMONG_MANY,
        ),
        ("months and longer, beside raw events", f"{raw:,.0f} times faster", f"{_RAW} times faster", raw >= _RAW),
    ]
    return table(
        ["what", "measured", "aimed for", "met"], [[a, b, c, "yes" if met else "**no**"] for a, b, c, met in lines]
    )
