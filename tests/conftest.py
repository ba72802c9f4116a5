"""Shared fixtures. No test touches the home of whoever runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import duckdb_sketch

PROJECT = Path(__file__).parent.parent
# Taken before any fixture changes it: pip and cargo find their caches and toolchains by HOME.
OUTSIDE = dict(os.environ)


@pytest.fixture(scope="session", autouse=True)
def _away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of this test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a new database with the functions loaded, straight from this working copy."""
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        yield duckdb_sketch.load(connection)


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    command = [sys.executable, "-m", "build", "--outdir", folder, PROJECT]
    subprocess.run(command, env=OUTSIDE, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel."""
    (path,) = distributions.glob("*.whl")
    return path


def run_python(code: str, *, path: Path = PROJECT, python: str | Path = sys.executable, **environment: str) -> str:
    """Run `code` in a process of its own that finds modules in `path` first; return what it prints."""
    process = subprocess.run(
        [python, "-c", code],
        cwd=path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def new_environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], env=OUTSIDE, check=True)
    return python
