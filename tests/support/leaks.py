"""`make leaks`: the examples of the reference under valgrind; fails if it finds anything in the extension.

Python and DuckDB keep memory until the process ends, and jemalloc puzzles valgrind: only what has a frame of the
extension counts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parent
SCRIPT = f"""
import sys
sys.path[:0] = [{str(SUPPORT)!r}, {str(SUPPORT.parents[1])!r}]
import duckdb, duckdb_sketch
from reference import prepare
con = duckdb_sketch.load(duckdb.connect(config={{"allow_unsigned_extensions": "true", "threads": 2}}))
queries = prepare(con)
for query in queries + queries:
    con.execute(query).fetchall()
for bad in ("hll_union_agg('no'::BLOB)", "approx_histogram_union_agg('no'::BLOB)", "hll_sketch_agg(i, i)"):
    try:
        con.execute(f"SELECT i % 9, {{bad}} FROM range(9000) t(i) GROUP BY 1").fetchall()
    except duckdb.Error:
        continue
    raise SystemExit(bad)
con.close()
print(len(queries), "queries, twice")
"""


def main() -> int:
    """Run it; the exit code."""
    valgrind = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--num-callers=40"]
    environment = {**os.environ, "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [*valgrind, sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout, end="")
    reports = re.split(r"(?m)^==\d+== \n", done.stderr)
    ours = [report for report in reports if "duckdb_sketch" in report and " at 0x" in report]
    print(*ours, f"{len(ours)} reports in the extension, {len(reports)} in all", sep="\n")
    return 1 if ours or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
