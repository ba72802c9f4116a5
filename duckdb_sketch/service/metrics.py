"""What the service counts of itself, in Prometheus' text format."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

#: The upper bounds of the classes of response times, in seconds.
_CLASSES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts requests. Its methods are called on one thread."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: The route, without what varies in it.
            status: The status of the response.
            seconds: What it took.
        """
        self._requests[route, status] += 1
        self._times.setdefault(route, [0] * (len(_CLASSES) + 1))[bisect_left(_CLASSES, seconds)] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def text(self, status: list[dict[str, Any]], active: int, streams: int, database_bytes: int) -> str:
        """Everything, with how the rollups stand."""
        lines = [*self._of_requests(), *_of_process(active, streams, database_bytes), *_of_rollups(status)]
        return "\n".join(lines) + "\n"

    def _of_requests(self) -> Iterator[str]:
        yield from _heading("duckdb_sketch_requests_total", "counter", "Requests by route and status.")
        for (route, status), count in sorted(self._requests.items()):
            yield f'duckdb_sketch_requests_total{{route="{route}",status="{status}"}} {count}'
        name = "duckdb_sketch_request_seconds"
        yield from _heading(name, "histogram", "Response times by route.")
        for route, counts in sorted(self._times.items()):
            below = 0
            for bound, count in zip((*_CLASSES, "+Inf"), counts, strict=True):
                below += count
                yield f'{name}_bucket{{route="{route}",le="{bound}"}} {below}'
            yield f'{name}_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'{name}_count{{route="{route}"}} {below}'


def _of_process(active: int, streams: int, database_bytes: int) -> Iterator[str]:
    for name, kind, text, value in (
        ("duckdb_sketch_queries_active", "gauge", "Queries that run or wait.", active),
        ("duckdb_sketch_streams_active", "gauge", "Open streams of changes.", streams),
        ("duckdb_sketch_duckdb_memory_bytes", "gauge", "Memory that DuckDB holds.", database_bytes),
        ("duckdb_sketch_resident_peak_bytes", "gauge", "The most memory that the process had.", _peak()),
    ):
        yield from _heading(name, kind, text)
        yield f"{name} {value}"


def _peak() -> int:
    with suppress(ImportError):
        import resource  # only here: Windows has none

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 0


def _of_rollups(status: list[dict[str, Any]]) -> Iterator[str]:
    workers = {each["rollup"]: each["worker"] for each in status}
    for name, kind, text, field in (
        ("duckdb_sketch_refreshes_total", "counter", "Refreshes that came to their end.", "refreshes"),
        ("duckdb_sketch_rows_counted_total", "counter", "Events counted since the service began.", "rows"),
        ("duckdb_sketch_refresh_failures", "gauge", "Attempts in a row that failed.", "failures"),
        ("duckdb_sketch_refresh_seconds", "gauge", "What the last refresh took.", "seconds"),
        ("duckdb_sketch_last_success_timestamp_seconds", "gauge", "When a refresh last ended well.", "last_success"),
    ):
        yield from _heading(name, kind, text)
        for rollup, worker in workers.items():
            if worker[field] is not None:
                yield f'{name}{{rollup="{_escaped(rollup)}"}} {_number(worker[field])}'
    for name, kind, text, field in (
        ("duckdb_sketch_groups", "gauge", "Rows of the table.", "groups"),
        ("duckdb_sketch_late_rows", "gauge", "Events that came late and were counted.", "late_rows"),
        ("duckdb_sketch_dropped_rows", "gauge", "Events that came late and were left out.", "dropped_rows"),
        ("duckdb_sketch_rejected_rows", "gauge", "Events without a valid time.", "rejected_rows"),
        ("duckdb_sketch_watermark_timestamp_seconds", "gauge", "Buckets that end by then are final.", "watermark"),
    ):
        yield from _heading(name, kind, text)
        for table in (table for each in status for table in each["tables"]):
            if table[field] is not None:
                yield f'{name}{{rollup="{_escaped(table["rollup"])}"}} {_number(table[field])}'


def _heading(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _number(value: Any) -> str:
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else f"{value}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
