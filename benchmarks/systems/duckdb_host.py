"""What the two contestants inside DuckDB have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import duckdb

from benchmarks.scale import HISTOGRAM_PASSES
from benchmarks.systems.system import System
from benchmarks.workloads import ESTIMATES, HISTOGRAM_STATES, HLL_STATES, ROWS

# That many stored states are made by one statement, which bounds the memory that it takes.
_STATES_A_STATEMENT = 20_000


class DuckDBHost(System):
    """DuckDB with its tables in memory; stored states are kept between runs in a database file."""

    distribution = "duckdb"
    kept = "DuckDB table in memory"

    state_of: ClassVar[Mapping[str, str]]
    """The aggregate that makes a stored state of each dataset; `{x}` is the value."""
    state_type: ClassVar[str]
    """The type of a stored state, as in CREATE TABLE; `{aggregate}` is what makes it."""

    def __init__(self, data: object, threads: int) -> None:
        super().__init__(data, threads)  # type: ignore[arg-type]
        self.con = self.connect(":memory:")

    @abstractmethod
    def connect(self, database: str) -> duckdb.DuckDBPyConnection:
        """Open a database with everything loaded that the questions need."""

    def states_file(self, dataset: str) -> Path:
        return self.file(dataset, "duckdb")

    def prepare(self, dataset: str) -> None:
        if dataset == ESTIMATES:
            dataset = HLL_STATES
        if dataset not in self.state_of:
            return
        path = self.states_file(dataset)
        if path.exists():
            return
        self.forget_others(path)
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with self.connect(str(unfinished)) as con:
            con.execute(f"SET temp_directory = '{self.data.folder / 'spill'}'")
            for number, statement in enumerate(self._statements(dataset)):
                con.execute(f"{'INSERT INTO states' if number else 'CREATE TABLE states AS'} {statement}")
        unfinished.rename(path)

    def _statements(self, dataset: str) -> Iterable[str]:
        scale = self.data.scale
        if dataset == HISTOGRAM_STATES:
            aggregate = self.state_of[dataset].format(x="p * f")
            for k in range(HISTOGRAM_PASSES):
                rows = f"SELECT h, p, 1 + 0.1 * {k} AS f FROM read_parquet('{self.data.rows}')"
                yield f"SELECT {aggregate} AS s FROM ({rows}) GROUP BY h ORDER BY h"
            return
        each = scale.values_per_hll_state
        aggregate = self.state_of[dataset].format(x="i")
        for start in range(0, scale.hll_states, _STATES_A_STATEMENT):
            end = min(start + _STATES_A_STATEMENT, scale.hll_states)
            values = f"SELECT i, i // {each} AS k FROM range({start * each}, {end * each}) t(i)"
            yield f"SELECT {aggregate} AS s FROM ({values}) GROUP BY k ORDER BY k"

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        if dataset == ROWS:
            self.con.execute(f"CREATE TABLE rows AS SELECT {', '.join(columns)} FROM read_parquet('{self.data.rows}')")
            return
        source = HLL_STATES if dataset == ESTIMATES else dataset
        self.con.execute(f"ATTACH '{self.states_file(source)}' AS kept (READ_ONLY)")
        self.con.execute("CREATE TABLE states AS SELECT s FROM kept.states")
        self.con.execute("DETACH kept")

    def answer(self, question: str) -> float | None:
        ((number,),) = self.con.execute(question).fetchall()
        return None if number is None else float(number)
