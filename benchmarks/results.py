"""Results as JSON: a section for each part that was measured, with what it was measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import machine


def read_results(folder: Path, file: str) -> dict[str, Any]:
    """The sections by name; none where there is no file."""
    path = folder / f"{file}.json"
    if not path.exists():
        return {}
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def write_section(folder: Path, file: str, name: str, measured: dict[str, Any]) -> None:
    """Put a section into the file, in the place of an older one; keep the others."""
    results = read_results(folder, file)
    results[name] = {"machine": machine.describe(), **measured}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file}.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
