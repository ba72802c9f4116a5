"""Where generated data and results are kept."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parent.parent
COMMITTED_RESULTS = Path(__file__).parent / "results"


def data_folder(scale_name: str) -> Path:
    """The folder of generated data, made if it is missing: below BENCH_DATA, else below `.bench` in the project."""
    root = Path(os.environ.get("BENCH_DATA") or PROJECT / ".bench")
    folder = root / scale_name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def results_folder(scale_name: str) -> Path:
    """Where the results of a scale go: those of a full run into the repository, others beside their data."""
    folder = COMMITTED_RESULTS if scale_name == "full" else data_folder(scale_name) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
