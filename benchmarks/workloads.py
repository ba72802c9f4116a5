"""What is timed."""

from __future__ import annotations

from dataclasses import dataclass

ROWS = "rows"
HLL_STATES = "hll_states"
HISTOGRAM_STATES = "histogram_states"
ESTIMATES = "estimates"


@dataclass(frozen=True)
class Workload:
    """One question that every system is asked in its own words."""

    name: str
    title: str
    dataset: str
    columns: tuple[str, ...] = ()
    """The columns that it reads of the rows."""


WORKLOADS = (
    Workload("hll_bigint", "distinct, BIGINT", ROWS, ("u",)),
    Workload("hll_varchar", "distinct, VARCHAR", ROWS, ("us",)),
    Workload("hll_groups", "distinct, BIGINT, 1,000 groups", ROWS, ("u", "g")),
    Workload("hll_small_groups", "distinct, BIGINT, groups of 40", ROWS, ("u", "g2")),
    Workload("hll_merge", "merge of stored distinct counts", HLL_STATES),
    Workload("histogram", "quantile, DOUBLE", ROWS, ("p",)),
    Workload("histogram_groups", "quantile, DOUBLE, 1,000 groups", ROWS, ("p", "g")),
    Workload("histogram_merge", "merge of stored distributions", HISTOGRAM_STATES),
    Workload("estimate", "estimate of stored sketches, table in memory", ESTIMATES),
    Workload("estimate_parquet", "estimate of stored sketches, Parquet", ESTIMATES),
)

BY_NAME = {workload.name: workload for workload in WORKLOADS}
DATASETS = tuple(dict.fromkeys(workload.dataset for workload in WORKLOADS))
