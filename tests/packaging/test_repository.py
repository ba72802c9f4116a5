"""The local trusted repository: connections with DuckDB's default settings, from DuckDB 2.0 on.

Where it works, what it leaves behind, what it says when it cannot; many at the same time; one build after another.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from processes import HAS_REPOSITORIES, PROJECT, files, has_functions, run_python
from samples import samples

import duckdb_sketch
from duckdb_sketch import _files
from extension_file.build import write_extension
from extension_file.footer import SIGNATURE_BYTES, footer
from extension_file.platforms import duckdb_platform

pytestmark = [pytest.mark.native, pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0")]

LOAD = "import duckdb_sketch as s; con = s.connect(); "
# DuckDB 2.0.1 lists every installed build, loaded or not.
BUILD = "SELECT extension_version FROM duckdb_extensions() WHERE extension_name = 'duckdb_sketch' AND loaded"
PRINT_BUILD = f'print(con.execute("{BUILD}").fetchone()[0])'


def package_with_build(folder: Path, build: str) -> Path:
    """A copy of the package whose extension has another key, and says that its version is `build`."""
    folder.mkdir()
    package = folder / "duckdb_sketch"
    shutil.copytree(PROJECT / "duckdb_sketch", package, ignore=shutil.ignore_patterns("__pycache__"))
    signed = _files.EXTENSION.read_bytes()
    footer_bytes = len(footer(extension_version=build, platform=duckdb_platform())) + SIGNATURE_BYTES
    write_extension(package, signed[:-footer_bytes], build, duckdb_platform())
    return folder


# Where it works


def test_connect_beside_an_open_connection(home: Path, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "a.duckdb") as first, duckdb_sketch.connect(tmp_path / "a.duckdb") as second:
        assert has_functions(second)
        assert has_functions(first)


def test_default_connection(home: Path) -> None:
    code = "import duckdb, duckdb_sketch; duckdb_sketch.load(duckdb.default_connection()); "
    assert run_python(code + "print(duckdb.execute('SELECT duckdb_sketch_version()').fetchone()[0])")


def test_load_returns_the_connection_and_may_be_repeated(home: Path) -> None:
    with duckdb.connect() as connection:
        assert duckdb_sketch.load(duckdb_sketch.load(connection)) is connection
        assert has_functions(connection)


def test_another_database_in_use(home: Path, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{tmp_path}/a.duckdb' AS a; USE a")
        assert has_functions(duckdb_sketch.load(connection))


def test_folder_with_a_quote_in_its_name(tmp_path: Path) -> None:
    home = tmp_path / "O'Hara's home"
    home.mkdir()
    package = package_with_build(tmp_path / "it's", "9.0.0")
    assert run_python(LOAD + PRINT_BUILD, path=package, HOME=str(home)) == "9.0.0"
    unsigned = "import duckdb_sketch as s; con = s.connect(config={'allow_unsigned_extensions': 'true'}); "
    assert run_python(unsigned + PRINT_BUILD, path=package, HOME=str(home)) == "9.0.0"


# What it leaves alone


def test_settings_stay(home: Path) -> None:
    settings = "SELECT name, value FROM duckdb_settings() WHERE name NOT LIKE '%memory%' ORDER BY name"
    with duckdb.connect() as connection:
        before = connection.execute(settings).fetchall()
        duckdb_sketch.load(connection)
        assert connection.execute(settings).fetchall() == before


def test_pending_result_stays(home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("FROM range(3)")
        duckdb_sketch.load(connection)
        assert connection.fetchall() == [(0,), (1,), (2,)]


def test_open_transaction_stays(home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("BEGIN; CREATE TABLE t (i INT); SELECT count(*) FROM t")
        duckdb_sketch.load(connection)
        connection.execute("ROLLBACK")
        assert has_functions(connection)
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM t")


def test_only_duckdb_s_own_folder_is_written(home: Path) -> None:
    duckdb_sketch.connect().close()
    duckdb_sketch.install()
    assert {path.parts[:2] for path in files(home)} == {
        (".duckdb", "extensions"),
        (".duckdb", "extension_repositories"),
    }


@pytest.mark.parametrize("setting", ["home_directory", "extension_repository_directory"])
def test_folders_that_the_user_set(home: Path, tmp_path: Path, setting: str) -> None:
    other = tmp_path / "other"
    with duckdb_sketch.connect(config={setting: str(other)}) as connection:
        assert has_functions(connection)
    assert files(other)
    assert all(path.parts[:2] == (".duckdb", "extensions") for path in files(home))


@pytest.mark.parametrize(
    ("setting", "value"), [("extension_directory", "{}"), ("extension_directories", "['{}', '/nowhere']")]
)
def test_extension_folders_that_the_user_set(home: Path, tmp_path: Path, setting: str, value: str) -> None:
    other = tmp_path / "other"
    with duckdb_sketch.connect(config={setting: value.format(other)}) as connection:
        assert has_functions(connection)
    assert files(other)
    assert all(path.parts[:2] == (".duckdb", "extension_repositories") for path in files(home))


def test_home_directory_set_while_running(home: Path, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET GLOBAL home_directory = '{tmp_path}/other'")
        assert has_functions(duckdb_sketch.load(connection))
    assert files(home) == []


# Where it does not work, and what it says


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"enable_external_access": "false"}, "enable_external_access"),
        ({"allow_extension_repositories": "forbidden"}, "allow_extension_repositories is 'forbidden'"),
        ({"lock_configuration": "true"}, "configuration is locked"),
    ],
)
def test_what_the_configuration_forbids(home: Path, config: dict[str, str], message: str) -> None:
    with duckdb.connect(config=config) as connection, pytest.raises(duckdb_sketch.LoadError, match=message):
        duckdb_sketch.load(connection)
    assert files(home) == []


def test_locked_configuration_after_the_first_load(home: Path) -> None:
    duckdb_sketch.connect().close()
    with duckdb_sketch.connect(config={"lock_configuration": "true"}) as connection:
        assert has_functions(connection)


def test_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    monkeypatch.setenv("HOME", str(no_folder))
    with pytest.raises(duckdb_sketch.LoadError, match="home_directory"):
        duckdb_sketch.connect(backend="native")
    with duckdb_sketch.connect(config={"home_directory": str(tmp_path / "other")}) as connection:
        assert has_functions(connection)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no folder of /proc can be written, by root either")
@pytest.mark.parametrize(
    "setting", ["home_directory", "extension_directory", "extension_directories", "extension_repository_directory"]
)
def test_folder_that_cannot_be_written(home: Path, setting: str) -> None:
    folder = "/proc/self/fdinfo"
    config = {setting: f"['{folder}']" if setting.endswith("ies") else folder}
    with pytest.raises(duckdb_sketch.LoadError, match=r"could not install duckdb_sketch.*config=\{\"home_dir"):
        duckdb_sketch.connect(config=config, backend="native")
    with duckdb_sketch.connect(config={**config, "allow_unsigned_extensions": "true"}) as connection:
        assert has_functions(connection)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no folder of /proc can be written, by root either")
def test_home_that_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/self/fdinfo")
    with pytest.raises(duckdb_sketch.LoadError, match=r'connect with config=\{"home_directory": "…"\}'):
        duckdb_sketch.connect(backend="native")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_home_without_the_right_to_write(home: Path) -> None:
    home.chmod(0o500)
    try:
        with pytest.raises(duckdb_sketch.LoadError, match=r'connect with config=\{"home_directory": "…"\}'):
            duckdb_sketch.connect(backend="native")
    finally:
        home.chmod(0o700)


def test_home_that_became_read_only_once_it_was_installed(home: Path) -> None:
    """As in a container image: the build installs, and whoever runs it may not write."""
    run_python(LOAD)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    for path in [home, *home.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert (
            run_python(LOAD + "print(con.execute('SELECT hll_sketch_estimate(hll_sketch_agg(7))').fetchone())")
            == "(1,)"
        )
    finally:
        for path in [home, *home.rglob("*")]:
            path.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


@pytest.mark.parametrize("place", [1000, -300, -1], ids=["code", "footer", "signature"])
def test_tampered_package_is_refused(home: Path, tmp_path: Path, place: int) -> None:
    package = package_with_build(tmp_path / "package", "0.0.1")
    extension = package / "duckdb_sketch" / "duckdb_sketch.duckdb_extension"
    content = bytearray(extension.read_bytes())
    content[place] ^= 1
    extension.write_bytes(content)
    code = "import duckdb_sketch as s\ntry: s.connect(backend='native')\nexcept s.LoadError as error: print(error)"
    assert run_python(code, path=package).startswith(f"{extension} is damaged: ")
    assert not list(home.glob(".duckdb/extensions/*/*/repositories/*/*.duckdb_extension"))


def test_tampered_installation_is_refused_and_replaced(home: Path) -> None:
    """Of the same length, so that DuckDB's check of the signature alone can tell."""
    run_python(LOAD)
    (installed,) = home.glob(".duckdb/extensions/*/*/repositories/*/*.duckdb_extension")
    content = installed.read_bytes()
    installed.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    (repository,) = home.glob(".duckdb/extensions/*/*/repositories/*")
    with duckdb.connect() as connection, pytest.raises(duckdb.Error, match="signature"):
        connection.execute(f"LOAD duckdb_sketch FROM {repository.name}")
    run_python(LOAD)
    assert installed.read_bytes() == content


