"""A crafted `_rollup.json` is refused before any of it becomes SQL or a path."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

import duckdb_sketch
from duckdb_sketch.rollup import Level, Rollup, RollupError
from duckdb_sketch.rollup.specification.type_name import is_type_name

V1 = Path(__file__).with_name("v1")
STATEMENT = """
    SELECT date_trunc('day', ts) AS d, page, count(*) AS n, sum(price) AS p, hll_sketch_agg(uid) AS users
    FROM e GROUP BY ALL
"""
#: Each would leave a table `owned` behind, or a file.
SQL = [
    "BIGINT); CREATE TABLE owned (i INTEGER",
    "BIGINT DEFAULT (SELECT 1)",
    "BIGINT) AS x, (SELECT count(*) FROM glob('/*')",
    "BIGINT -- ",
    "BIGINT /* */",
    "BIGINT; DROP TABLE x",
    "BIGINT COLLATE NOCASE",
    "BIGINT CHECK (true)",
    "BIGINT, other BIGINT",
    "STRUCT(a INTEGER); CREATE TABLE owned (i INTEGER)",
    "STRUCT(a INTEGER DEFAULT 1)",
    "ENUM('a'); CREATE TABLE owned (i INTEGER)",
    "ENUM('a' || (SELECT 'b'))",
    "ENUM(SELECT 'a')",
    "DECIMAL(10,2) GENERATED ALWAYS AS (1)",
    "DECIMAL((SELECT 1),2)",
    "MAP(VARCHAR)",
    "INTEGER[(SELECT 3)]",
    'x"y',
    "BIGINT\0",
    "\ud800",
    "",
    "(",
    "STRUCT(" * 10_000,
    "STRUCT(a " * 100 + "INTEGER" + ")" * 100,
]
#: DuckDB's own types, as DESCRIBE prints them.
TYPES = [
    "1::DECIMAL(10,2)",
    "{'a b': 1, 'c': 'x', 'pri\"mary': [1]}",
    "'x'::ENUM('a''b', 'x', '); DROP TABLE t; --')",
    "MAP {'a': [1]}",
    "[[1, 2]]::INT[2][]",
    "union_value(n := 1)",
    "TIMESTAMPTZ '2020-01-01'",
    "TIMETZ '10:00'",
    "[TIMESTAMPTZ '2020-01-01']",
    "{'t': TIMESTAMPTZ '2020-01-01'}",
    "NULL",
    "'1'::BIT",
    "1::UHUGEINT",
    "'{}'::JSON",
    "TIMESTAMP_NS '2020-01-01'",
    "INTERVAL 1 DAY",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export of two months, one of a coarser level, and their database."""
    folder = tmp_path_factory.mktemp("whole")
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": folder / "none"}, database=folder / "r.duckdb") as r:
        r.append(
            duckdb.sql(
                "SELECT TIMESTAMP '2026-01-20' + i * INTERVAL 1 HOUR AS ts, i % 3 AS page, "
                "(i / 4)::DECIMAL(9, 2) AS price, i AS uid FROM range(600) t(i)"
            ).to_arrow_table()
        )
        r.export(folder / "out")
        r.coarsen("month", "months").export(folder / "months", partition="year")
    return folder


