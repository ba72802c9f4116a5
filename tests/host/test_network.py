"""Nothing here uses the network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PROJECT, run_python

from duckdb_sketch import _files

SOCKETS = re.compile(r"(socket|connect|bind|listen|accept4?|send\w*|recv\w*|getaddrinfo|gethostby\w+|res_\w+)(@|$)")

# What a session does: installs, loads, counts, rolls up, exports. Any event of Python's network modules ends it.
SESSION = """
import sys

def refuse(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)

import duckdb, duckdb_sketch
from duckdb_sketch import ApproxHistogram, HllSketch, Rollup, cli

duckdb_sketch.install()
con = duckdb_sketch.connect()
con.execute('''
    COPY (SELECT TIMESTAMP '2026-01-01' + to_minutes(i) AS ts, i % 99 AS u, i / 7 AS p FROM range(9999) t(i))
    TO 'e.parquet'
''')
statement = '''
    SELECT date_trunc('hour', ts) AS hour, hll_sketch_agg(u) AS users, approx_histogram_agg(p) AS prices
    FROM e GROUP BY ALL
'''
with Rollup.from_sql(statement, name="hours", sources={"e": "e.parquet"}, database="r.duckdb") as rollup:
    rollup.refresh()
    rollup.coarsen("day", "days")
    rollup.export("exported")
    print(rollup.connection.execute("SELECT hll_sketch_estimate(hll_union_agg(users)) FROM days").fetchone()[0])
print(HllSketch.from_values(range(5)).estimate, ApproxHistogram.from_values([1, 2, 3]).quantile(0.5))
for command in ("version", "rollup status hours -d r.duckdb", "rollup changes hours -d r.duckdb"):
    sys.argv = ["duckdb-sketch", *command.split()]
    try:
        cli.main()
    except SystemExit as error:
        assert not error.code, error.code
"""


def test_the_extension_imports_no_sockets() -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("binutils are not installed")
    shown = subprocess.run([nm, "-D", "--undefined-only", _files.EXTENSION], capture_output=True, text=True, check=True)
    names = [line.split()[-1] for line in shown.stdout.splitlines()]
    assert any(name.startswith("malloc") for name in names)
    assert [name for name in names if SOCKETS.match(name)] == []


def test_a_session_opens_no_socket(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    shown = run_python(SESSION, path=folder, HOME=str(home), PYTHONPATH=str(PROJECT))
    assert shown.splitlines()[:2] == ["99", "5 2.0"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="network namespaces are Linux's")
def test_a_session_without_a_network(home: Path, tmp_path: Path) -> None:
    """DuckDB's native code included: in a namespace of its own there is no interface that is up."""
    isolated = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*isolated, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody make a network namespace")
    command = f"{isolated!r} + [sys.executable, '-c', {SESSION!r}]"
    session = f"import subprocess, sys; sys.exit(subprocess.run({command}).returncode)"
    folder = tmp_path / "session"
    folder.mkdir()
    shown = run_python(session, path=folder, HOME=str(home), PYTHONPATH=str(PROJECT))
    assert shown.splitlines()[:2] == ["99", "5 2.0"]
