"""Files that go from one DuckDB to another: rollup databases upwards, Parquet in every direction."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from processes import OUTSIDE, PROJECT, run_python

pytestmark = pytest.mark.slow

VERSIONS = ["1.4.4", "1.5.6", duckdb.__version__]
# Counts the events of a file that it writes, into hours, days (a DATE before DuckDB 2.0) and months; and exports.
JOB = """
import duckdb
from duckdb_sketch import Rollup

number = {number}
assert duckdb.__version__ == {version!r}, duckdb.__version__
duckdb.execute(f'''
    COPY (SELECT TIMESTAMP '2024-02-01' + to_minutes(i * 7) AS ts, i AS u, i % 50 AS price
          FROM range({{number}} * 3000, {{number + 1}} * 3000) t(i)) TO '{{number}}.parquet'
''')
for name in ("hour", "day"):
    statement = f'''
        SELECT date_trunc('{{name}}', ts) AS t, count(*) AS n, hll_sketch_agg(u) AS users,
               approx_histogram_agg(price) AS prices
        FROM e GROUP BY ALL
    '''
    with Rollup.from_sql(statement, name=f"{{name}}s", sources={{"e": "*.parquet"}}, database="r.duckdb") as rollup:
        assert rollup.refresh().rows == 3000
        if name == "hour" and number == 0:
            rollup.coarsen("month", "months")
        rollup.export(f"export-{{name}}s-{{number}}")
        answer = '''
            sum(n)::BIGINT, hll_sketch_estimate(hll_union_agg(users)),
            approx_histogram_stats(approx_histogram_union_agg(prices)).count
        '''
        print(rollup.connection.execute(f"SELECT {{answer}} FROM {{name}}s").fetchone())
        if name == "hour":
            print(rollup.connection.execute(f"SELECT {{answer}} FROM months").fetchone())
"""
READ = """
import duckdb_sketch
con = duckdb_sketch.connect(config={"allow_unsigned_extensions": "true"})
print(con.execute('''
    SELECT sum(n)::BIGINT, md5(hll_union_agg(users)), approx_histogram_stats(approx_histogram_union_agg(prices)).count
    FROM read_parquet('export-hours-*/*/*.parquet', hive_partitioning = false)
''').fetchone())
"""


@pytest.fixture(scope="module")
def duckdbs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The path of Python modules that each version needs before those of this environment."""
    paths = {duckdb.__version__: str(PROJECT)}
    for version in VERSIONS[:-1]:
        folder = tmp_path_factory.mktemp("duckdb")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, f"duckdb=={version}"]
        subprocess.run(pip, env=OUTSIDE, check=True)
        paths[version] = f"{folder}:{PROJECT}"
    return paths


def test_a_rollup_goes_from_one_version_to_the_next(home: Path, tmp_path: Path, duckdbs: dict[str, str]) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    found = []
    for number, version in enumerate(VERSIONS):
        code = JOB.format(number=number, version=version)
        shown = run_python(code, path=folder, HOME=str(home), PYTHONPATH=duckdbs[version]).splitlines()
        assert len(shown) == 3
        found.append([eval(line) for line in shown])
    for number, answers in enumerate(found):
        count = (number + 1) * 3000
        for events, users, prices in answers:
            assert (events, prices) == (count, count)
            assert abs(users / count - 1) < 0.05
    # Hours, months and days: one answer, whichever version wrote their rows.
    assert all(len(set(answers)) == 1 for answers in found)
    # Every version reads what every version has exported, and makes the same bytes of it.
    read = {run_python(READ, path=folder, HOME=str(home), PYTHONPATH=path) for path in duckdbs.values()}
    assert len(read) == 1
    assert eval(read.pop())[0] == 3000 + 6000 + 9000
