"""No number and no time of a text is rounded or cut off without an error."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.rollup import Rollup, SourceError

TIME = "2026-01-01 00:00:00"


def counted(folder: Path, select: str, source: str = "FOLDER/*", **options: Any) -> list[Any]:
    """The row of a rollup over the files in a folder, if verification finds the same."""
    statement = f"SELECT date_trunc('day', ts) AS d, {select} FROM e GROUP BY ALL"
    with Rollup.from_sql(
        statement, name="r", sources={"e": source.replace("FOLDER", str(folder))}, **options
    ) as rollup:
        rollup.refresh()
        assert rollup.verify().ok
        (row,) = rollup.connection.execute("SELECT * EXCLUDE (d) FROM r").fetchall()
        return list(row)


def csv(folder: Path, *values: str) -> None:
    lines = [f"{TIME},{value}" for value in values]
    (folder / "a.csv").write_text("\n".join(["ts,x", *lines, ""]))


def json(folder: Path, *values: str) -> None:
    (folder / "a.json").write_text("".join(f'{{"ts": "{TIME}", "x": {value}}}\n' for value in values))


def as_csv(kind: str) -> str:
    return f"read_csv('FOLDER/*.csv', types = {{'x': '{kind}'}})"


def as_json(kind: str) -> str:
    return f"read_json('FOLDER/*.json', types = {{'x': '{kind}'}})"


ROUNDED = [
    ("FLOAT", "16777217"),
    ("FLOAT", "16777217.0"),
    ("FLOAT", "1.23456789"),
    ("DOUBLE", "12345678901234567"),
    ("DOUBLE", "9007199254740993.0"),
    ("DOUBLE", "0.12345678901234567891"),
    ("DOUBLE", "1e400"),
    ("DOUBLE", "1e-400"),
    ("DECIMAL(8, 2)", "1.005"),
    ("DECIMAL(8, 2)", "15e-3"),
    ("DECIMAL(38, 18)", "0.1234567890123456789"),
    ("BIGINT", "1.5"),
]
KEPT = [
    ("FLOAT", "1.1"),
    ("FLOAT", "1.100000023841858"),  # as a program prints a FLOAT that became a DOUBLE
    ("FLOAT", "16777216"),
    ("DOUBLE", "0.1000000000000000000000"),
    ("DOUBLE", "0.10000000000000001"),  # %.17g
    ("DOUBLE", "1.000000000000000056e-01"),  # %.18e
    ("DOUBLE", "2.5"),
    ("DECIMAL(8, 2)", "1.50000"),
    ("DECIMAL(8, 2)", "15e-1"),
    ("INT8", "9007199254740993"),
]


@pytest.mark.parametrize(("kind", "value"), ROUNDED)
def test_a_declared_type_that_would_round_is_an_error(tmp_path: Path, kind: str, value: str) -> None:
    csv(tmp_path, "1", value)
    with pytest.raises(SourceError, match=r"a\.csv, line 3: column x has .*, which does not fit "):
        counted(tmp_path, "max(x) AS x", as_csv(kind))
    (tmp_path / "a.csv").unlink()
    json(tmp_path, "1", value)
    with pytest.raises(SourceError, match=r"a\.json.*: column x has "):
        counted(tmp_path, "max(x) AS x", as_json(kind))


@pytest.mark.parametrize(("kind", "value"), KEPT)
def test_what_a_type_holds_is_counted(tmp_path: Path, kind: str, value: str) -> None:
    csv(tmp_path, value)
    source = as_csv(kind)
    assert counted(tmp_path, "max(x) AS x", source) == list(duckdb.sql(f"SELECT '{value}'::{kind}").fetchall()[0])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("TIME", "10:00:00.1234567"),
        ("TIMESTAMP", "2026-01-01 00:00:00.1234567"),
        ("TIMESTAMPTZ", "2026-01-01 00:00:00.1234567+00"),
        ("TIMESTAMP_S", "2026-01-01 00:00:00.5"),
        ("TIMESTAMP_NS", "2026-01-01 00:00:00.0000000001"),
        ("DATE", "2026-01-01 10:00:00"),
    ],
)
def test_a_time_is_not_cut_to_its_declared_unit(tmp_path: Path, kind: str, value: str) -> None:
    csv(tmp_path, value)
    with pytest.raises(SourceError, match=r"a\.csv, line 2: column x has .*, which does not fit "):
        counted(tmp_path, "max(x) AS x", as_csv(kind), time_zone="UTC")


def test_times_far_away_and_endless_are_read_where_they_are_declared(tmp_path: Path) -> None:
    csv(tmp_path, "infinity", "12026-01-01 00:00:00", "1500-01-01 00:00:00")
    source = as_csv("TIMESTAMP")
    assert counted(tmp_path, "count(x) AS n, count_if(isinf(x)) AS endless", source) == [3, 1]


@pytest.mark.parametrize("long", ["12345678901234567", "0.12345678901234567891"])
def test_numbers_that_no_double_holds_next_to_fractions_ask_for_a_type(tmp_path: Path, long: str) -> None:
    csv(tmp_path, "1.5", long)
    message = r"a\.csv, line 3: column x has .*, which a DOUBLE does not hold.*types = \{'x': '(DECIMAL\(.*\))'\}"
    with pytest.raises(SourceError, match=message) as refused:
        counted(tmp_path, "max(x) AS x")
    advice = re.search(message, str(refused.value))
    assert advice is not None
    csv(tmp_path, "0.5", long)
    (found,) = counted(tmp_path, "max(x) AS x", as_csv(advice[1]))
    assert found == max(Decimal("0.5"), Decimal(long))


def test_digits_of_json_that_duckdb_does_not_keep_are_an_error_but_in_text(tmp_path: Path) -> None:
    json(tmp_path, "0.12345678901234567891")
    with pytest.raises(SourceError, match=r"a\.json, line 1: column x has 0\.12345678901234567891.*in quotes"):
        counted(tmp_path, "max(x) AS x")
    source = as_json("DECIMAL(38, 20)")
    json(tmp_path, '"0.12345678901234567891"')
    assert counted(tmp_path, "max(x) AS x", source) == [Decimal("0.12345678901234567891")]
    json(tmp_path, "0.10000000000000001")  # what a program prints of the DOUBLE 0.1
    assert counted(tmp_path, "max(x) AS x") == [0.1]
    with pytest.raises(SourceError, match=r"column x has 0\.10000000000000001"):
        counted(tmp_path, "max(x) AS x", source)
    json(tmp_path, '{"y": [{"z": 0.12345678901234567891}]}')
    with pytest.raises(SourceError, match=r"column x has 0\.12345678901234567891"):
        counted(tmp_path, "count(x.y) AS x")


@pytest.mark.parametrize(
    ("kind", "value", "expression"),
    [
        ("STRUCT(y FLOAT)", '{"y": 16777217}', "max(x.y)"),
        ("STRUCT(y BIGINT)", '{"y": 1.5}', "max(x.y)"),
        ("STRUCT(y STRUCT(z DATE)[])", '{"y": [{"z": "2026-01-01 10:00:00"}]}', "max(x.y[1].z)"),
        ("BIGINT[]", "[1, 1.5]", "max(x[2])"),
        ("MAP(VARCHAR, DECIMAL(8, 2))", '{"a": 1.005}', "max(x['a'])"),
        ("BIGINT[]", '{"a": 1}', "max(x[1])"),
    ],
)
def test_nested_values_are_not_rounded_to_their_declared_types(
    tmp_path: Path, kind: str, value: str, expression: str
) -> None:
    json(tmp_path, "null", value)
    with pytest.raises(SourceError, match=r"a\.json.*: column x has .*, which does not fit "):
        counted(tmp_path, f"{expression} AS x", as_json(kind))


def test_nested_numbers_of_one_key_are_not_rounded(tmp_path: Path) -> None:
    json(tmp_path, '{"y": 12345678901234567}', '{"y": 1.5}')
    with pytest.raises(
        SourceError, match=r"column x has \{\"y\":12345678901234567\}, which does not fit STRUCT\(y DOUBLE\)"
    ):
        counted(tmp_path, "max(x.y) AS x")
    json(tmp_path, '{"y": 12345678901234567, "l": [1, null], "m": {}}', '{"y": null}')
    assert counted(tmp_path, "max(x.y) AS x, max(x.l[1]) AS l") == [12345678901234567, 1]


@pytest.mark.parametrize(("kind", "value"), [("FLOAT", "16777217"), ("BIGINT", "1.5"), ("DECIMAL(8, 2)", "1.005")])
def test_rows_that_would_be_rounded_are_left_out_if_errors_are_ignored(tmp_path: Path, kind: str, value: str) -> None:
    csv(tmp_path, "1", value, "x", "")
    source = as_csv(kind).replace("types", "ignore_errors = true, types")
    assert counted(tmp_path, "max(x) AS x, count(*) AS n", source) == [1, 2]
