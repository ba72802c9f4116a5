"""Manifests of version 1, as the versions before rollups had a ledger of slices wrote them."""

from __future__ import annotations

from typing import Any

_COMMON = ("time_zone", "allowed_lateness", "last_batch", "highest_event", "watermark", "expired_before")
_ROLLUP = ("statement", "input_types", "late", "earliest", "latest")
_LEVEL = ("parent", "every", "dimensions", "consumed")
_COUNTED = ("rows", "first_event", "last_event")


def upgraded(lines: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a manifest of version 1, as one of version 2.

    Raises:
        KeyError: If something is missing.
    """
    entry = lines["rollup"]
    kind, fields = ("level", _LEVEL) if entry["statement"] is None else ("rollup", _ROLLUP)
    record = {"name": entry["rollup"], **{name: entry[name] for name in (*_COMMON, *fields)}}
    slices = [_file(line) for line in lines["files"]]
    batches = []
    for line in lines["batches"]:
        batch_id = line["batch_id"]
        batches.append({name: value for name, value in line.items() if name != "batch_id"})
        if batch_id is not None:
            slices.append(_slice("batch", batch_id, "", None, line))
    rest = {name: value for name, value in lines.items() if name not in ("rollup", "files")}
    return {**rest, kind: record, "slices": slices, "batches": batches}


def _file(line: dict[str, Any]) -> dict[str, Any]:
    return _slice("file", line["path"], f"{line['size']}:{line['modified']}", line["size"], line)


def _slice(kind: str, name: str, fingerprint: str, size: int | None, line: dict[str, Any]) -> dict[str, Any]:
    counted = {field: line[field] for field in _COUNTED}
    return {"kind": kind, "slice": name, "fingerprint": fingerprint, "size": size, **counted}