@pytest.fixture
def exported(whole: Path, tmp_path: Path) -> Path:
    """An export of two months, for the test alone."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@pytest.fixture(params=[1, 2])
def folder(request: pytest.FixtureRequest, exported: Path, tmp_path: Path) -> Path:
    """An export of version 1 and of version 2."""
    if request.param == 2:
        return exported
    shutil.copytree(V1 / "export", tmp_path / "v1")
    craft(tmp_path / "v1", manifest(tmp_path / "v1"))
    return tmp_path / "v1"


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "_rollup.json").read_text())
    return found


def craft(folder: Path, lines: dict[str, Any]) -> None:
    """Write a manifest as a stranger would: without a digest, which is no secret anyway."""
    lines.pop("digest", None)
    (folder / "_rollup.json").write_text(json.dumps(lines))


def refused(folder: Path, match: str | None = None) -> None:
    """An import fails with one of the errors that callers expect, and leaves nothing behind."""
    connection = _importing()
    with pytest.raises(RollupError, match=match):
        Rollup.from_export(folder, database=connection)
    assert connection.sql("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'").fetchall() == [(0,)]


@cache
def _importing() -> duckdb.DuckDBPyConnection:
    """A connection to one database for all of these tests, since none leaves anything there."""
    return duckdb_sketch.connect()


@pytest.mark.parametrize("text", SQL)
def test_a_crafted_type_is_refused(folder: Path, text: str) -> None:
    assert not is_type_name(text) or text == "\ud800"
    lines = manifest(folder)
    for column in lines["columns"]:
        craft(folder, {**lines, "columns": {**lines["columns"], column: text}})
        refused(folder, "columns of the manifest cannot be")
    kind = lines["rollup"]
    craft(folder, {**lines, "rollup": {**kind, "input_types": {"ts": text}}})
    refused(folder, "input_types of rollup cannot be")


@pytest.mark.parametrize("value", TYPES)
def test_types_as_duckdb_prints_them_are_taken(value: str) -> None:
    ((_, kind, *_),) = duckdb.sql(f"DESCRIBE SELECT {value} AS x").fetchall()
    assert is_type_name(kind), kind


@pytest.mark.parametrize(
    "name",
    [
        *("../elsewhere", "month=2026-01/../../elsewhere", "/etc", "..", ".", "", "month=..", "month=2026-01/"),
        *("month=2026-01\0", "month=*", "month=2026-1", "month=2026-13", "day=2026-01-01", "month=٢٠٢٦-01", "\ud800"),
        *("month=2026-01'); CREATE TABLE owned (i INTEGER); --", "x'/**/", "C:\\x", "https://host/x"),
    ],
)
def test_a_crafted_partition_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    lines = manifest(folder)
    (partition, size), *_ = lines["partitions"].items()
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(folder / partition / "rollup.parquet", tmp_path / "elsewhere")
    craft(folder, {**lines, "partitions": {name: size}, "digests": {}})
    refused(folder)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_import_reads_no_link(folder: Path, tmp_path: Path, kind: str) -> None:
    partition = next(folder.glob("month=*"))
    path = partition if kind == "folder" else partition / "rollup.parquet"
    shutil.move(path, tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    refused(folder, "is a symbolic link")


def test_an_import_reads_no_linked_manifest(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "_rollup.json", tmp_path / "moved")
    (folder / "_rollup.json").symlink_to(tmp_path / "moved")
    refused(folder, "symbolic link")


WRONG: list[tuple[str, list[Any]]] = [
    ("last_batch", ["1", -1, 1.5, True, 2**70, None, "0); DROP TABLE x"]),
    ("allowed_lateness", ["1", -1, 10**30, None, [1]]),
    ("time_zone", ["UTC'; CREATE TABLE owned (i INTEGER); --", 1, "", "../UTC", "\0"]),
    ("watermark", ["now", 5, "2026-01-01T00:00:00+01:00", "2026-01-01'; --", []]),
    ("earliest", [None, "", 1]),
    ("late", ["drop table", None, 1]),
    ("statement", [None, 1, [], "\0", "DROP TABLE x", "SELECT " + "(" * 5_000 + "1"]),
    ("input_types", [None, [], {"": "BIGINT"}, {"x": 1}]),
]


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG for value in values])
def test_a_crafted_record_is_refused(folder: Path, field: str, value: Any) -> None:
    lines = manifest(folder)
    craft(folder, {**lines, "rollup": {**lines["rollup"], field: value}})
    refused(folder)


@pytest.mark.parametrize(
    "source",
    [
        *(1, [], "\0", "table('x')", "read_csv('a.csv', delim = (SELECT content FROM read_text('/etc/passwd')))"),
        "read_csv('a.csv', types = {'x': 'BIGINT) FROM read_text(''/etc/passwd''); --'})",
        "read_csv('a.csv', nullstr = getenv('HOME'))",
    ],
)
def test_a_crafted_declaration_is_refused(exported: Path, source: Any) -> None:
    lines = manifest(exported)
    craft(exported, {**lines, "rollup": {**lines["rollup"], "source": source}})
    refused(exported, "source of rollup cannot be")


def test_a_field_that_no_manifest_has_is_refused(exported: Path) -> None:
    lines = manifest(exported)
    craft(exported, {**lines, "rollup": {**lines["rollup"], "unheard_of": 1}})
    refused(exported, "which no manifest has")


@pytest.mark.parametrize("name", ["", None, 1, "\0", "\ud800"])
def test_a_crafted_name_is_refused(exported: Path, name: Any) -> None:
    lines = manifest(exported)
    craft(exported, {**lines, "rollup": {**lines["rollup"], "name": name}})
    refused(exported, "name of rollup cannot be")


def test_a_name_that_is_sql_is_a_name(exported: Path) -> None:
    lines = manifest(exported)
    name = 'r"; CREATE TABLE owned (i INTEGER); --'
    craft(exported, {**lines, "rollup": {**lines["rollup"], "name": name}})
    with Rollup.from_export(exported) as rollup:
        found = rollup.connection.sql("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
    assert found == [(name,)]


MANIFEST: list[tuple[str, list[Any]]] = [
    ("complete", [1, "true", None]),
    ("partition", [1, None, "day'", "1 day; x", "9" * 5000 + " days"]),
    ("partitions", [[], None, {"month=2026-01": "1"}, {"month=2026-01": -1}]),
    ("digests", [[], {"month=2026-01": "x"}, {"../x": "0" * 64}]),
    ("columns", [[], None, {}, {"": "BIGINT"}, {"d": "TIMESTAMP"}, {"\0": "BIGINT"}]),
    ("finished", ["1", 1.5, 2**80]),
    ("batches", [[], None, {}, [1], [{}], [{"batch": "1", "kind": "import"}]]),
    ("sources", [None, {}, [1], [{}], [{"source": 1}], [{"source": "x", "moved": "soon"}], [{"source": "x", "y": 1}]]),
    ("rollup", [[], None, 1, "x"]),
]


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in MANIFEST for value in values])
def test_a_crafted_manifest_is_refused(folder: Path, field: str, value: Any) -> None:
    craft(folder, {**manifest(folder), field: value})
    refused(folder)


@pytest.mark.parametrize("lines", [[1], [{}], [[]], {}, "x", [{"kind": "x", "slice": "y"}]])
def test_crafted_slices_are_refused(exported: Path, lines: Any) -> None:
    craft(exported, {**manifest(exported), "slices": lines})
    refused(exported)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("every", "month'; CREATE TABLE owned (i INTEGER); --"),
        ("every", 1),
        ("parent", ""),
        ("parent", None),
        ("dimensions", "page"),
        ("dimensions", [1]),
        ("dimensions", ['page"; --']),
        ("consumed", "1"),
        ("statement", "SELECT 1"),
    ],
)
def test_a_crafted_level_is_refused(exported: Path, field: str, value: Any) -> None:
    months = exported.parent / "months"
    lines = manifest(months)
    craft(months, {**lines, "level": {**lines["level"], field: value}})
    with Rollup.from_export(exported) as rollup, pytest.raises(RollupError):
        Level.from_export(months, database=rollup.connection)


def test_columns_are_those_of_the_statement(exported: Path) -> None:
    lines = manifest(exported)
    columns = {"x" if name == "n" else name: kind for name, kind in lines["columns"].items()}
    craft(exported, {**lines, "columns": columns})
    refused(exported, "and its statement has")


def test_a_type_that_no_catalog_has_is_refused(exported: Path) -> None:
    lines = manifest(exported)
    craft(exported, {**lines, "columns": {**lines["columns"], "n": "NO_SUCH_TYPE"}})
    refused(exported)


def test_nesting_without_end_is_refused(exported: Path) -> None:
    (exported / "_rollup.json").write_text("[" * 200_000)
    refused(exported, "cannot be read")


# Exports: what lies in the target folder


def refresh_export(folder: Path) -> None:
    """Another export to the folder, of more events."""
    with Rollup.from_sql(
        STATEMENT, name="r", sources={"e": folder / "none"}, database=folder.parent / "r.duckdb"
    ) as rollup:
        rollup.append(
            duckdb.sql(
                "SELECT TIMESTAMP '2026-01-20' AS ts, 1::BIGINT AS page, 1::DECIMAL(9, 2) AS price, 1::BIGINT AS uid"
            ).to_arrow_table()
        )
        rollup.export(folder)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A file that no export may touch."""
    path = tmp_path / "elsewhere"
    path.write_text("precious")
    yield path
    assert path.read_text() == "precious"


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("name", ["_rollup.json.tmp", "month=2026-01/.rollup.parquet.tmp"])
def test_an_export_replaces_a_link_that_was_left_as_a_temporary_file(
    exported: Path, elsewhere: Path, name: str, make: Any
) -> None:
    make(exported / name, elsewhere)
    refresh_export(exported)
    assert not (exported / name).exists()
    with Rollup.from_export(exported) as rollup:
        assert rollup.connection.sql("SELECT sum(n) FROM r").fetchall() == [(601,)]


