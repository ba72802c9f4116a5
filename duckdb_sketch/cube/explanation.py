"""How a query is answered, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Route
from duckdb_sketch.cube.reason import Rejection


@dataclass(frozen=True)
class Explanation:
    """How a query is answered.

    Attributes:
        query: The query.
        sql: The statement that is run instead.
        routes: How each SELECT over events is answered, the innermost first.
        approximate: The names of the query's columns that are estimates.
        notes: What else is to be known.
        bounded: The columns that raw events answer, of which bounds are asked for, by index, and whether exactly.
    """

    query: str
    sql: str
    routes: Sequence[Route]
    approximate: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    bounded: tuple[tuple[int, bool], ...] = ()

    @property
    def routed(self) -> bool:
        """Whether a rollup answers at least a part of the query."""
        return any(route.routed for route in self.routes)

    @property
    def parts(self) -> list[Part]:
        """What is read."""
        return [part for route in self.routes for part in route.parts]

    @property
    def rejected(self) -> list[Rejection]:
        """What does not answer, and why."""
        return [rejection for route in self.routes for rejection in route.rejected]

    def document(self) -> dict[str, Any]:
        """The same for machines: lists and dictionaries of texts and numbers."""
        return {
            "query": self.query,
            "sql": self.sql,
            "approximate": list(self.approximate),
            "notes": list(self.notes),
            "selects": [_document(route) for route in self.routes],
        }

    def __str__(self) -> str:
        lines: list[str] = []
        for number, route in enumerate(self.routes, 1):
            lines.append(f"SELECT {number} over {route.source}" if len(self.routes) > 1 else f"over {route.source}")
            lines += [f"  reads {part_text(part)}" for part in route.parts]
            lines += [f"  {'not' if rejection.name else 'no rollup:'} {rejection}" for rejection in route.rejected]
        if self.approximate:
            lines.append(f"approximate: {', '.join(self.approximate)}")
        lines += list(self.notes)
        return "\n".join([*lines, "", self.sql])


def _document(route: Route) -> dict[str, Any]:
    return {
        "source": route.source,
        "parts": [
            {
                "table": part.name,
                "from": None if part.within.start is None else part.within.start.value.isoformat(),
                "to": None if part.within.end is None else part.within.end.value.isoformat(),
                "rows": part.rows,
                "bytes": part.bytes,
                "files": list(part.paths),
                "why": part.why or None,
            }
            for part in route.parts
        ],
        "rejected": [
            {"table": rejection.name, "reason": rejection.reason.name, "text": str(rejection)}
            for rejection in route.rejected
        ],
    }


def part_text(part: Part) -> str:
    """A part in one line."""
    name = part.name or f"raw events ({part.why})"
    size = f"{part.rows:,} rows" if part.rows is not None else _files(len(part.paths))
    return f"{name}, {part.within}: {size}, about {_bytes(part.bytes)}"


def _files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