# At the same time


def test_threads_with_one_database(home: Path) -> None:
    with duckdb.connect() as connection, ThreadPoolExecutor(8) as pool:
        loaded = pool.map(duckdb_sketch.load, [connection.cursor() for _ in range(8)])
        assert all(has_functions(cursor) for cursor in loaded)


def test_eight_processes_in_an_empty_home(home: Path) -> None:
    assert_all_load(home, processes=8)


@pytest.mark.slow
def test_sixteen_processes_in_an_empty_home_again_and_again(tmp_path: Path) -> None:
    for round_ in range(samples(2)):
        home = tmp_path / str(round_)
        home.mkdir()
        assert_all_load(home, processes=16)


def assert_all_load(home: Path, processes: int) -> None:
    # Each says that it is ready, then waits for its line on stdin: so they load at the same moment.
    code = "import duckdb_sketch as s; print('ready', flush=True); input(); s.connect(); s.install()"
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "HOME": str(home)}
    running = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(processes)]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in running]
    assert not any(errors), "\n".join(errors)


# One build after another


def test_upgrade_loads_the_new_build(home: Path, tmp_path: Path) -> None:
    old = package_with_build(tmp_path / "old", "0.0.1")
    new = package_with_build(tmp_path / "new", "0.0.2")
    assert run_python(LOAD + PRINT_BUILD, path=old) == "0.0.1"
    assert run_python(LOAD + PRINT_BUILD, path=new) == "0.0.2"
    # ... while an environment that still has the old one keeps it.
    assert run_python(LOAD + PRINT_BUILD, path=old) == "0.0.1"


