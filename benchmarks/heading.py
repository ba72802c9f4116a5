"""The line below a report's title: what it was measured on."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import bytes_text


def measured_on(section: dict[str, Any], *more: str) -> str:
    """Processor, threads, memory and versions, what else is to be said of the software, and the date.

    Args:
        section: A section of the results.
        *more: Such as `Java 17`.
    """
    machine = section["machine"]
    threads = [f"{section['threads']} threads"] if "threads" in section else []
    memory = f"{bytes_text(machine['memory'])} of memory"
    versions = [*more, f"DuckDB {machine['versions']['duckdb']}"]
    return f"{', '.join([machine['cpu'], *threads, memory, *versions, machine['date']])}.{_little(section)}"


def best_of(runs: int) -> str:
    """How a time was taken."""
    return "One run." if runs == 1 else f"Best of {runs}."


def _little(section: dict[str, Any]) -> str:
    scale = section.get("scale", "full")
    return "" if scale == "full" else f" **Little data ({scale}): not for comparison.**"
