"""The measurements as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.heading import measured_on
from benchmarks.markdown import percent_text, table

_TALK = {"hyperUnique": 2.5e6, "histogram": 0.94e6}
"""Merged per second per core of Druid's cluster: Yang and Ray, "Not exactly! Approximate algorithms for big data"."""


def render(found: dict[str, Any]) -> str:
    """Speed, then accuracy."""
    machine, folds = found["machine"], found["histograms"]
    in_memory = _rate(folds["objects"], folds["druid"]["seconds_in_memory"])
    speed = table(
        ["merged into one", "bytes each", "Druid", "ours", "the talk's, a core"],
        [*map(_hyper_unique, found["hyper_uniques"]), *map(_hll, found["hyper_uniques"]), _histogram(folds)],
    )
    return f"""\
# Beside Druid

{measured_on(found, found["java"])} \
Druid's own classes (druid-processing 33.0.0, druid-histogram 26.0.0) and ours, one thread each, the same data, one \
run: the best of {found["rounds"]} rounds, so that Java's compiler has done its work. \
The machine's load average was {machine["load_average"]:.1f}.

## Merging

Objects per second of one thread's processor time, {folds["objects"]:,} of a kind; either side reads stored bytes. In \
parentheses how many times as fast as Druid here. The talk's are those of Druid's cluster (Yang and Ray).

{speed}

Druid's histograms, where they are objects in memory already: {in_memory}.

## Rank error

The greatest of 117 quantiles of {found["values"]:,} floats, from 50 parts that were merged, with the bytes of the \
result: Druid's ApproximateHistogram of 50 bins, of which its fold may leave few, and the same built of all values \
without a merge; ours of 50 bins, and of as many as take no more bytes than Druid's.

{_ranks(found["ranks"])}

## Distinct counts

The root mean square of the relative error of {found["trials"]} sketches of 2,048 registers.

{_distinct(found["distinct"])}
"""


def _ranks(ranks: list[dict[str, Any]]) -> str:
    sides = ("druid", "druid_in_one", "ours", "ours_in_as_many_bytes")
    rows = [
        [each["name"], *[f"{percent_text(each[side]['error'])} ({each[side]['bytes']} B)" for side in sides]]
        for each in ranks
    ]
    return table(["values", "Druid", "Druid, not merged", "ours, 50 bins", "ours, no more bytes than Druid"], rows)


def _distinct(distinct: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{each['count']:,}",
            percent_text(each["druid"]),
            percent_text(each["hyper_unique"]),
            percent_text(each["hll"]),
            f"{each['druid_bytes']:,.0f}, {each['hll_bytes']:,.0f}",
        ]
        for each in distinct
    ]
    header = ["distinct values", "Druid", "`hyper_unique_agg`", "`hll_sketch_agg(x, 11)`", "bytes: hyperUnique, HLL"]
    return table(header, rows)


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
