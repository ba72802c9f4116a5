"""Statements as DuckDB accepts them: WITH, nested columns, lists of lookup files, names with spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import RollupError
from duckdb_sketch.rollup.specification.specification import Specification


@pytest.fixture
def events(tmp_path: Path) -> str:
    (tmp_path / "e.csv").write_text(
        "ts,id,price\n2026-01-01 00:00:00,1,10\n2026-01-01 01:00:00,2,20\n2026-01-01 02:00:00,3,-1\n"
    )
    (tmp_path / "names 1.csv").write_text("id,name,ok\n1,one,true\n")
    (tmp_path / "names 2.csv").write_text("id,name,ok\n2,two,false\n3,three,true\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param(
            "WITH paid AS (SELECT ts AS at, price * 2 AS twice FROM e WHERE price > 0) "
            "SELECT date_trunc('day', at) AS d, sum(paid.twice) AS x FROM paid WHERE twice < 30 GROUP BY ALL",
            [(20,)],
            id="of the events",
        ),
        pytest.param(
            "WITH a AS (SELECT *, price + 1 AS more FROM e), b AS (SELECT more, ts FROM a WHERE price > 0) "
            "SELECT date_trunc('day', ts) AS d, sum(more) AS x FROM b GROUP BY ALL",
            [(32,)],
            id="of another",
        ),
        pytest.param(
            "WITH good AS (SELECT id, name FROM names WHERE ok) "
            "SELECT date_trunc('day', ts) AS d, name, sum(price) AS x FROM e JOIN good USING (id) GROUP BY ALL",
            [("one", 10), ("three", -1)],
            id="of a lookup table",
        ),
        pytest.param(
            "WITH a AS (SELECT * FROM e JOIN names USING (id)) "
            "SELECT date_trunc('day', ts) AS d, name, sum(price) AS x FROM a GROUP BY ALL",
            [("one", 10), ("three", -1), ("two", 20)],
            id="with a join",
        ),
    ],
)
def test_common_table_expressions(events: str, statement: str, expected: list[tuple[object, ...]]) -> None:
    sources = {"e": f"{events}/e.csv", "names": [f"{events}/names 1.csv", f"{events}/names 2.csv"]}
    if "names" not in statement:
        del sources["names"]
    with Rollup.from_sql(statement, name="r", sources=sources) as rollup:
        rollup.refresh()
        assert rollup.connection.execute("SELECT * EXCLUDE (d) FROM r ORDER BY ALL").fetchall() == expected


@pytest.mark.parametrize(
    "rows",
    [
        "SELECT ts, count(*) AS n FROM e GROUP BY ALL",
        "SELECT DISTINCT ts FROM e",
        "SELECT ts, row_number() OVER () AS n FROM e",
        "SELECT ts FROM e LIMIT 1",
        "SELECT ts FROM e UNION ALL SELECT ts FROM f",
    ],
)
def test_a_common_table_whose_rows_depend_on_the_batch_is_refused(rows: str) -> None:
    with pytest.raises(RollupError, match="WITH a: "):
        Specification.parse(f"WITH a AS ({rows}) SELECT date_trunc('day', ts) AS d, count(*) AS n FROM a GROUP BY ALL")


def test_lookup_files_are_declared_as_well(events: str) -> None:
    statement = "SELECT date_trunc('day', ts) AS d, name, count(*) AS n FROM e JOIN names USING (id) GROUP BY ALL"
    names = f"read_csv('{events}/names*.csv', types = {{'name': 'VARCHAR'}})"
    with Rollup.from_sql(statement, name="r", sources={"e": f"{events}/e.csv", "names": names}) as rollup:
        assert rollup.refresh().rows == 3


def test_a_field_of_a_json_object_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "e.ndjson").write_text('{"ts":"2026-01-01 00:00:00","p":{"country":"DE","a b":{"c":1}}}\n')
    for column in ("p.country", "e.p.country", "p['country']"):
        statement = f"SELECT date_trunc('day', ts) AS d, {column} AS c, sum(p.\"a b\".c) AS n FROM e GROUP BY ALL"
        with Rollup.from_sql(statement, name="r", sources={"e": f"{tmp_path}/*.ndjson"}) as rollup:
            rollup.refresh()
            assert rollup.connection.execute("SELECT c, n FROM r").fetchall() == [("DE", 1)], column


def test_the_name_of_a_statement_file_may_have_spaces(events: str) -> None:
    path = Path(events) / "my rollup.sql"
    path.write_text("SELECT date_trunc('day', ts) AS d, count(*) AS n FROM e GROUP BY ALL")
    with Rollup.from_sql(str(path), sources={"e": f"{events}/e.csv"}) as rollup:
        assert (rollup.name, rollup.refresh().rows) == ("my rollup", 3)
