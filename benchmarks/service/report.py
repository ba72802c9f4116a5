"""The measurements as Markdown, each beside what was aimed for."""

from __future__ import annotations

from typing import Any

from benchmarks.heading import measured_on
from benchmarks.markdown import bytes_text, seconds_text, table

_ARRIVAL = 5.0
_ANSWER = 0.1
_FLAT = 1.1


def render(sections: dict[str, Any]) -> str:
    """A section each for the load, the kills and the throughput."""
    first = next(iter(sections.values()))
    parts = ["# The service", f"{measured_on(first)} Clients and files come from the same machine."]
    if "load" in sections:
        parts += [_load(sections["load"])]
    if "kills" in sections:
        parts += [_kills(sections["kills"])]
    if "throughput" in sections:
        parts += [_throughput(sections["throughput"])]
    return "\n\n".join(parts) + "\n"


def _load(found: dict[str, Any]) -> str:
    answer, arrival, memory = found["answer"], found["arrival"], found["memory"]
    growth = memory["last_quarter"] / memory["second_quarter"]
    lines = [
        ("arrival to answer, p99", seconds_text(arrival["p99"]), seconds_text(_ARRIVAL), arrival["p99"] <= _ARRIVAL),
        ("arrival to answer, p50", seconds_text(arrival["p50"]), "", None),
        ("query, p99", seconds_text(answer["p99"]), seconds_text(_ANSWER), answer["p99"] <= _ANSWER),
        ("query, p50", seconds_text(answer["p50"]), "", None),
        ("memory, last quarter beside the second", f"{growth:.2f} times", f"{_FLAT} times", growth <= _FLAT),
        ("memory, at most", bytes_text(memory["most"]), "", None),
        ("rows that differ from one plain query", str(found["differences"]), "0", found["differences"] == 0),
    ]
    refused = ", ".join(f"{count:,} {status}" for status, count in found["refused"].items()) or "none"
    what = (
        f"{found['rows']:,} rows in a file each second for {found['seconds']:,} s, and 32 clients that each ask once a "
        f"second: {found['queries']:,} queries were answered; others: {refused}."
    )
    return f"## Under load\n\n{what}\n\n{_table(lines)}"


def _kills(found: dict[str, Any]) -> str:
    lines = [
        ("rows that differ from one plain query", str(found["differences"]), "0", found["differences"] == 0),
        ("from kill to answer, p50", seconds_text(found["starts"]["p50"]), "", None),
        ("from kill to answer, at most", seconds_text(found["starts"]["most"]), "", None),
    ]
    what = f"The same load for {found['seconds']:,} s, in which the service was killed {found['kills']} times."
    return f"## Killed\n\n{what}\n\n{_table(lines)}"


def _throughput(found: dict[str, Any]) -> str:
    lines = [
        ("queries per second, 32 clients without a pause", f"{found['service']:,.0f}", "", None),
        ("query, p99", seconds_text(found["answer"]["p99"]), "", None),
        ("statements per second, DuckDB in process", f"{found['in_process']:,.0f}", "", None),
    ]
    return f"## Throughput\n\nNothing arrives. DuckDB runs the statements that the cube wrote.\n\n{_table(lines)}"


def _table(lines: list[tuple[str, str, str, bool | None]]) -> str:
    met = {True: "yes", False: "**no**", None: ""}
    return table(["what", "measured", "aimed for", "met"], [[a, b, c, met[d]] for a, b, c, d in lines])
