"""The largest rank error of each column, by sketch and by how it was merged."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.columns.catalog import some_columns
from benchmarks.columns.column import Column
from benchmarks.distributions import QUANTILES
from benchmarks.histogram_accuracy import compare, failure_text
from benchmarks.progress import Progress
from benchmarks.quantile_sketches import KINDS_OF_FEW_BYTES, QuantileSketch
from benchmarks.scale import Scale


def measure_columns(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Sketch every column directly and in parts, merge these, and compare with all the values in order."""
    missing = {kind.name: reason for kind in KINDS_OF_FEW_BYTES if (reason := kind.missing())}
    kinds = [kind for kind in KINDS_OF_FEW_BYTES if kind.name not in missing]
    sketches = {kind.name: kind.make() for kind in kinds}
    columns = some_columns(scale.columns_of_a_kind)
    found = {}
    for column in columns:
        with progress.step(f"{column.kind}: {column.name}"):
            found[column.name] = {"kind": column.kind, "sketches": _measure_column(column, sketches, scale)}
    return {
        "values": scale.column_values,
        "parts": scale.accuracy_parts,
        "quantiles": len(QUANTILES),
        "bins": {kind.name: kind.bins for kind in kinds},
        "missing": missing,
        "columns": found,
    }


def _measure_column(column: Column, sketches: dict[str, QuantileSketch], scale: Scale) -> dict[str, Any]:
    values = column.values(scale.column_values)
    ordered, parts = np.sort(values), np.array_split(values, scale.accuracy_parts)
    found: dict[str, Any] = {}
    for name, sketch in sketches.items():
        try:
            found[name] = {merged.plan: compare(merged, ordered) for merged in sketch.merged(parts)}
        except Exception as error:  # Whatever a peer throws is a result: it goes into the table.
            found[name] = {"failed": failure_text(error)}
    return found