def test_rebuild_of_the_same_version_is_another_build(home: Path, tmp_path: Path) -> None:
    package = package_with_build(tmp_path / "package", "0.0.1")
    assert run_python(LOAD + PRINT_BUILD, path=package) == "0.0.1"
    shutil.rmtree(package)
    package_with_build(package, "0.0.1")
    assert run_python(LOAD + PRINT_BUILD, path=package) == "0.0.1"
    installed = [path.read_bytes() for path in home.glob(".duckdb/extensions/*/*/repositories/*/*.duckdb_extension")]
    assert len(set(installed)) == 2
    assert (package / "duckdb_sketch" / "duckdb_sketch.duckdb_extension").read_bytes() in installed


def test_install_serves_a_process_without_the_package(home: Path, tmp_path: Path) -> None:
    load = "import duckdb; con = duckdb.connect(); con.execute('LOAD duckdb_sketch FROM duckdb_sketch'); "
    for build in ["0.0.2", "0.0.1"]:
        package = package_with_build(tmp_path / build, build)
        run_python("import duckdb_sketch; duckdb_sketch.install()", path=package)
        assert run_python(load + PRINT_BUILD, path=tmp_path) == build


def test_damaged_installation_is_mended(home: Path) -> None:
    run_python(LOAD)
    (installed,) = home.glob(".duckdb/extensions/*/*/repositories/*/*.duckdb_extension")
    content = installed.read_bytes()
    installed.write_bytes(content[:1000])
    run_python(LOAD)
    assert installed.read_bytes() == content


def test_home_that_was_moved(home: Path, tmp_path: Path) -> None:
    run_python(LOAD)
    moved = home.rename(tmp_path / "moved")
    shutil.rmtree(moved / ".duckdb" / "extensions")
    run_python(LOAD, HOME=str(moved))
    (trusted,) = moved.glob(".duckdb/extension_repositories/*.json")
    assert json.loads(trusted.read_text())["url"].startswith(str(moved))
