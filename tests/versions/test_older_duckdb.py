"""One file for every DuckDB from 1.2 on: the wheel beside older versions, each in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import new_environment, run_python

import duckdb_sketch

pytestmark = pytest.mark.slow

VERSIONS = ["1.3.2", "1.4.4", "1.5.6"]


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older")
    return new_environment(folder / "venv", str(wheel), f"duckdb=={request.param}")


def test_connect_loads_the_extension(python: Path, tmp_path: Path) -> None:
    code = "import duckdb_sketch as s; print(s.connect().execute('SELECT duckdb_sketch_version()').fetchone()[0])"
    assert run_python(code, python=python, path=tmp_path) == duckdb_sketch.__version__


def test_sketches(python: Path, tmp_path: Path) -> None:
    query = "SELECT hll_sketch_estimate(hll_sketch_agg(range % 100)) FROM range(100000)"
    code = f"import duckdb_sketch as s; print(s.connect().execute('{query}').fetchone()[0])"
    assert run_python(code, python=python, path=tmp_path) == "100"


def test_load_where_unsigned_extensions_are_allowed(python: Path, tmp_path: Path) -> None:
    code = (
        "import duckdb, duckdb_sketch as s; con = duckdb.connect(config={'allow_unsigned_extensions': 'true'}); "
        "print(s.load(s.load(con)).execute('SELECT duckdb_sketch_version()').fetchone()[0])"
    )
    assert run_python(code, python=python, path=tmp_path) == duckdb_sketch.__version__


@pytest.mark.parametrize(
    "attempt",
    [
        "s.load(duckdb.connect())",
        "s.connect(config={'allow_unsigned_extensions': 'false'})",
        "(duckdb.connect('a.duckdb'), s.connect('a.duckdb'))",
    ],
)
def test_error_where_they_are_not(python: Path, tmp_path: Path, attempt: str) -> None:
    code = f"import duckdb, duckdb_sketch as s\ntry: {attempt}\nexcept s.LoadError as error: print(error)"
    message = run_python(code, python=python, path=tmp_path)
    assert "allow_unsigned_extensions" in message
    assert 'backend="portable"' in message


def test_connect_beside_a_connection_that_has_the_functions(python: Path, tmp_path: Path) -> None:
    code = (
        "import duckdb, duckdb_sketch as s; config = {'allow_unsigned_extensions': 'true', 'threads': 1}; "
        "first = s.load(duckdb.connect('a.duckdb', config=config)); "
        "print(s.connect('a.duckdb', config={'threads': 1}).execute('SELECT duckdb_sketch_version()').fetchone()[0])"
    )
    assert run_python(code, python=python, path=tmp_path) == duckdb_sketch.__version__


def test_install_says_that_it_needs_a_newer_duckdb(python: Path, tmp_path: Path) -> None:
    code = "import duckdb_sketch as s\ntry: s.install()\nexcept s.LoadError as error: print(error)"
    assert "DuckDB 2.0 or later" in run_python(code, python=python, path=tmp_path)
