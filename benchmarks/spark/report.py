"""The measurements as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.heading import best_of, measured_on
from benchmarks.markdown import bytes_text, seconds_text, table

_WORK = {
    "ours": "the rollup of files: count, sum, `hll_sketch_agg`, `approx_histogram_agg`",
    "ours_of_rows": "the rollup of a DataFrame of the same files",
    "sparks": "Spark's own: count, sum, `hll_sketch_agg`, `approx_percentile`",
    "merged_by_group": "the same, merged by `applyInArrow`, a call a group",
    "users": "a rollup of `hll_sketch_agg` alone",
    "users_united_by_spark": "the same, merged by Spark's `hll_union_agg`",
}
_BESIDE = {
    "ours_of_rows": "ours",
    "sparks": "ours",
    "merged_by_group": "ours_of_rows",
    "users_united_by_spark": "users",
}


def render(sections: dict[str, Any]) -> str:
    """A table for each kind of group. What is relative is so to the rollup as it is."""
    titles = {"jobs": "Rollups on Spark", "merging": "Ways to merge what was shuffled"}
    parts = []
    for name, title in titles.items():
        if name in sections:
            parts += [f"# {title}\n\n{_what(sections[name])}\n", *_tables(sections[name]["groups"])]
    return "\n".join(parts)


def _what(section: dict[str, Any]) -> str:
    spark = f"Spark {section['machine']['versions']['pyspark']} as local[{section['threads']}] with 6 GB"
    return (
        f"{measured_on(section, spark)} {section['rows']:,} bids in {section['files']:,} Parquet files, in the order "
        f"of time; the result is thrown away. {best_of(section['runs'])} "
        f"The load of the machine at the end was {section['machine']['load_average']:.1f}: "
        "what else ran on it is in the times; processor time is that of Spark and its Python workers alone."
    )


def _tables(found: dict[str, Any]) -> list[str]:
    header = ["work", "time", "relative", "processor time", "relative", "shuffled", "relative", "shuffled rows"]
    return [
        f"## Groups of {group} ({measured['groups']:,})\n\n"
        + table(header, [_line(name, measured) for name in _WORK if name in measured])
        + "\n"
        for group, measured in found.items()
    ]


def _line(name: str, measured: dict[str, Any]) -> list[str]:
    line = [_WORK[name]]
    beside = measured.get(_BESIDE.get(name))
    for figure, text in (("seconds", seconds_text), ("cpu_seconds", seconds_text), ("shuffled_bytes", bytes_text)):
        this = measured[name][figure]
        line += [text(this), f"{this / beside[figure]:.2f}" if beside else ""]
    return [*line, f"{measured[name]['shuffled_rows']:,}"]
