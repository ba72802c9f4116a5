"""The command line: what it prints, where, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from command_line import run
from processes import HAS_REPOSITORIES, has_functions

import duckdb_sketch

pytestmark = pytest.mark.newest_duckdb

needs_repositories = pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0")


def test_version() -> None:
    process = run("version")
    assert process.stdout == f"duckdb_sketch {duckdb_sketch.__version__}, DuckDB {duckdb.__version__}\n"
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    process = run(*arguments)
    assert {"install", "version"} <= set((process.stdout + process.stderr).split())


@needs_repositories
def test_install(home: Path) -> None:
    process = run("install")
    assert process.returncode == 0
    assert "LOAD duckdb_sketch FROM duckdb_sketch;" in process.stdout
    with duckdb.connect() as connection:
        connection.execute("LOAD duckdb_sketch FROM duckdb_sketch")
        assert has_functions(connection)


@needs_repositories
def test_install_twice(home: Path) -> None:
    assert [run("install").returncode for _ in range(2)] == [0, 0]


@needs_repositories
def test_install_for_another_version_says_what_to_do_there(home: Path) -> None:
    process = run("install", "--duckdb-version", "v2.0.9")
    assert process.returncode == 0
    assert "In DuckDB v2.0.9" in process.stdout
    assert "INSTALL duckdb_sketch FROM duckdb_sketch;" in process.stdout


@needs_repositories
def test_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    monkeypatch.setenv("HOME", str(no_folder))
    process = run("install")
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("duckdb-sketch: DuckDB could not install duckdb_sketch")
    assert process.stderr.count("\n") == 1


def test_unknown_command() -> None:
    assert run("frobnicate").returncode == 2
