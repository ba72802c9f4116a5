"""`duckdb-sketch install` and `uninstall`: which DuckDBs are served, what is said, what is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from command_line import run
from processes import HAS_REPOSITORIES, OUTSIDE, files, has_functions, run_python

import duckdb_sketch
from duckdb_sketch import _files
from duckdb_sketch._duckdb_version import RELEASED, checked_version, order, used_versions
from extension_file.platforms import duckdb_platform

needs_repositories = pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0")
native = pytest.mark.native
LOAD = """
import duckdb
con = duckdb.connect()
con.execute("LOAD duckdb_sketch FROM duckdb_sketch")
print(duckdb.__version__, con.execute("SELECT hll_sketch_estimate(hll_sketch_agg(7))").fetchone()[0])
"""
HERE = f"v{duckdb.__version__}"


def shell(folder: Path, shown: str) -> Path:
    """A stand-in for DuckDB's shell, which says its version; the folder that it is in."""
    folder.mkdir(exist_ok=True)
    path = folder / "duckdb"
    path.write_text(f"#!/bin/sh\necho '{shown}'\n")
    path.chmod(0o755)
    return folder


# Versions


@pytest.mark.parametrize("text", ["2.0.0", "v2.0.1", "2.0.9", "v2.1.0", "2.10.3"])
def test_versions_that_are_served(text: str) -> None:
    assert checked_version(text) == "v" + text.removeprefix("v")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("99", "'99' is not a version of DuckDB: write it in full, such as v2.0.1"),
        ("2.0", "'2.0' is not a version of DuckDB"),
        ("../2.0.0", "is not a version of DuckDB"),
        ("99.0.0", "there is no DuckDB 99.0.0: there are v2.0.0, v2.0.1, and what comes after them in 2.x"),
        ("3.0.0", "there is no DuckDB 3.0.0"),
        ("1.5.6", "DuckDB 1.5.6 has no local extension repositories: DuckDB 2.0 or later has"),
    ],
)
def test_versions_that_are_not(text: str, said: str) -> None:
    with pytest.raises(duckdb_sketch.InvalidInputError) as caught:
        checked_version(text)
    assert said in str(caught.value)


def test_a_version_that_is_found_here_exists() -> None:
    assert checked_version("3.1.0", ["v3.1.0"]) == "v3.1.0"


def test_versions_are_sorted_as_numbers() -> None:
    names = ["3d3ba5b2a1", "v2.10.0", "v2.9.0", "v2.0.0"]
    assert sorted(names, key=order) == ["v2.0.0", "v2.9.0", "v2.10.0", "3d3ba5b2a1"]


def test_versions_that_clients_have_used(tmp_path: Path) -> None:
    for name in ("v2.0.0", "v2.7.1", "v1.5.6", "v2.x", "v2.0.0-dev1"):
        (tmp_path / name).mkdir()
    (tmp_path / "v2.8.0").touch()
    assert used_versions(tmp_path) == {"v2.0.0", "v2.7.1"}


# What is installed


@native
@needs_repositories
def test_every_release_is_served(home: Path) -> None:
    (home / ".duckdb" / "extensions" / "v2.7.1").mkdir(parents=True)
    done = duckdb_sketch.install(["2.0.9"])
    assert set(done.versions) == {*RELEASED, HERE, "v2.0.9", "v2.7.1"}
    assert (done.platform, done.extension) == (duckdb_platform(), _files.EXTENSION)
    content = _files.EXTENSION.read_bytes()
    for version in done.versions:
        folder = home / ".duckdb" / "extensions" / version / duckdb_platform() / "repositories" / "duckdb_sketch"
        assert (folder / "duckdb_sketch.duckdb_extension").read_bytes() == content
        assert (folder / "duckdb_sketch.duckdb_extension.info").is_file()
        (repository,) = (home / ".duckdb" / "extension_repositories").glob(f"*/{version}")
        assert (repository / duckdb_platform() / "duckdb_sketch.duckdb_extension").read_bytes() == content


@native
@needs_repositories
def test_installing_again_changes_nothing(home: Path) -> None:
    first = duckdb_sketch.install()
    before = files(home)
    assert duckdb_sketch.install() == first
    assert files(home) == before


@native
@needs_repositories
@pytest.mark.slow
@pytest.mark.parametrize("version", [version for version in RELEASED if version != HERE])
def test_another_release_loads_it(home: Path, tmp_path: Path, version: str) -> None:
    duckdb_sketch.install()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "duckdb"]
    subprocess.run([*pip, f"duckdb=={version[1:]}"], env=OUTSIDE, check=True)
    assert run_python(LOAD, path=tmp_path, PYTHONPATH=str(tmp_path / "duckdb"), HOME=str(home)) == f"{version[1:]} 1"


# What is said


@native
@needs_repositories
def test_install_says_what_it_did_and_what_to_type(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shell(tmp_path / "bin", "v1.5.6 (Variegata) 3d3ba5b2a1")))
    said = run("install").stdout
    assert f"Installed for DuckDB {', '.join(RELEASED)} on {duckdb_platform()}." in said
    assert "LOAD duckdb_sketch FROM duckdb_sketch;" in said
    assert "duckdb -unsigned" in said
    assert f"LOAD '{_files.EXTENSION}';" in said
    assert f"{tmp_path}/bin/duckdb, is DuckDB v1.5.6: load it by its path, as above." in said


@native
@needs_repositories
def test_the_shell_s_own_version_is_served(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shell(tmp_path / "bin", "v2.3.0 (Future) 3d3ba5b2a1")))
    said = run("install").stdout
    assert "v2.3.0 on" in said
    assert "is DuckDB v2.3.0: served." in said


@needs_repositories
def test_install_rejects_a_version_that_does_not_exist(home: Path) -> None:
    done = run("install", "--duckdb-version", "99.0.0")
    assert done.returncode == 1
    assert done.stderr.startswith("duckdb-sketch: there is no DuckDB 99.0.0: ")
    assert files(home) == []


# What is removed


@native
@needs_repositories
def test_uninstall_removes_all_of_it_and_nothing_else(home: Path) -> None:
    other = home / ".duckdb" / "extensions" / HERE / duckdb_platform() / "json.duckdb_extension"
    other.parent.mkdir(parents=True)
    other.touch()
    alike = home / ".duckdb" / "extension_repositories" / "duckdb_sketch_of_mine"
    alike.mkdir(parents=True)
    (alike / "file").touch()
    duckdb_sketch.connect().close()
    duckdb_sketch.install()
    assert len(files(home)) > 4
    assert run("uninstall").stdout == f"Removed from DuckDB {', '.join(RELEASED)}.\n"
    lock = home / ".duckdb" / "extension_repositories" / "duckdb_sketch.lock"
    assert [home / path for path in files(home)] == sorted([other, alike / "file", lock])
    assert run("uninstall").stdout == "Nothing was installed.\n"


@native
@needs_repositories
def test_a_database_keeps_what_it_has_loaded(home: Path) -> None:
    with duckdb_sketch.connect() as connection:
        duckdb_sketch.uninstall()
        assert has_functions(connection)
    with duckdb_sketch.connect() as connection:
        assert has_functions(connection)


@needs_repositories
def test_uninstall_of_nothing(home: Path) -> None:
    assert duckdb_sketch.uninstall() == ()
    assert files(home) == []
