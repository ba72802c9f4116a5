"""The rows of an answer as JSON, CSV or an Arrow IPC stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch.cube import Answer, Explanation
from duckdb_sketch.rows import csv_lines, plain

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"

_LONGEST_HEADER = 4096


@dataclass(frozen=True)
class Body:
    """The body of a response.

    Attributes:
        content: Its bytes.
        media_type: What they are.
        headers: Further headers.
    """

    content: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()


def encode(answer: Answer, media_type: str, seconds: float) -> Body:
    """An answer in a format.

    Args:
        answer: The answer.
        media_type: `JSON`, `CSV` or `ARROW`.
        seconds: What it took.
    """
    return _ENCODERS[media_type](answer, seconds)


def chosen_format(accept: str | None) -> str | None:
    """The format that an Accept header prefers; JSON if it does not care, None if there is none that it takes."""
    weighted = []
    for place, item in enumerate((accept or "*/*").split(",")):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weighted.append((-_weight(parameters), place, kind))
    for weight, _, kind in sorted(weighted):
        found = next((known for known in _ENCODERS if _matches(kind, known)), None)
        if weight < 0 and found is not None:
            return found
    return None


def route_document(explanation: Explanation) -> dict[str, Any]:
    """How an answer came about: files are counted, not named."""
    document = explanation.document()
    for select in document["selects"]:
        for part in select["parts"]:
            part["files"] = len(part["files"])
    del document["query"]
    return document


def _json(answer: Answer, seconds: float) -> Body:
    relation = answer.relation
    document = {
        "columns": relation.columns,
        "types": [str(kind) for kind in relation.types],
        "rows": [[plain(value) for value in row] for row in relation.fetchall()],
        "approximate": list(answer.explanation.approximate),
        "route": {**route_document(answer.explanation), "milliseconds": round(seconds * 1000, 3)},
    }
    return Body(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"), JSON)


def _csv(answer: Answer, seconds: float) -> Body:
    text = "".join(f"{line}\n" for line in csv_lines(answer.relation))
    return Body(text.encode(errors="replace"), f"{CSV}; charset=utf-8", _headers(answer, seconds))


def _arrow(answer: Answer, seconds: float) -> Body:
    import pyarrow  # type: ignore[import-untyped]

    table = arrow_table(answer.relation)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Body(sink.getvalue().to_pybytes(), ARROW, _headers(answer, seconds))


def _headers(answer: Answer, seconds: float) -> tuple[tuple[str, str], ...]:
    """The route, where the body has no place for it: the tables alone, as ASCII."""
    explanation = answer.explanation
    found: dict[str, Any] = {
        "approximate": list(explanation.approximate),
        "notes": list(explanation.notes),
        "selects": [
            {"source": route.source, "parts": [{"table": name} for name in dict.fromkeys(p.name for p in route.parts)]}
            for route in explanation.routes
        ],
        "milliseconds": round(seconds * 1000, 3),
    }
    text = json.dumps(found, separators=(",", ":"))
    if len(text) > _LONGEST_HEADER:
        text = json.dumps({**found, "approximate": [], "notes": [], "selects": []}, separators=(",", ":"))
    return (("X-Route", text),)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def _matches(kind: str, known: str) -> bool:
    return kind in (known, "*/*", f"{known.partition('/')[0]}/*")


_ENCODERS: dict[str, Callable[[Answer, float], Body]] = {JSON: _json, CSV: _csv, ARROW: _arrow}
