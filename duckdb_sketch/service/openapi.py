"""The description of the service for programs, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from duckdb_sketch._version import __version__
from duckdb_sketch.service.events import MEDIA_TYPES
from duckdb_sketch.service.formats import ARROW, CSV, JSON

_ERROR = {
    "description": "Why the request is not answered.",
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["kind", "message"],
                        "properties": {"kind": {"type": "string"}, "message": {"type": "string"}},
                    }
                },
            }
        }
    },
}
_QUESTION = {
    "type": "object",
    "required": ["sql"],
    "additionalProperties": False,
    "properties": {
        "sql": {"type": "string", "description": "A query over the events."},
        "parameters": {"type": ["array", "object", "null"], "description": "The values of ?, $1 or $name."},
        "exact": {"type": "boolean", "description": "Refuse estimates: read raw events instead."},
        "raw": {"type": "boolean", "description": "Whether raw events may be read."},
        "errors": {"type": "boolean", "description": "Append the bounds of estimates."},
        "edges": {"enum": ["exact", "buckets"], "description": "What happens to partial buckets."},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["columns", "types", "rows", "approximate", "route"],
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "types": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "array"}},
        "approximate": {"type": "array", "items": {"type": "string"}},
        "route": {"type": "object"},
    },
}
_ROLLUP = {"name": "rollup", "in": "path", "required": True, "schema": {"type": "string"}}


def _json(description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema or {"type": "object"}}}}


def _operation(summary: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": response, "default": _ERROR}, **more}


def _parameter(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": kind}, "description": description}


_BODY = {"required": True, "content": {JSON: {"schema": _QUESTION}}}
_ROWS = {
    "description": "The rows.",
    "content": {
        JSON: {"schema": _ANSWER},
        CSV: {"schema": {"type": "string"}},
        ARROW: {"schema": {"type": "string", "format": "binary"}},
    },
}
_DATA = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Your name for the data: data of a name that was counted is not counted again.",
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "duckdb-sketch", "version": __version__, "description": "Questions about events."},
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}, {}],
    "paths": {
        "/query": {"post": _operation("Ask about the events.", _ROWS, requestBody=_BODY)},
        "/explain": {"post": _operation("Say how a query would be answered.", _json("The route."), requestBody=_BODY)},
        "/rollups": {"get": _operation("What there is to ask about.", _json("Rollups, metrics, dimensions."))},
        "/status": {"get": _operation("How the rollups stand.", _json("A rollup each, with its levels."))},
        "/changes": {
            "get": _operation(
                "The buckets that changed after a batch; with Accept: text/event-stream, and those that follow.",
                {**_json("The changes."), "content": {JSON: {}, "text/event-stream": {}}},
                parameters=[
                    _parameter("rollup", "string", "The rollup or level; not needed where there is one."),
                    _parameter("since", "integer", "The last batch that is known."),
                    _parameter("pane", "string", "Only early, on time or late."),
                ],
            )
        },
        "/append/{rollup}": {
            "post": _operation(
                "Count data that is in no file.",
                _json("What was counted."),
                parameters=[_ROLLUP, _KEY],
                requestBody={"required": True, "content": _DATA},
            )
        },
        "/refresh/{rollup}": {
            "post": _operation(
                "Count the files that wait, now.",
                _json("What was counted."),
                parameters=[_ROLLUP],
                requestBody={"content": {JSON: {"schema": {"type": "object"}}}},
            )
        },
        "/healthz": {"get": _operation("Whether the service lives.", {"description": "ok"})},
        "/metrics": {"get": _operation("Figures for Prometheus.", {"description": "Prometheus' text format."})},
        "/openapi.json": {"get": _operation("This description.", _json("OpenAPI 3.1."))},
    },
}
