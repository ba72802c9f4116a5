"""Where the native extension cannot be loaded: one sentence that says why, and the portable backend."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest
from processes import HAS_REPOSITORIES, files, has_functions, run_python

import duckdb_sketch
from duckdb_sketch import _installing, _loading, _native, _repository
from duckdb_sketch._host import Host
from duckdb_sketch.cli import main
from duckdb_sketch.errors import NativeUnavailableError
from extension_file import footer
from extension_file.build import write_extension

needs_repositories = pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs DuckDB 2.0: older ones write to no folder")
UNSIGNED = {"allow_unsigned_extensions": "true"}
SLOWER = "the portable backend is running, many times slower than the native one: "


def platform() -> str:
    with duckdb.connect() as connection:
        return Host.of(connection).platform


def missing(folder: Path) -> str:
    return "this package was built without its native extension: install Rust"


def cut_off(folder: Path) -> str:
    extension = write_extension(folder, b"x" * 100_000, "0.1.0", platform())
    extension.write_bytes(extension.read_bytes()[:50_000])
    return "is damaged: install the package again"


def changed(folder: Path) -> str:
    extension = write_extension(folder, b"x" * 100_000, "0.1.0", platform())
    content = bytearray(extension.read_bytes())
    content[70_000] ^= 1
    extension.write_bytes(content)
    return "is damaged: install the package again"


def empty(folder: Path) -> str:
    write_extension(folder, b"x", "0.1.0", platform()).write_bytes(b"")
    return "is damaged: install the package again"


def without_its_key(folder: Path) -> str:
    write_extension(folder, b"x", "0.1.0", platform())
    (folder / "duckdb_sketch.pem").unlink()
    return "is damaged: install the package again"


def for_another_platform(folder: Path) -> str:
    write_extension(folder, b"x", "0.1.0", "osx_vax")
    return f"was built for osx_vax, and this DuckDB is for {platform()}: install the package again"


def no_library(folder: Path) -> str:
    """As of a DuckDB that no longer takes what this extension is."""
    write_extension(folder, b"not a library", "0.1.0", platform())
    return f"DuckDB v{duckdb.__version__} refuses the extension of duckdb_sketch {duckdb_sketch.__version__} ("


def newer_than_duckdb(folder: Path) -> str:
    """A whole file that asks for a later API than DuckDB has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(footer, "C_API_VERSION", "v9.0.0")
        write_extension(folder, b"library", "0.1.0", platform())
    return "was built for DuckDB C API version 'v9.0.0'"


DEFECTS = [missing, cut_off, changed, empty, without_its_key, for_another_platform, no_library, newer_than_duckdb]
CONFIGURATIONS = [UNSIGNED, {}] if HAS_REPOSITORIES else [UNSIGNED]


@pytest.fixture(params=DEFECTS, ids=lambda defect: defect.__name__)
def message(request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a defect; what is said of it."""
    for module in (_native, _repository, _installing):
        monkeypatch.setattr(module, "EXTENSION", tmp_path / "duckdb_sketch.duckdb_extension")
    for module in (_native, _repository):
        monkeypatch.setattr(module, "PUBLIC_KEY", tmp_path / "duckdb_sketch.pem")
    monkeypatch.setattr(_loading, "_said", threading.Lock())
    return str(request.param(tmp_path))


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=["unsigned", "default"][: len(CONFIGURATIONS)])
def test_the_portable_backend_runs_and_is_announced_once(
    message: str, config: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with duckdb_sketch.connect(config=config) as first, duckdb_sketch.connect(config=config) as second:
        assert has_functions(first)
        assert has_functions(second)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("duckdb_sketch", logging.WARNING)
    assert record.getMessage().startswith(SLOWER)
    assert message in record.getMessage()
    assert "\n" not in record.getMessage()


def test_native_alone_is_an_error(message: str) -> None:
    with pytest.raises(NativeUnavailableError, match=re.escape(message)):
        duckdb_sketch.connect(config=UNSIGNED, backend="native")


def test_portable_on_demand_is_not_announced(message: str, caplog: pytest.LogCaptureFixture) -> None:
    with duckdb_sketch.connect(config=UNSIGNED, backend="portable") as connection:
        assert has_functions(connection)
    assert not caplog.records


@needs_repositories
def test_install_says_it_in_one_line(
    message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["duckdb-sketch", "install"])
    with pytest.raises(SystemExit, match="1"):
        main()
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("duckdb-sketch: ")
    assert message in line
    assert said.out == ""


@pytest.mark.native
@needs_repositories
@pytest.mark.parametrize("home", ["file", ""])
def test_folders_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, home: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", home and str(tmp_path / home))
    monkeypatch.setattr(_loading, "_said", threading.Lock())
    with duckdb_sketch.connect() as connection:
        assert has_functions(connection)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(SLOWER + "DuckDB could not install duckdb_sketch (")
    assert 'set HOME to a folder that can be written, or connect with config={"home_directory": "…"}' in said
    assert "\n" not in said


def test_duckdb_that_is_too_old(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(config=UNSIGNED) as connection:
        monkeypatch.setattr(duckdb, "__version__", "1.2.2")
        with pytest.raises(duckdb_sketch.LoadError, match=r"DuckDB 1\.2\.2 is too old .* 1\.3 or later"):
            duckdb_sketch.load(connection)
    with pytest.raises(duckdb_sketch.LoadError, match=r"DuckDB 1\.2\.2 is too old"):
        duckdb_sketch.install()


def test_a_process_says_it_in_one_line(home: Path, tmp_path: Path) -> None:
    code = f"""
import sys; sys.stderr = sys.stdout
from pathlib import Path
import duckdb_sketch
from duckdb_sketch import _native
_native.EXTENSION = Path({str(tmp_path)!r}, "no.duckdb_extension")
for _ in range(2):
    duckdb_sketch.connect().close()
"""
    (line,) = run_python(code, HOME=str(home)).splitlines()
    assert line.startswith(SLOWER)
    assert "apt install cargo" in line
    assert files(home) == []


def test_the_command_line_says_it_too(home: Path, tmp_path: Path) -> None:
    code = f"""
import sys; sys.stderr = sys.stdout
from pathlib import Path
from duckdb_sketch import _native
from duckdb_sketch.cli import main
_native.EXTENSION = Path({str(tmp_path)!r}, "no.duckdb_extension")
sys.argv = ["duckdb-sketch", "inspect", "sketches.parquet", *sys.argv[1:]]
main()
"""
    write = "COPY (SELECT hll_sketch_agg(range) AS s FROM range(9)) TO 'sketches.parquet'"
    with duckdb_sketch.connect(config=UNSIGNED) as connection:
        connection.execute(write.replace("sketches.parquet", str(tmp_path / "sketches.parquet")))
    run = {"cwd": tmp_path, "env": {**os.environ, "HOME": str(home)}, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", code], check=True, **run)  # type: ignore[call-overload]
    assert done.stdout.startswith(f"duckdb-sketch: {SLOWER}")
    duckdb.connect(tmp_path / "rollups.duckdb").close()
    code = code.replace('"inspect", "sketches.parquet"', '"rollup", "status", "--database", "rollups.duckdb", "--json"')
    done = subprocess.run([sys.executable, "-c", code], **run)  # type: ignore[call-overload]
    assert '"event": "warning"' in done.stdout.splitlines()[0]
    assert SLOWER in done.stdout.splitlines()[0]
