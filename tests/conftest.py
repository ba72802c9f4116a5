"""Shared fixtures. No test touches the home of whoever runs them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import duckdb
import hypothesis
import pytest
from processes import OUTSIDE, PROJECT, pinned

import duckdb_sketch
from duckdb_sketch._files import EXTENSION
from duckdb_sketch._lock import locked
from duckdb_sketch.demo.flights import write_flights

_NATIVE = "needs the native extension, which was not built"
# They show what the extension does, or would take the portable backend many minutes; tests/portable shows that
# rollups and cubes work on it.
_NATIVE_FOLDERS = {
    "cube",
    "docs",
    "druid",
    "faults",
    "flights",
    "functions",
    "fuzz",
    "host",
    "rollup",
    "service",
    "spark",
    "versions",
}
_NATIVE_FIXTURES = {"native", "rolled_up"}  # the portable backend takes half a minute for a year of flights
# What depends most on DuckDB's version: make test-duckdb runs these folders and files, make test-duckdb-all every test.
_OLDER_DUCKDB = {
    "functions",
    "hll",
    "histogram",
    "theta",
    "top_k",
    "values",
    "packaging/test_fallback.py",
    "packaging/test_loading.py",
    "portable/test_portable_rollups.py",
    "portable/test_portable_sql.py",
    "portable/test_refused_types.py",
    "rollup/test_append.py",
    "rollup/test_append_groups.py",
    "rollup/test_codec.py",
    "rollup/test_late_rows.py",
    "rollup/test_levels.py",
    "rollup/test_merge_order.py",
    "rollup/test_refresh.py",
    "rollup/test_statement_forms.py",
}
# Folders whose hundreds of tests have an empty database each, all of one instance of DuckDB, as to open one and to load
# the extension takes longer than most of them. What a test sets for all connections is its number of threads.
_ONE_INSTANCE = {"druid", "functions", "hll", "histogram", "theta", "top_k"}
_numbers = count()
# Nothing is timed in a test: a machine that does other work is no fault of the code.
hypothesis.settings.register_profile("native", deadline=None)
hypothesis.settings.register_profile("portable", deadline=None, max_examples=10)
hypothesis.settings.load_profile("native" if EXTENSION.exists() else "portable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what older versions of DuckDB run, and skip what needs the native extension where there is none."""
    for item in items:
        if {item.path.parent.name, f"{item.path.parent.name}/{item.path.name}"} & _OLDER_DUCKDB:
            item.add_marker(pytest.mark.older_duckdb)
    if EXTENSION.exists():
        return
    for item in items:
        if (
            item.get_closest_marker("native")
            or _NATIVE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
            or item.path.parent.name in _NATIVE_FOLDERS
        ):
            item.add_marker(pytest.mark.skip(reason=_NATIVE))


def pytest_collection_finish() -> None:
    """Have the garbage collector no longer look through what was imported and collected."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count by name what was skipped for it."""
    skipped = terminalreporter.stats.get("skipped", [])
    names = Counter(report.nodeid.partition("[")[0] for report in skipped if _NATIVE in str(report.longrepr))
    if not names:
        return
    terminalreporter.section("skipped, because the native extension was not built")
    for name, tests in sorted(names.items()):
        terminalreporter.line(f"{tests:5} {name}")
    terminalreporter.line(f"{names.total()} tests were skipped: they need the native extension, or its speed.")


@pytest.fixture(scope="session", autouse=True)
def _away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("home"))
        patch.setenv("HOME", folder)
        patch.setenv("USERPROFILE", folder)  # which is what Windows has
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of this test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture(scope="session")
def _one_instance() -> Iterator[duckdb.DuckDBPyConnection]:
    with _opened() as connection:
        yield connection


@pytest.fixture
def con(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a new database with the functions loaded, straight from this working copy."""
    # Portable functions belong to the connection that they were loaded into.
    if request.path.parent.name not in _ONE_INSTANCE or not EXTENSION.exists():
        with _opened() as connection:
            yield connection
        return
    instance = request.getfixturevalue("_one_instance")
    name = f"database_{next(_numbers)}"
    with instance.cursor() as connection:
        connection.execute(f"ATTACH ':memory:' AS {name}")
        connection.execute(f"USE {name}")
        yield connection
    instance.execute(f"DETACH {name}")
    instance.execute("RESET threads")


@contextmanager
def _opened() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        yield duckdb_sketch.load(connection)


@pytest.fixture(scope="session")
def flights_parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw flights of 2013, one row each."""
    path = tmp_path_factory.mktemp("flights") / "flights.parquet"
    write_flights(path)
    return path


@pytest.fixture(scope="session")
def rolled_up(flights_parquet: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The view `flights`, and the hours, days and months that `sql/` makes of it. Not to be written to."""
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        duckdb_sketch.load(connection)
        connection.execute(f"CREATE VIEW flights AS FROM '{flights_parquet}'")
        for name in ["01_hourly_rollup", "02_days_from_hours", "03_months_from_days"]:
            connection.execute((PROJECT / "sql" / f"{name}.sql").read_text())
        yield connection


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it; the processes of one run share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "distributions"
    with locked(shared / "distributions.lock"):
        if not folder.exists():
            versions = str(pinned(shared))
            # Older pips read the one, newer ones the other.
            environment = {**OUTSIDE, "PIP_CONSTRAINT": versions, "PIP_BUILD_CONSTRAINT": versions}
            command = [sys.executable, "-m", "build", "--outdir", folder, PROJECT]
            subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel."""
    (path,) = distributions.glob("*.whl")
    return path
