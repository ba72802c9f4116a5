"""The results as Markdown, for the README and the documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import targets
from benchmarks.columns.report import render_columns
from benchmarks.hll_accuracy import standard_error
from benchmarks.markdown import bytes_text, percent_text, seconds_text, table
from benchmarks.quantile_sketches import PLANS
from benchmarks.verdicts import Ratio, hll_curves, merge_rates, rank_errors_met, ratios
from benchmarks.workloads import BY_NAME, WORKLOADS

NONE = "—"


def render(results: dict[str, Any]) -> str:
    """Every section that was measured."""
    parts = ["# Measurements"]
    sections: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "speed": _speed,
        "accuracy": _accuracy,
        "columns": render_columns,
        "sizes": _sizes,
    }
    for name, section in sections.items():
        if name in results:
            parts += [f"## {name.capitalize()}", _machine(results[name]), *section(results[name])]
    return "\n\n".join(parts) + "\n"


def _machine(section: dict[str, Any]) -> str:
    machine = section["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = (
        f"{machine['cpu']}, {machine['cores']} cores, {bytes_text(machine['memory'])} of memory, {machine['os']} "
        f"({machine['architecture']}), Python {machine['python']}; {versions}; {machine['date']}, "
        f"load average at the end {machine['load_average']:.1f}."
    )
    return text if section["scale"] == "full" else f"{text} **Little data ({section['scale']}): not for comparison.**"


# Speed


def _speed(speed: dict[str, Any]) -> list[str]:
    kept = "; ".join(f"{title}: {how}" for title, how in speed["kept"].items())
    what = (
        f"{speed['rows']:,} rows, {speed['threads']} threads, each system in a process of its own, the best of "
        f"{speed['runs']} runs after a warm-up, turn by turn. Time is that of the aggregate over data that the system "
        f"holds in memory ({kept}), not of reading Parquet."
    )
    return [
        what,
        "### Targets",
        table(["work", "against", "at most", "measured", "met"], [_target_row(ratio) for ratio in ratios(speed)]),
        "### Distinct counts",
        _matrix(speed, [name for name in BY_NAME if name.startswith("hll_")]),
        "### Distributions",
        _matrix(speed, [name for name in BY_NAME if name.startswith("histogram")]),
        "### Stored sketches",
        _matrix(speed, [name for name in BY_NAME if name.startswith("estimate")]),
        "### Merges, and what the memory allows",
        *_merges(speed),
        "### Peak memory",
        _memory(speed),
        "### How far the answers are off",
        _answers(speed),
        *_absences(speed),
    ]


def _target_row(ratio: Ratio) -> list[str]:
    target = ratio.target
    title = BY_NAME[target.workload].title + (", peak memory" if target.measure == "memory" else "")
    bound = f"{target.at_most:g}"
    if ratio.measured is None or ratio.ours is None or ratio.peer is None:
        return [title, target.peer, bound, NONE, "not measured"]
    text = bytes_text if target.measure == "memory" else seconds_text
    measured = f"{ratio.measured:.2f} ({text(ratio.ours)} / {text(ratio.peer)})"
    met = "yes" if ratio.met else f"no: {ratio.measured / target.at_most:.2f} times the target"
    return [title, target.peer, bound, measured, met]


def _matrix(speed: dict[str, Any], workloads: list[str]) -> str:
    """Contenders by workloads: best seconds."""
    return _cells(speed, workloads, lambda cell: seconds_text(cell["seconds"]) if "seconds" in cell else NONE)


def _memory(speed: dict[str, Any]) -> str:
    """Growth of the peak of resident memory over the loaded data, in a fresh process."""
    measured = [
        workload.name
        for workload in WORKLOADS
        if any("memory" in cell for cell in speed["workloads"].get(workload.name, {}).values())
    ]
    what = "By how much the resident memory of a fresh process that holds the data grows at most during one run."
    cells = _cells(speed, measured, lambda cell: bytes_text(cell["memory"]) if "memory" in cell else NONE)
    return f"{what}\n\n{cells}"


def _answers(speed: dict[str, Any]) -> str:
    what = "Sums of estimates against those of the exact counts; means of medians against those of the exact ones."
    names = [name for name in speed["workloads"] if not name.startswith("estimate")]
    return f"{what}\n\n" + _cells(speed, names, lambda cell: f"{cell['error']:+.2%}" if "error" in cell else NONE)


def _cells(speed: dict[str, Any], workloads: list[str], text: Callable[[dict[str, Any]], str]) -> str:
    present = [name for name in workloads if name in speed["workloads"]]
    contenders = dict.fromkeys(contender for name in present for contender in speed["workloads"][name])
    header = ["", *(BY_NAME[name].title for name in present)]
    rows = []
    for contender in contenders:
        row = [_cell(speed["workloads"][name].get(contender), text) for name in present]
        rows.append([f"**{contender}**" if contender.startswith("duckdb_sketch") else contender, *row])
    return table(header, rows)


def _cell(cell: dict[str, Any] | None, text: Callable[[dict[str, Any]], str]) -> str:
    if cell is None:
        return ""
    if "failed" in cell:
        return "failed"
    return "left out" if "left_out" in cell else text(cell)


def _merges(speed: dict[str, Any]) -> list[str]:
    bandwidth = speed["bandwidth"]
    what = (
        f"A plain copy reads {bytes_text(bandwidth['one_thread'])} per second with one thread and "
        f"{bytes_text(bandwidth['all_threads'])} with {speed['threads']}, and writes as much. The talk: 2.5 million "
        "HyperLogLog and 0.94 million histogram merges per second per core."
    )
    rows = []
    for rate in merge_rates(speed):
        talk = targets.TALK_MERGES[rate.workload]
        rows.append(
            [
                rate.contender,
                f"{rate.state:,.0f} B",
                f"{rate.merges / 1e6:.2f} M",
                f"{rate.merges / talk:.1f}",
                f"{bytes_text(rate.bytes)}/s",
                percent_text(rate.bytes / bandwidth["all_threads"], 0),
            ]
        )
    header = [
        "merges of stored states",
        "bytes per state",
        "merges per second per core",
        "times the talk's",
        "read",
        "of a plain copy",
    ]
    return [what, table(header, rows)]


def _absences(speed: dict[str, Any]) -> list[str]:
    """Everything that is not in the tables, and why."""
    lines = [f"- {title}: {reason}." for title, reason in speed["absent"].items()]
    for workload, cells in speed["workloads"].items():
        for contender, cell in cells.items():
            for key in ("failed", "left_out", "memory_failed"):
                if key in cell:
                    lines.append(f"- {contender}, {BY_NAME[workload].title}, {key.replace('_', ' ')}: {cell[key]}.")
    return ["### Not in the tables", "\n".join(lines)] if lines else []


# Accuracy


def _accuracy(accuracy: dict[str, Any]) -> list[str]:
    return [*_histograms(accuracy["histograms"]), *_hll(accuracy["hll"])]


def _histograms(histograms: dict[str, Any]) -> list[str]:
    what = (
        f"The largest rank error, in percent, over {histograms['quantiles']} quantiles (0.1 % … 99.9 %) of "
        f"{histograms['values']:,} values, in {histograms['parts']} sketches merged {' · '.join(PLANS)}; "
        f"{NONE} where a system cannot. The error of an answer x is the distance of the rank that was asked "
        "for from [P(X < x), P(X ≤ x)]."
    )
    names = histograms["distributions"]
    rows = [_rank_row(kind, found, names) for kind, found in histograms["kinds"].items()]
    return [
        "### Ranks",
        what,
        table(["", "bytes", *names], rows),
        *_rank_targets(histograms),
        *_failures(histograms["kinds"]),
    ]


def _rank_row(kind: str, found: dict[str, Any], names: list[str]) -> list[str]:
    by_name = found.get("by_distribution", {})
    sizes = [plan["bytes"] for plans in by_name.values() for plan in plans.values()]
    cells = []
    for name in names:
        plans = by_name.get(name, {})
        errors = [f"{100 * plans[p]['largest']:.2f}" if p in plans else NONE for p in PLANS]
        cells.append(" · ".join(errors) if plans else "failed")
    return [kind, f"{max(sizes):,}" if sizes else "", *cells]


def _rank_targets(histograms: dict[str, Any]) -> list[str]:
    lines = []
    for kind, found in histograms["kinds"].items():
        if found.get("bins") is None:
            continue
        misses = [
            f"{name} ({percent_text(max(plan['largest'] for plan in found['by_distribution'][name].values()))} "
            f"of at most {percent_text(targets.rank_error_target(found['bins'], name))})"
            for name, met in rank_errors_met(found).items()
            if not met
        ]
        shares = [plan["covered"] for plans in found["by_distribution"].values() for plan in plans.values()]
        covered = f"`approx_histogram_quantile_bounds` holds {percent_text(min(shares), 1)} of the quantiles or more"
        lines.append(f"- {kind}: {'all targets met' if not misses else 'not met: ' + ', '.join(misses)}; {covered}.")
    return ["\n".join(lines)] if lines else []


def _hll(hll: dict[str, Any]) -> list[str]:
    rows = []
    for curve in hll_curves(hll):
        coverage = zip(curve.coverage, curve.lowest_coverage, strict=True)
        rows.append(
            [
                str(curve.lg_k),
                f"{curve.trials:,}",
                percent_text(standard_error(curve.lg_k), 3),
                f"{curve.factor:.3f} ± {curve.factor_error:.3f} (at {curve.factor_at:,})",
                f"{100 * curve.bias:+.3f} ± {100 * curve.bias_error:.3f} % (at {curve.bias_at:,})",
                *(f"{100 * mean:.1f} ({100 * lowest:.1f})" for mean, lowest in coverage),
                curve.verdict,
            ]
        )
    header = [
        "lg_k",
        "trials",
        "1.04/√k",
        "largest error over 1.04/√k",
        "largest bias",
        "in 1 s.e.",
        "in 2 s.e.",
        "in 3 s.e.",
        "met",
    ]
    what = (
        f"Cardinalities from 1 to {hll['cardinality']:,}. At most {targets.HLL_ERROR_FACTOR:g} times 1.04/√k and "
        f"{percent_text(targets.HLL_BIAS, 1)} of bias are aimed for. ± is the standard error that that many trials "
        "leave; 'within the noise' is what is beyond the target by less than four of them, at the worst of all "
        "cardinalities. Then the percentage of trials whose `hll_sketch_bounds` hold the true count: the mean over the "
        "cardinalities, and (the lowest). A normal distribution has 68.3, 95.4 and 99.7."
    )
    return ["### Errors of distinct counts", what, table(header, rows)]


def _failures(kinds: dict[str, Any]) -> list[str]:
    lines = [f"- {kind}, failed: {found['failed']}." for kind, found in kinds.items() if "failed" in found]
    return ["\n".join(lines)] if lines else []


# Sizes


def _sizes(sizes: dict[str, Any]) -> list[str]:
    parts = [
        "Mean bytes of a stored state: as it is → a row of a Parquet file with zstd, the file's own overhead included."
    ]
    for name, title in (("distinct", "distinct values"), ("distribution", "values")):
        kinds = sizes[name]
        counts = list(next(found["by_count"] for found in kinds.values() if "by_count" in found))
        rows = [[kind, *_size_cells(found, counts)] for kind, found in kinds.items()]
        if name == "distinct":
            rows.append(["*target*", *(f"≤ {targets.hll_size_target(int(count)):,}" for count in counts)])
        else:
            rows.append(["*target*", *(f"≤ {targets.HISTOGRAM_SIZE_TARGET}" for _ in counts)])
        parts += [table([title, *(f"{int(count):,}" for count in counts)], rows), *_failures(kinds)]
    return parts


def _size_cells(found: dict[str, Any], counts: list[str]) -> list[str]:
    by_count = found.get("by_count", {})
    return [f"{by_count[c]['raw']:,.0f} → {by_count[c]['parquet']:,.0f}" if c in by_count else "failed" for c in counts]
