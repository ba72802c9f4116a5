"""The database behind sketch values: threads, forks, homes and what is not installed."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from pathlib import Path

import pytest
from processes import files, run_python

from duckdb_sketch import HllSketch


def _count(n: int) -> int:
    return HllSketch.from_values(range(n)).estimate


def test_threads_do_not_disturb_each_other() -> None:
    estimates: dict[int, list[int]] = {}

    def work(n: int) -> None:
        estimates[n] = [_count(n) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert estimates == {n: [n] * 20 for n in range(8)}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_a_database_of_its_own() -> None:
    assert _count(3) == 3
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_count, [1, 2, 3]).get(timeout=60) == [1, 2, 3]
    assert _count(3) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_ends_well() -> None:
    """The parent's database is not closed there: its threads are missing, and DuckDB would abort."""
    code = """
import os, sys
from duckdb_sketch import HllSketch
HllSketch.from_values([1])
child = os.fork()
if child == 0:
    sys.exit(HllSketch.from_values([1, 2]).estimate)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code) == "2"


def test_no_folder_of_the_user_is_touched(home: Path) -> None:
    code = "from duckdb_sketch import HllSketch; print(HllSketch.from_values([1]).estimate)"
    assert run_python(code, HOME=str(home)) == "1"
    assert files(home) == []


@pytest.mark.native
def test_lists_need_neither_numpy_nor_pyarrow() -> None:
    code = """
import sys
sys.modules["numpy"] = sys.modules["pyarrow"] = sys.modules["pandas"] = None
from duckdb_sketch import ApproxHistogram, HllSketch, MissingDependencyError, hll_estimate
sketch = HllSketch.from_values(["a", "b"]) | HllSketch.from_values(["c"])
prices = ApproxHistogram.from_values([1, 2, 3])
try:
    hll_estimate([sketch])
except MissingDependencyError as error:
    print(sketch.estimate, prices.quantile([0, 1]), error)
"""
    needed = "an Arrow column of answers needs pyarrow: pip install pyarrow"
    assert run_python(code) == f"3 [1.0, 3.0] {needed}"