@pytest.mark.parametrize("name", [".rollup.lock", "_rollup.json", "month=2026-01/rollup.parquet", "month=2026-09"])
def test_an_export_follows_no_link(exported: Path, elsewhere: Path, name: str) -> None:
    (exported / name).unlink(missing_ok=True)
    (exported / name).symlink_to(elsewhere)
    with pytest.raises(RollupError, match="symbolic link"):
        refresh_export(exported)


def test_an_export_follows_no_dangling_link(exported: Path, tmp_path: Path) -> None:
    (exported / ".rollup.lock").unlink()
    (exported / ".rollup.lock").symlink_to(tmp_path / "made")
    with pytest.raises(RollupError, match="symbolic link"):
        refresh_export(exported)
    assert not (tmp_path / "made").exists()


def test_an_export_writes_to_no_linked_partition(exported: Path, tmp_path: Path) -> None:
    shutil.move(exported / "month=2026-01", tmp_path / "moved")
    before = sorted((path.name, os.stat(path).st_mtime_ns) for path in (tmp_path / "moved").iterdir())
    (exported / "month=2026-01").symlink_to(tmp_path / "moved", target_is_directory=True)
    with pytest.raises(RollupError, match="symbolic link"):
        refresh_export(exported)
    assert sorted((path.name, os.stat(path).st_mtime_ns) for path in (tmp_path / "moved").iterdir()) == before


def test_a_lock_is_not_emptied(exported: Path) -> None:
    (exported / ".rollup.lock").write_text("kept")
    refresh_export(exported)
    assert (exported / ".rollup.lock").read_text() == "kept"
