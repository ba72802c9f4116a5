"""What was aimed for beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks import targets
from benchmarks.hll_accuracy import standard_error
from benchmarks.targets import TARGETS, Target

# That many standard errors are noise, at the worst of some eighty cardinalities.
_NOISE = 4


@dataclass(frozen=True)
class Ratio:
    """One line of the table of targets."""

    target: Target
    ours: float | None
    peer: float | None
    """Both in seconds or bytes; nothing where one of them has no measurement."""

    @property
    def measured(self) -> float | None:
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def met(self) -> bool | None:
        return None if self.measured is None else self.measured <= self.target.at_most


def ratios(speed: dict[str, Any]) -> list[Ratio]:
    """Every target of time and memory, in the order in which they are stated."""
    found = []
    for target in TARGETS:
        cells = speed["workloads"].get(target.workload)
        if cells is not None:
            ours, peer = (cells.get(name, {}).get(target.measure) for name in (target.ours, target.peer))
            found.append(Ratio(target, ours, peer))
    return found


@dataclass(frozen=True)
class MergeRate:
    """How fast one contender merges stored states."""

    workload: str
    contender: str
    merges: float
    """A second of processor time: a core may idle while another merges."""
    bytes: float
    """Read a second, by all cores."""
    state: float
    """Bytes of a state."""


def merge_rates(speed: dict[str, Any]) -> list[MergeRate]:
    """Of every contender whose states could be counted."""
    found = []
    for workload in targets.TALK_MERGES:
        for contender, cell in speed["workloads"].get(workload, {}).items():
            stored, seconds, cpu = speed["stored"].get(contender), cell.get("seconds"), cell.get("cpu_seconds")
            if stored is not None and seconds is not None and cpu:
                states, size = stored["states"], stored["bytes"]
                merges = states / cpu
                found.append(MergeRate(workload, contender, merges, size / seconds, size / states))
    return found


@dataclass(frozen=True)
class HllCurve:
    """One precision, over all cardinalities."""

    lg_k: int
    trials: int
    factor: float
    """The largest relative standard error, over 1.04 / sqrt(k)."""
    factor_at: int
    bias: float
    """The mean relative error that is farthest from 0."""
    bias_error: float
    """Its own standard error."""
    bias_at: int
    coverage: tuple[float, ...]
    """Of one, two and three standard errors: the mean over the cardinalities."""
    lowest_coverage: tuple[float, ...]

    @property
    def factor_error(self) -> float:
        """The standard error of a factor near 1, from that many trials."""
        return float((2 * self.trials) ** -0.5)

    @property
    def verdict(self) -> str:
        """Whether error and bias are as small as aimed for, as far as that many trials can tell."""
        if self.factor <= targets.HLL_ERROR_FACTOR and abs(self.bias) <= targets.HLL_BIAS:
            return "yes"
        error_is_noise = self.factor - targets.HLL_ERROR_FACTOR <= _NOISE * self.factor_error
        bias_is_noise = abs(self.bias) - targets.HLL_BIAS <= _NOISE * self.bias_error
        return "within the noise" if error_is_noise and bias_is_noise else "no"


def hll_curves(hll: dict[str, Any]) -> list[HllCurve]:
    """Every precision, the lowest first."""
    return [_curve(int(lg_k), points) for lg_k, points in hll["curves"].items()]


def _curve(lg_k: int, points: list[dict[str, float]]) -> HllCurve:
    worst = max(points, key=lambda point: point["error"])
    biased = max(points, key=lambda point: abs(point["bias"]))
    coverage = [[point[f"covered_{d}"] for point in points] for d in (1, 2, 3)]
    return HllCurve(
        lg_k=lg_k,
        trials=int(worst["trials"]),
        factor=worst["error"] / standard_error(lg_k),
        factor_at=int(worst["cardinality"]),
        bias=biased["bias"],
        bias_error=biased["bias_error"],
        bias_at=int(biased["cardinality"]),
        coverage=tuple(sum(shares) / len(shares) for shares in coverage),
        lowest_coverage=tuple(min(shares) for shares in coverage),
    )


def rank_errors_met(kind: dict[str, Any]) -> dict[str, bool]:
    """By distribution, whether every way to merge stays within the target; for sketches that have one."""
    return {
        name: all(plan["largest"] <= targets.rank_error_target(kind["bins"], name) for plan in plans.values())
        for name, plans in kind["by_distribution"].items()
    }
