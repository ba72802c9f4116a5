"""The largest rank error of merged sketches, and whether bounds hold what they claim."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.distributions import QUANTILES, Floats, distributions, rank_errors, true_quantiles
from benchmarks.progress import Progress
from benchmarks.quantile_sketches import KINDS, Kind, Merged
from benchmarks.scale import Scale


def measure_histograms(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Sketch every distribution in parts, merge them, and compare with all the values in order."""
    samples = distributions(scale.accuracy_values)
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        reason = kind.missing()
        if reason is None:
            with progress.step(f"ranks: {kind.name}"):
                kinds[kind.name] = _measure_kind(kind, samples, scale)
        else:
            kinds[kind.name] = {"failed": reason}
    return {
        "values": scale.accuracy_values,
        "parts": scale.accuracy_parts,
        "quantiles": len(QUANTILES),
        "distributions": list(samples),
        "kinds": kinds,
    }


def _measure_kind(kind: Kind, samples: dict[str, Floats], scale: Scale) -> dict[str, Any]:
    found: dict[str, Any] = {"bins": kind.bins, "by_distribution": {}}
    try:
        sketch = kind.make()
        for name, values in samples.items():
            ordered = np.sort(values)
            parts = np.array_split(values, scale.accuracy_parts)
            found["by_distribution"][name] = {merged.plan: compare(merged, ordered) for merged in sketch.merged(parts)}
    except Exception as error:  # Whatever a peer throws is a result: it goes into the table.
        found["failed"] = failure_text(error)
    return found


def failure_text(error: Exception) -> str:
    """What a peer threw, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def compare(merged: Merged, ordered: Floats) -> dict[str, Any]:
    """The largest and the mean rank error, as fractions; with bounds, the fraction of quantiles inside."""
    errors = rank_errors(ordered, QUANTILES, merged.estimates)
    found = {"largest": float(errors.max()), "mean": float(errors.mean()), "bytes": merged.bytes}
    if merged.lower is not None and merged.upper is not None:
        truths = true_quantiles(ordered, QUANTILES)
        found["covered"] = float(np.mean((merged.lower <= truths) & (truths <= merged.upper)))
    if merged.rank_error is not None:
        found["proven"] = merged.rank_error
    return found
