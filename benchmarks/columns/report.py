"""The rank errors on columns, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks import targets
from benchmarks.columns.column import KINDS
from benchmarks.markdown import table
from benchmarks.quantile_sketches import PLANS

_NONE = "—"
# The error of columns that a sketch failed on is not known: they count as wrong altogether.
_FAILED = 1.0


def render_columns(columns: dict[str, Any]) -> list[str]:
    """A table over all columns, one by kind, and one of the errors that ours has on each."""
    found = columns["columns"]
    what = (
        f"The largest rank error, in percent, over {columns['quantiles']} quantiles (0.1 % … 99.9 %) of "
        f"{len(found)} columns of {columns['values']:,} values each: {' · '.join(PLANS)}, the merged ones in "
        f"{columns['parts']} parts; {_NONE} where a system cannot."
    )
    return [
        what,
        _overview(columns),
        "The largest error by kind of column, whatever the way to merge:",
        _by_kind(columns),
        _targets(columns),
        "Each column, ours:",
        _each(columns),
        *_failures(columns),
    ]


def _overview(columns: dict[str, Any]) -> str:
    rows = []
    for name in columns["bins"]:
        known = [found["sketches"][name] for found in columns["columns"].values()]
        plans = [plan for plan in PLANS if any(plan in by_plan for by_plan in known)]
        errors = {plan: list(_errors(columns, name, (plan,)).values()) for plan in plans}
        rows.append(
            [
                name,
                f"{_bytes(columns, name):,}",
                " · ".join(f"{100 * median(errors[plan]):.2f}" if plan in errors else _NONE for plan in PLANS),
                " · ".join(f"{100 * max(errors[plan]):.2f}" if plan in errors else _NONE for plan in PLANS),
                " · ".join(str(sum(e > 0.01 for e in errors[plan])) if plan in errors else _NONE for plan in PLANS),
                _proven(columns, name),
            ]
        )
    return table(["", "bytes, at most", "median", "largest", "columns above 1 %", "proven: median / at most"], rows)


def _by_kind(columns: dict[str, Any]) -> str:
    present = [kind for kind in KINDS if any(found["kind"] == kind for found in columns["columns"].values())]
    rows = []
    for name in columns["bins"]:
        worst = _errors(columns, name, PLANS)
        cells = [f"{100 * max(worst[column] for column in _of_kind(columns, kind)):.2f}" for kind in present]
        rows.append([name, *cells])
    for bins in (50, 100):
        rows.append([f"*target, {bins} bins*", *(f"{100 * targets.column_target(bins, kind):g}" for kind in present)])
    return table(["", *present], rows)


def _targets(columns: dict[str, Any]) -> str:
    lines = []
    for name, bins in columns["bins"].items():
        if bins is None:
            continue
        worst = _errors(columns, name, PLANS)
        misses = [
            f"{column} ({100 * error:.2f} %)"
            for column, error in worst.items()
            if error > targets.column_target(bins, columns["columns"][column]["kind"])
        ]
        met = f"{len(worst) - len(misses)} of {len(worst)} columns within their targets"
        lines.append(f"- {name}: {met}; not {', '.join(misses)}." if misses else f"- {name}: {met}.")
    return "\n".join(lines)


def _each(columns: dict[str, Any]) -> str:
    ours = [name for name, bins in columns["bins"].items() if bins is not None]
    rows = []
    for column, found in columns["columns"].items():
        plans = [found["sketches"][name] for name in ours]
        cells = [" · ".join(f"{100 * by_plan[plan]['largest']:.2f}" for plan in PLANS) for by_plan in plans]
        rows.append([column, found["kind"], *cells])
    return table(["", "kind", *ours], rows)


def _errors(columns: dict[str, Any], name: str, plans: Iterable[str]) -> dict[str, float]:
    """By column the largest error, over those plans that the sketch has."""
    errors = {}
    for column, found in columns["columns"].items():
        by_plan = found["sketches"][name]
        largest = [by_plan[plan]["largest"] for plan in plans if plan in by_plan]
        if largest or "failed" in by_plan:
            errors[column] = max(largest, default=_FAILED)
    return errors


def _of_kind(columns: dict[str, Any], kind: str) -> list[str]:
    return [column for column, found in columns["columns"].items() if found["kind"] == kind]


def _bytes(columns: dict[str, Any], name: str) -> int:
    plans = (found["sketches"][name] for found in columns["columns"].values())
    return max((plan["bytes"] for by_plan in plans for plan in by_plan.values() if isinstance(plan, dict)), default=0)


def _proven(columns: dict[str, Any], name: str) -> str:
    """Of each way to merge the median and the largest proven rank error, in percent."""
    found = [found["sketches"][name] for found in columns["columns"].values()]
    proven = {plan: [each[plan]["proven"] for each in found if "proven" in each.get(plan, {})] for plan in PLANS}
    if not all(proven.values()):
        return _NONE
    return " · ".join(f"{100 * median(shares):.1f} / {100 * max(shares):.1f}" for shares in proven.values())


def _failures(columns: dict[str, Any]) -> list[str]:
    lines = [f"- {name}: {reason}." for name, reason in columns["missing"].items()]
    for column, found in columns["columns"].items():
        failed = {name: each["failed"] for name, each in found["sketches"].items() if "failed" in each}
        lines += [f"- {name}, {column}: {reason}." for name, reason in failed.items()]
    return ["\n".join(lines)] if lines else []
