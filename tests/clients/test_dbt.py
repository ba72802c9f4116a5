"""integrations/dbt, run with dbt-duckdb: its example, again with more events, and a run that finds what is wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from processes import OUTSIDE, PROJECT, new_environment

import duckdb_sketch

pytestmark = [pytest.mark.native, pytest.mark.slow]

ROWS = "SELECT hour, page, visits, users, md5(seconds) FROM visits_hourly ORDER BY ALL"


@pytest.fixture(scope="module")
def dbt(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's program, in an environment with the wheel and a lock of its own: it needs older packages than we do."""
    folder = tmp_path_factory.mktemp("dbt") / "venv"
    return new_environment(folder, str(wheel), "dbt-core", "dbt-duckdb", lock="dbt").with_name("dbt")


@pytest.fixture
def project(dbt: Path, home: Path, tmp_path: Path) -> Path:
    """A copy of the example, with its package installed."""
    shutil.copytree(PROJECT / "integrations" / "dbt", tmp_path / "dbt")
    folder = tmp_path / "dbt" / "example"
    run(dbt, folder, "deps")
    return folder


def run(dbt: Path, folder: Path, *arguments: str, fails: bool = False) -> str:
    inherited = {name: value for name, value in OUTSIDE.items() if name != "PYTHONPATH"}
    environment = {**inherited, "HOME": os.environ["HOME"], "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [dbt, *arguments, "--profiles-dir", ".", "--no-use-colors"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def rows(folder: Path, query: str = ROWS) -> list[tuple[object, ...]]:
    with duckdb.connect(folder / "rollups.duckdb", config={"allow_unsigned_extensions": "true"}) as connection:
        return duckdb_sketch.load(connection).execute(query).fetchall()


def test_the_example_runs_and_passes_its_tests(dbt: Path, project: Path) -> None:
    said = run(dbt, project, "build")
    assert "PASS=9 WARN=0 ERROR=0" in said
    answers = rows(project, "SELECT visits, users BETWEEN 960 AND 1060, round(median_seconds) FROM answers")
    assert answers == [(1440, True, 30.0)] * 3


def test_new_events_and_late_ones_give_the_rows_of_a_full_refresh(dbt: Path, project: Path) -> None:
    run(dbt, project, "build", "--vars", "{days: 2.1}")  # ends in the middle of an hour
    run(dbt, project, "build", "--vars", "{days: 4}")
    kept = rows(project)
    run(dbt, project, "build", "--vars", "{days: 4}")
    assert rows(project) == kept, "a run that is repeated changes nothing"
    run(dbt, project, "build", "--vars", "{days: 4}", "--full-refresh")
    assert rows(project) == kept
    assert rows(project, "SELECT sum(visits)::BIGINT FROM visits_hourly") == [(4 * 1440,)]


def test_what_is_before_the_lookback_stays(dbt: Path, project: Path) -> None:
    run(dbt, project, "build")
    rows(project, "UPDATE visits_hourly SET visits = visits + 1 WHERE hour = '2026-03-01' AND page = 'page 0'")
    said = run(dbt, project, "build", fails=True)  # the test that adds up finds it
    assert "adds_up_visits_hourly_visits" in said
    assert rows(project, "SELECT sum(visits)::BIGINT FROM visits_hourly") == [(3 * 1440 + 1,)]


def test_damaged_states_are_found(dbt: Path, project: Path) -> None:
    run(dbt, project, "build")
    rows(project, "UPDATE visits_hourly SET users = 'no sketch'::BLOB, seconds = 'no'::BLOB WHERE hour = '2026-03-01'")
    said = run(dbt, project, "test", "--select", "test_name:is_hll_sketch", "test_name:is_approx_histogram", fails=True)
    for test in ("is_hll_sketch_visits_hourly_users", "is_approx_histogram_visits_hourly_seconds"):
        assert re.search(rf"FAIL 3 \S*{test}", said), said


def test_a_merge_that_there_is_not_is_named(dbt: Path, project: Path) -> None:
    model = project / "models" / "visits_daily.sql"
    model.write_text(model.read_text().replace("'sum'", "'avg'"))
    assert "coarsen: visits is merged by sum, min, max, hll, histogram, not by avg" in run(
        dbt, project, "compile", fails=True
    )
