"""The measurements as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import bytes_text, percent_text, table

_TALK = {"hyperUnique": 2.5e6, "histogram": 0.94e6}
"""Merged per second and core of Druid's cluster: Yang and Ray, "Not exactly! Approximate algorithms for big data"."""


def render(found: dict[str, Any]) -> str:
    """Speed, then accuracy."""
    machine = found["machine"]
    what = (
        f"{machine['cpu']}, {bytes_text(machine['memory'])} of memory, {found['java']}, DuckDB "
        f"{machine['versions']['duckdb']}, {machine['date']}. Druid's own classes (druid-processing 33.0.0, druid-histogram "
        f"26.0.0) and ours, one thread each, the same data, one run: best of {found['rounds']} rounds, in Java after as many "
        "as its compiler needs. In parentheses how many times as fast as Druid here."
    )
    speed = table(
        ["merged into one", "bytes each", "Druid", "ours", "the talk's, a core"],
        [
            *map(_hyper_unique, found["hyper_uniques"]),
            *map(_hll, found["hyper_uniques"]),
            _histogram(found["histograms"]),
        ],
    )
    ranks = table(
        ["values", "Druid", "ours", "bytes: Druid, ours", "bins of ours"],
        [
            [each["name"], percent_text(each["druid"]), percent_text(each["ours"]),
             f"{each['druid_bytes']:.0f}, {each['bytes']:.0f}", str(each["bins"])]
            for each in found["ranks"]
        ],
    )  # fmt: skip
    distinct = table(
        ["different values", "Druid", "`hyper_unique_agg`", "`hll_sketch_agg(x, 11)`", "bytes: hyperUnique, HLL"],
        [
            [f"{each['count']:,}", percent_text(each["druid"]), percent_text(each["hyper_unique"]),
             percent_text(each["hll"]), f"{each['druid_bytes']:,.0f}, {each['hll_bytes']:,.0f}"]
            for each in found["distinct"]
        ],
    )  # fmt: skip
    return (
        f"# Beside Druid\n\n{what}\n\n## Merging\n\nObjects per second. Either side reads stored bytes.\n\n{speed}\n\n"
        "Druid's histograms, if they are objects in memory already: "
        f"{_rate(found['histograms']['objects'], found['histograms']['druid']['seconds_in_memory'])}.\n\n"
        f"## Error of rank\n\nThe greatest of 117 quantiles of {found['values']:,} floats, from 50 parts that were merged: "
        f"Druid's ApproximateHistogram of 50 bins, and ours of as many bins as take no more bytes.\n\n{ranks}\n\n"
        f"## Distinct counts\n\nThe root mean square of the relative error of {found['trials']} sketches.\n\n{distinct}\n"
    )


def _hyper_unique(fold: dict[str, Any]) -> list[str]:
    return _line(f"hyperUnique, {fold['kind']}: `hyper_unique_union_agg`", fold, fold["hyper_unique"])


def _hll(fold: dict[str, Any]) -> list[str]:
    return _line(f"the same texts, {fold['kind']}: `hll_union_agg`, lg_k 11", fold, fold["hll"])


def _line(name: str, fold: dict[str, Any], ours: dict[str, float]) -> list[str]:
    faster = fold["druid"]["seconds"] / ours["seconds"]
    return [
        name,
        f"{fold['bytes']:,.0f}",
        _rate(fold["objects"], fold["druid"]["seconds"]),
        f"{_rate(fold['objects'], ours['seconds'])} ({faster:.1f})",
        _millions(_TALK["hyperUnique"]),
    ]


def _histogram(fold: dict[str, Any]) -> list[str]:
    faster = fold["druid"]["seconds"] / fold["ours"]["seconds"]
    return [
        "histograms of 50 bins: `approx_histogram_union_agg`",
        f"{fold['druid_bytes']:,.0f}, {fold['bytes']:,.0f}",
        _rate(fold["objects"], fold["druid"]["seconds"]),
        f"{_rate(fold['objects'], fold['ours']['seconds'])} ({faster:.1f})",
        _millions(_TALK["histogram"]),
    ]


def _rate(objects: int, seconds: float) -> str:
    return _millions(objects / seconds)


def _millions(number: float) -> str:
    return f"{number / 1e6:.2f} M"
