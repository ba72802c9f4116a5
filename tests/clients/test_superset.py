"""docs/CLIENTS.md's lines for Superset, run in Superset from PyPI: in SQL Lab, and on a chart of sketches."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from fences import blocks
from processes import HAS_REPOSITORIES, OUTSIDE, PROJECT, new_environment

import duckdb_sketch

pytestmark = [
    pytest.mark.native,
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs duckdb-sketch install"),
]

CLIENTS = PROJECT / "docs" / "CLIENTS.md"
CONFIGURATION = """
SECRET_KEY = "of a test, and of nothing beyond it"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = TALISMAN_ENABLED = False
"""
# Of 48 hours with 25 users each, 100 in either day: the sum of the hours would be 600.
HOURLY = """
    CREATE TABLE hourly AS SELECT TIMESTAMP '2026-01-01' + to_hours(i % 48) AS hour, hll_sketch_agg(i % 100) AS users
    FROM range(4800) t(i) GROUP BY ALL
"""
Run = Callable[..., str]


@pytest.fixture
def superset(home: Path, tmp_path: Path) -> Run:
    """Runs a program of an environment with Superset, whose database has its tables, and an administrator."""
    wanted = re.findall("^[a-z-]+", (PROJECT / "requirements" / "superset.in").read_text(), re.MULTILINE)
    programs = new_environment(tmp_path / "venv", *wanted, lock="superset").parent
    configuration = tmp_path / "superset_config.py"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path), encoding="utf-8")
    environment = {name: value for name, value in OUTSIDE.items() if name != "PYTHONPATH"}
    environment |= {"HOME": str(home), "FLASK_APP": "superset", "SUPERSET_CONFIG_PATH": str(configuration)}

    def run(program: str, *arguments: str | Path, given: str = "") -> str:
        command = [programs / program, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("superset", "db", "upgrade")
    named = "--username admin --password admin --firstname A --lastname B --email a@example.org"
    run("superset", "fab", "create-admin", *named.split())
    run("superset", "init")
    return run


def test_sql_lab_and_a_chart(superset: Run, tmp_path: Path) -> None:
    duckdb_sketch.install()
    with duckdb.connect(tmp_path / "rollups.duckdb") as connection:
        connection.execute("LOAD duckdb_sketch FROM duckdb_sketch")
        connection.execute(HOURLY)
    text = CLIENTS.read_text(encoding="utf-8")
    (uri,) = re.findall(r"The SQLAlchemy URI is `(\S+)`", text)
    (metric,) = re.findall(r"`(\S+)`, as custom SQL", text)
    (parameters,) = (block.code for block in blocks(CLIENTS) if block.language == "json")
    asked = {
        "uri": uri.replace("/path/to", str(tmp_path)),
        "extra": {"engine_params": json.loads(parameters)},
        "query": "SELECT hll_sketch_estimate(hll_sketch_agg(i % 10)) AS users FROM range(1000) t(i)",
        "table": "hourly",
        "metric": metric,
    }
    said = superset("python", PROJECT / "tests" / "support" / "superset_client.py", given=json.dumps(asked))
    answers = json.loads(said.splitlines()[-1])
    assert answers["in SQL Lab"] == [{"users": 10}]
    assert [row["users"] for row in answers["on a chart"]] == [100, 100]
