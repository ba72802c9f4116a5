"""Where a rollup is kept: in the catalog and the schema of the connection that it was given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from events import HOURLY, content

import duckdb_sketch
from duckdb_sketch.rollup import ManifestError, Rollup, RollupError, open_level, rollup_names

ROWS = "SELECT TIMESTAMP '2024-03-01 12:00' AS ts, 'a' AS publisher, 1::BIGINT AS user_id, 2.5::DECIMAL(10, 2) AS price"
NAME = """it's "r" 1"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database in memory, with a file attached."""
    with duckdb_sketch.connect() as connection:
        path = str(tmp_path / "r.duckdb")
        connection.execute(f"ATTACH '{path}' AS \"{NAME.replace(chr(34), chr(34) * 2)}\"")
        yield connection


def use(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    connection.execute("USE " + ".".join('"' + name.replace('"', '""') + '"' for name in names))


def tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    query = (
        "SELECT database_name, schema_name FROM duckdb_tables() WHERE NOT temporary "
        "AND (table_name IN ('hourly', 'daily') OR table_name = 'rollups') ORDER BY ALL"
    )
    return connection.execute(query).fetchall()


def test_wrong_database(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    use(connection, NAME)
    with Rollup.from_sql(HOURLY, name="hourly", database=connection) as rollup:
        rollup.append(connection.sql(ROWS), batch_id="1")
        rollup.coarsen("day", "daily")
        assert rollup.connection.execute("SELECT bids FROM hourly").fetchall() == [(1,)]
    assert rollup_names(connection) == ["hourly", "daily"]
    assert tables(connection) == [(NAME, "main"), (NAME, "main"), (NAME, "rollup_manifest")]
    connection.close()
    with open_level("hourly", tmp_path / "r.duckdb") as level:
        assert content(level.connection, "SELECT bids FROM hourly") == [(1,)]


def test_schema_of_the_connection(connection: duckdb.DuckDBPyConnection) -> None:
    use(connection, NAME)
    connection.execute("CREATE SCHEMA s")
    connection.execute("SET schema = 's'")
    with Rollup.from_sql(HOURLY, name="hourly", database=connection) as rollup:
        rollup.append(connection.sql(ROWS))
        rollup.append(connection.sql(ROWS))
        assert rollup.table().fetchall()[0][2] == 2
    assert tables(connection) == [(NAME, "rollup_manifest"), (NAME, "s")]


@pytest.mark.parametrize(("made_in", "opened_in"), [("main", "s"), ("s", "main")])
def test_a_rollup_of_another_schema_is_an_error(
    connection: duckdb.DuckDBPyConnection, made_in: str, opened_in: str
) -> None:
    connection.execute("CREATE SCHEMA s")
    use(connection, "memory", made_in)
    with Rollup.from_sql(HOURLY, name="hourly", database=connection) as rollup:
        rollup.append(connection.sql(ROWS))
    use(connection, "memory", opened_in)
    with (
        Rollup.from_sql(HOURLY, name="hourly", database=connection) as rollup,
        pytest.raises(ManifestError, match=f"in the schema {made_in}, and the connection's is {opened_in}: USE"),
    ):
        rollup.append(connection.sql(ROWS))
    use(connection, "memory", made_in)
    with open_level("hourly", connection) as level:
        assert content(level.connection, "SELECT bids FROM hourly") == [(1,)]


def test_the_catalog_is_found_beside_an_unfetched_result(connection: duckdb.DuckDBPyConnection) -> None:
    use(connection, NAME)
    result = connection.execute("FROM range(10_000)")
    assert result.fetchone() == (0,)
    rollup = Rollup.from_sql(HOURLY, name="hourly", database=connection)
    assert len(result.fetchall()) == 9_999
    rollup.append(connection.sql(ROWS))
    assert (NAME, "main") in tables(connection)


def test_a_catalog_that_is_read_only_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "r.duckdb"
    duckdb.connect(path).close()
    with duckdb_sketch.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS r (READ_ONLY)")
        connection.execute("USE r")
        with (
            Rollup.from_sql(HOURLY, name="hourly", database=connection) as rollup,
            pytest.raises((RollupError, duckdb.Error), match="read-only"),
        ):
            rollup.append(connection.sql(ROWS))
        assert tables(connection) == []
