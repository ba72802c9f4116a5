"""The command line: what it prints, where, and its exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import duckdb
import pytest
from command_line import run
from processes import HAS_REPOSITORIES, has_functions, run_python

import duckdb_sketch
from duckdb_sketch._files import EXTENSION
from duckdb_sketch.cli.app import Commands
from duckdb_sketch.cli.lazy import Command
from duckdb_sketch.cli.rollup import RollupCommands

pytestmark = pytest.mark.newest_duckdb

needs_repositories = pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0")


@pytest.mark.parametrize("arguments", [("version",), ("--version",), ("--version", "inspect")])
def test_version(arguments: tuple[str, ...]) -> None:
    process = run(*arguments)
    assert process.stdout == f"duckdb_sketch {duckdb_sketch.__version__}, DuckDB {duckdb.__version__}\n"
    assert process.returncode == 0


def imported_by(*arguments: str) -> set[str]:
    """The packages that a command imports."""
    code = (
        f"import sys; sys.argv = ['duckdb-sketch', *{arguments!r}]\n"
        "from duckdb_sketch.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    modules = run_python(code).splitlines()[-1].split()
    return {module.partition(".")[0] for module in modules} | set(modules)


@pytest.mark.parametrize("option", ["version", "--version"])
def test_version_imports_next_to_nothing(option: str) -> None:
    ours = {"duckdb_sketch", "duckdb_sketch.errors", "duckdb_sketch.cli", "duckdb_sketch.cli.version"}
    imported = imported_by(option)
    assert {module for module in imported if module.startswith("duckdb_sketch")} == ours
    assert not imported & {"duckdb", "_duckdb", "typer", "rich", "sqlglot", "numpy", "pyarrow"}


@pytest.mark.parametrize("arguments", [("--help",), ("rollup", "--help")])
def test_help_imports_no_command(arguments: tuple[str, ...]) -> None:
    assert not imported_by(*arguments) & {"duckdb", "sqlglot", "duckdb_sketch.rollup"}


def test_the_package_imports_duckdb_where_it_is_used() -> None:
    asked = "print('duckdb' in sys.modules)"
    code = f"import duckdb_sketch, sys; {asked}; duckdb_sketch.connect(); {asked}"
    assert run_python(code).split() == ["False", "True"]


def test_everything_public_can_be_imported() -> None:
    code = (
        "import duckdb_sketch\n"
        "for name in duckdb_sketch.__all__:\n"
        "    assert name in dir(duckdb_sketch) and getattr(duckdb_sketch, name) is not None, name\n"
        "from duckdb_sketch import *\n"
        "assert Rollup is duckdb_sketch.rollup.Rollup and HllSketch is duckdb_sketch.values.HllSketch\n"
        "print('all')"
    )
    assert run_python(code).strip() == "all"
    with pytest.raises(AttributeError, match="has no attribute 'connects'"):
        duckdb_sketch.connects  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("commands", [Commands.lazy, RollupCommands.lazy])
def test_the_list_of_commands_says_what_each_says_itself(commands: Mapping[str, Command]) -> None:
    for name, command in commands.items():
        if not command.short_for:
            module, _, attribute = command.place.partition(":")
            found = getattr(import_module(module), attribute)
            said = inspect.getdoc(found) if inspect.isfunction(found) else found.info.help
            assert said == command.summary, name


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    process = run(*arguments)
    assert {"install", "version"} <= set((process.stdout + process.stderr).split())


@needs_repositories
@pytest.mark.native
def test_install(home: Path) -> None:
    process = run("install")
    assert process.returncode == 0
    assert "LOAD duckdb_sketch FROM duckdb_sketch;" in process.stdout
    with duckdb.connect() as connection:
        connection.execute("LOAD duckdb_sketch FROM duckdb_sketch")
        assert has_functions(connection)


@needs_repositories
@pytest.mark.native
def test_install_twice(home: Path) -> None:
    assert [run("install").returncode for _ in range(2)] == [0, 0]


@needs_repositories
@pytest.mark.native
def test_install_for_another_version_says_that_it_is_served(home: Path) -> None:
    process = run("install", "--duckdb-version", "v2.0.9")
    assert process.returncode == 0
    assert "v2.0.9 on" in process.stdout
    assert "LOAD duckdb_sketch FROM duckdb_sketch;" in process.stdout


@needs_repositories
@pytest.mark.parametrize("version", ["99", "v2", "2.0", "latest", "v1.4.4", "../v2.0.1", "v2.0.1/..", ""])
def test_install_for_what_is_no_version(home: Path, version: str) -> None:
    process = run("install", "--duckdb-version", version)
    assert (process.returncode, process.stdout) == (1, "")
    assert version in process.stderr
    assert process.stderr.count("\n") == 1
    assert not list(home.rglob("*.duckdb_extension"))


@needs_repositories
@pytest.mark.native  # the portable backend is announced in a line of its own
def test_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    monkeypatch.setenv("HOME", str(no_folder))
    process = run("install")
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("duckdb-sketch: DuckDB could not install duckdb_sketch (")
    assert f"or load the file by its path, where unsigned extensions are allowed: {EXTENSION}" in process.stderr
    assert process.stderr.count("\n") == 1


def test_unknown_command() -> None:
    assert run("frobnicate").returncode == 2
