"""How much of everything a run takes."""

from __future__ import annotations

from dataclasses import dataclass

THREADS = 2
GROUPS = 1_000
DIFFERENT_USERS = 1_000_000
# The histogram states are made from the rows, so often: each pass multiplies the values by another factor.
HISTOGRAM_PASSES = 10
# The sketches to estimate are the stored HLL states, so often.
ESTIMATE_COPIES = 10


@dataclass(frozen=True)
class Scale:
    """The sizes of one run."""

    name: str
    rows: int
    """Rows of the generated data; a multiple of `GROUPS` and of `values_per_histogram`."""
    rows_per_small_group: int
    values_per_histogram: int
    hll_states: int
    values_per_hll_state: int
    runs: int
    """Timed runs of each contender, after a warm-up."""
    memory_of: tuple[str, ...]
    """The workloads whose peak memory is measured, each in a fresh process; `("*",)` for all."""
    left_out: tuple[str, ...]
    """Systems that this scale leaves out unless they are asked for."""
    copy_bytes: int
    """What the plain copy copies, a thread."""
    accuracy_values: int
    """Values of each distribution."""
    accuracy_parts: int
    """Histograms that they are cut into, and that are merged again; a multiple of 24."""
    columns_of_a_kind: int
    """Of the columns of one kind that many, the first ones."""
    column_values: int
    """Values of each column."""
    hll_trials: int
    """The least number of sketches at each cardinality."""
    hll_registers: int
    """The least number of registers of all of them: sketches of few registers err more, so it takes more to know."""
    hll_cardinality: int
    """The largest cardinality."""
    hll_points_per_decade: int
    size_rows: int
    """Sketches of each kind and cardinality whose bytes are counted."""
    size_cardinality: int
    """The largest cardinality whose bytes are counted."""
    size_rows_largest: int
    """Sketches at that cardinality."""

    @property
    def histogram_states(self) -> int:
        return HISTOGRAM_PASSES * self.rows // self.values_per_histogram

    @property
    def estimates(self) -> int:
        return ESTIMATE_COPIES * self.hll_states


FULL = Scale(
    name="full",
    rows=20_000_000,
    rows_per_small_group=40,
    values_per_histogram=2_000,
    hll_states=100_000,
    values_per_hll_state=20_000,
    runs=5,
    memory_of=("*",),
    left_out=(),
    copy_bytes=1 << 29,
    accuracy_values=1_000_000,
    accuracy_parts=720,
    columns_of_a_kind=99,
    column_values=1_000_000,
    hll_trials=2_000,
    hll_registers=1 << 22,
    hll_cardinality=1_000_000,
    hll_points_per_decade=12,
    size_rows=2_000,
    size_cardinality=1_000_000,
    size_rows_largest=200,
)

QUICK = Scale(
    name="quick",
    rows=2_000_000,
    rows_per_small_group=40,
    values_per_histogram=2_000,
    hll_states=10_000,
    values_per_hll_state=20_000,
    runs=3,
    memory_of=("hll_small_groups",),
    left_out=("spark",),
    copy_bytes=1 << 28,
    accuracy_values=200_000,
    accuracy_parts=720,
    columns_of_a_kind=99,
    column_values=100_000,
    hll_trials=50,
    hll_registers=0,
    hll_cardinality=1_000_000,
    hll_points_per_decade=6,
    size_rows=500,
    size_cardinality=1_000_000,
    size_rows_largest=20,
)

TOY = Scale(
    name="toy",
    rows=20_000,
    rows_per_small_group=40,
    values_per_histogram=200,
    hll_states=100,
    values_per_hll_state=1_000,
    runs=1,
    memory_of=("hll_small_groups",),
    left_out=("clickhouse", "datafusion", "polars", "spark"),
    copy_bytes=1 << 22,
    accuracy_values=7_200,
    accuracy_parts=72,
    columns_of_a_kind=1,
    column_values=7_200,
    hll_trials=10,
    hll_registers=0,
    hll_cardinality=1_000,
    hll_points_per_decade=2,
    size_rows=10,
    size_cardinality=1_000,
    size_rows_largest=10,
)

SCALES = {scale.name: scale for scale in (FULL, QUICK, TOY)}
