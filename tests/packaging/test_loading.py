"""connect and load on every DuckDB.

The local trusted repository of DuckDB 2.0 has test_repository.py, the wheel beside older versions of DuckDB
test_older_duckdb.py, and what is in the files test_packaging.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from processes import files, has_functions, run_python

import duckdb_sketch
from duckdb_sketch import _native


def test_connect(home: Path) -> None:
    with duckdb_sketch.connect() as connection:
        assert has_functions(connection)


def test_connect_passes_on_what_duckdb_connect_takes(home: Path, tmp_path: Path) -> None:
    database = tmp_path / "events.duckdb"
    duckdb.connect(database).close()
    with duckdb_sketch.connect(database, read_only=True, config={"threads": 1}) as connection:
        assert has_functions(connection)
        assert connection.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("CREATE TABLE t (i INT)")


@pytest.mark.native
def test_connect_closes_what_it_cannot_load_into(home: Path, tmp_path: Path) -> None:
    with pytest.raises(duckdb_sketch.LoadError):
        duckdb_sketch.connect(tmp_path / "a.duckdb", config={"enable_external_access": "false"})
    # Another configuration is possible only once the first connection is gone.
    duckdb_sketch.connect(tmp_path / "a.duckdb").close()


def test_unsigned_connection_loads_the_file_itself(home: Path) -> None:
    with duckdb_sketch.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        assert has_functions(connection)
    assert files(home) == []


def test_nothing_is_forbidden_once_it_is_loaded(home: Path) -> None:
    with duckdb_sketch.connect() as connection:
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        assert has_functions(duckdb_sketch.load(connection))


@pytest.mark.native
def test_another_version_is_loaded_already(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb_sketch.connect() as connection:
        monkeypatch.setattr(_native, "__version__", "9.9.9")
        with pytest.raises(duckdb_sketch.LoadError, match=r"is already loaded in this database, and this is 9\.9\.9"):
            duckdb_sketch.load(connection)


def test_unknown_backend() -> None:
    with duckdb.connect() as connection, pytest.raises(ValueError, match="'auto', 'native' or 'portable', not 'spark'"):
        duckdb_sketch.load(connection, backend="spark")  # type: ignore[arg-type]


def test_portable_backend_without_its_dependencies(home: Path) -> None:
    code = (
        "import sys; sys.modules['mmh3'] = None\n"
        "import duckdb, duckdb_sketch\n"
        "try: duckdb_sketch.load(duckdb.connect(), backend='portable')\n"
        "except duckdb_sketch.MissingDependencyError as error: print(error)"
    )
    assert run_python(code) == "the portable backend needs mmh3: pip install mmh3"


def test_threads_with_a_database_each(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(has_functions(connection) for connection in pool.map(lambda _: duckdb_sketch.connect(), range(8)))


def test_the_backend_of_ibis_is_loaded_as_its_connection() -> None:
    ibis = pytest.importorskip("ibis")
    backend = ibis.duckdb.from_connection(duckdb.connect(config={"allow_unsigned_extensions": "true"}))
    assert duckdb_sketch.load(backend) is backend
    query = "SELECT hll_sketch_estimate(hll_sketch_agg(range)) FROM range(3)"
    assert backend.con.execute(query).fetchall() == [(3,)]
