"""The data: one seeded Parquet file that every system reads, and the exact answers to what is asked of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.folders import data_folder
from benchmarks.scale import DIFFERENT_USERS, GROUPS, HISTOGRAM_PASSES, THREADS, Scale

# Where the hashed numbers start. (DuckDB's hash of two arguments is of no use here: for any two seeds its values differ
# by one constant, bit by bit.)
SEED = 20131028 << 32

# Column by column:
#   u   BIGINT of a million values        us  the same as text
#   g   a thousand groups, in order       g2  groups of 40, in turns: a row of each, then the next of each
#   h   the histogram state, in order     p   lognormal with sigma = 1 (Box and Muller's transform)
_ROWS = """
    SELECT
        (hash({seed} + 4 * i) % {users})::BIGINT AS u,
        u::VARCHAR AS us,
        i // {rows_per_group} AS g,
        i % {small_groups} AS g2,
        i // {values_per_histogram} AS h,
        exp(sqrt(-2 * ln(((hash({seed} + 4 * i + 1) >> 11) + 1) / 9007199254740992))
            * cos(2 * pi() * (hash({seed} + 4 * i + 2) >> 11) / 9007199254740992)) AS p
    FROM range({rows}) t(i)
"""

# What the values of pass k are multiplied by, so that no two states are alike. In SQL that every system reads.
FACTOR = "(1 + 0.1 * {k})"

_TRUTHS = {
    "hll_bigint": "SELECT count(DISTINCT u) FROM rows",
    "hll_varchar": "SELECT count(DISTINCT us) FROM rows",
    "hll_groups": "SELECT sum(n) FROM (SELECT count(DISTINCT u) n FROM rows GROUP BY g)",
    "hll_small_groups": "SELECT sum(n) FROM (SELECT count(DISTINCT u) n FROM rows GROUP BY g2)",
    "histogram": "SELECT quantile_cont(p, 0.5) FROM rows",
    "histogram_groups": "SELECT avg(q) FROM (SELECT quantile_cont(p, 0.5) q FROM rows GROUP BY g)",
    "histogram_merge": f"SELECT quantile_cont(p * {FACTOR.format(k='k')}, 0.5)"
    f" FROM rows, range({HISTOGRAM_PASSES}) t(k)",
}


@dataclass(frozen=True)
class Data:
    """The generated files of one scale."""

    scale: Scale

    @property
    def folder(self) -> Path:
        return data_folder(self.scale.name)

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"

    @property
    def sketches(self) -> Path:
        """The stored HLL sketches of this extension, in one BLOB column `s`: read so often as there are copies."""
        return self.folder / "estimates.parquet"

    def truths(self) -> dict[str, float]:
        """The exact answer of each workload, by its name."""
        return dict(json.loads(self.truth_file.read_text())["truths"])

    @property
    def truth_file(self) -> Path:
        return self.folder / "truths.json"


def generate(data: Data) -> bool:
    """Write the rows and their exact answers, unless they are there; return whether they had to be written."""
    scale = data.scale
    statement = _statement(scale)
    if data.truth_file.exists() and json.loads(data.truth_file.read_text())["statement"] == statement:
        return False
    _remove_files(data.folder)
    with duckdb.connect() as con:
        con.execute(f"SET threads = {THREADS}")
        con.execute(f"SET temp_directory = '{data.folder / 'spill'}'")
        con.execute(f"COPY ({statement}) TO '{data.rows}' (FORMAT parquet, COMPRESSION zstd)")
        con.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{data.rows}')")
        truths = {name: _number(con, sql) for name, sql in _TRUTHS.items()}
    truths["hll_merge"] = scale.hll_states * scale.values_per_hll_state
    truths["estimate"] = truths["estimate_parquet"] = scale.estimates * scale.values_per_hll_state
    data.truth_file.write_text(json.dumps({"statement": statement, "truths": truths}, indent=1))
    return True


def _statement(scale: Scale) -> str:
    return _ROWS.format(
        seed=SEED,
        users=min(DIFFERENT_USERS, scale.rows),
        rows=scale.rows,
        rows_per_group=scale.rows // GROUPS,
        small_groups=scale.rows // scale.rows_per_small_group,
        values_per_histogram=scale.values_per_histogram,
    )


def _remove_files(folder: Path) -> None:
    """What was made of other rows is of no use any more."""
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    ((number,),) = con.execute(sql).fetchall()
    return float(number)
