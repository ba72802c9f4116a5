"""The results as JSON: one section for each part of a run, with what it was measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import machine

FILE = "results.json"


def read_results(folder: Path) -> dict[str, Any]:
    """The sections by name; none where there is no file."""
    path = folder / FILE
    if not path.exists():
        return {}
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def write_section(folder: Path, name: str, measured: dict[str, Any], scale: str) -> None:
    """Put a section into the file, in the place of an older one; keep the others."""
    results = read_results(folder)
    results[name] = {"scale": scale, "machine": machine.describe(), **measured}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
