"""A family that a test registers: a set of small numbers, held as a bit mask, whose functions are SQL macros.

It goes through a rollup, a coarser level, `verify`, `inspect`, `show` and `filled` as the package's own families do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from queries import rows, value
from typer.testing import CliRunner

import duckdb_sketch
from duckdb_sketch import InvalidInputError, LoadError, families
from duckdb_sketch.cli.app import app
from duckdb_sketch.families import Aggregate, Answer, Family, Number
from duckdb_sketch.inspection import inspect
from duckdb_sketch.rollup import Rollup, SpecificationError
from duckdb_sketch.summary import NumberSummary

_MASK = "TRY_CAST(decode({state})[6:] AS BIGINT)"

DIGITS = Family(
    name="digits",
    title="set of digits",
    plural="sets of digits",
    magic=(b"bits:",),
    build=Aggregate("digits_agg", "BIGINT"),
    union=Aggregate("digits_union_agg", "BLOB"),
    pair="digits_union({a}, {b})",
    describe=_MASK,
    is_empty="about = 0",
    reading=Number(noun="digits", number=f"bit_count({_MASK})"),
    answers={"count(DISTINCT)": Answer(f"bit_count({_MASK})", exact=True)},
    setup=(
        "CREATE OR REPLACE TEMP MACRO digits_agg(x) AS "
        "encode('bits:' || coalesce(bit_or(1::BIGINT << (x % 10)::INTEGER), 0))",
        "CREATE OR REPLACE TEMP MACRO digits_union_agg(h) AS "
        "encode('bits:' || coalesce(bit_or(decode(h)[6:]::BIGINT), 0))",
        "CREATE OR REPLACE TEMP MACRO digits_union(a, b) AS "
        "CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a "
        "ELSE encode('bits:' || (decode(a)[6:]::BIGINT | decode(b)[6:]::BIGINT)) END",
    ),
)

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, count(*) AS n, digits_agg(x) AS digits FROM events GROUP BY ALL
"""


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    families.register(DIGITS)
    yield
    families.unregister("digits")


@pytest.fixture
def rollup(tmp_path: Path) -> Iterator[Rollup]:
    """Two files that meet in one hour, counted one after the other, so that states were merged."""
    made = Rollup.from_sql(
        STATEMENT, name="hourly", sources={"events": f"{tmp_path}/*.parquet"}, database=tmp_path / "r.duckdb"
    )
    with made:
        for number in range(2):
            duckdb.sql(f"""
                COPY (SELECT TIMESTAMP '2026-03-01 10:00' + INTERVAL (i + {number} * 100) MINUTE AS ts,
                        i % 2 AS part, i % 3 + {number} * 4 AS x
                    FROM range(110) t(i)) TO '{tmp_path}/{number}.parquet'
            """)
            made.refresh()
        yield made


def test_states_merge_over_batches_and_levels(rollup: Rollup, tmp_path: Path) -> None:
    daily = rollup.coarsen("day", "daily", by=[])
    digits = "SELECT {time}, bit_count(decode(digits)[6:]::BIGINT) FROM {table} ORDER BY ALL"
    assert {count for _, count in rows(rollup.connection, digits.format(time="hour", table="hourly"))} == {3, 6}
    ((_, count),) = rows(daily.connection, digits.format(time="day", table="daily"))
    assert count == len({i % 3 + number * 4 for i in range(110) for number in range(2)})
    assert rollup.verify(sample=100).ok


def test_verify_finds_a_state_that_is_not_that_of_the_files(rollup: Rollup) -> None:
    rollup.connection.execute("UPDATE hourly SET digits = 'bits:1023'::BLOB WHERE part = 0 AND hour(hour) = 10")
    verified = rollup.verify(sample=100)
    column = verified.column("digits")
    assert (verified.ok, column.differ) == (False, 1)
    assert column.example is not None
    assert (column.example.stored, column.example.exact) == (10, 3)
    rollup.connection.execute("UPDATE hourly SET digits = 'no state'::BLOB")
    assert rollup.verify(sample=100).column("digits").differ == verified.groups


def test_inspect_and_show(rollup: Rollup, tmp_path: Path) -> None:
    rollup.connection.execute(
        "INSERT INTO hourly BY NAME SELECT TIMESTAMP '2026-03-02' AS hour, 'bits:0'::BLOB AS digits"
    )
    rollup.connection.execute("INSERT INTO hourly BY NAME SELECT TIMESTAMP '2026-03-02' AS hour, 'x'::BLOB AS digits")
    path = tmp_path / "hourly.parquet"
    rollup.connection.execute(f"COPY hourly TO '{path}'")
    (summary,) = inspect(path)
    assert (summary.kind, summary.title, summary.empty, summary.others) == ("digits", "set of digits", 1, 1)
    assert summary.content == NumberSummary("digits", (0, 3, 6), 6)
    rollup.connection.execute("DELETE FROM hourly WHERE part IS NULL")
    rollup.connection.execute(f"COPY hourly TO '{path}'")
    output = CliRunner().invoke(app, ["inspect", str(path)]).output
    assert "set of digits" in output
    assert "6 digits" in output
    shown = CliRunner().invoke(app, ["show", str(path)])
    assert shown.exit_code == 0, shown.exception
    assert shown.output.splitlines()[1] == "6 digits"
    assert "digits by hour, 3 to 6:" in shown.output
    grouped = CliRunner().invoke(app, ["show", str(path), "--group-by", "part"])
    assert grouped.exit_code == 0, grouped.exception
    assert grouped.output.splitlines()[2].split() == ["part", "digits"]
    plotted = CliRunner().invoke(app, ["plot", str(path), "-o", str(tmp_path / "x.svg")])
    assert "no picture of these sketches" in str(plotted.exception)


def test_states_that_are_no_blobs(tmp_path: Path) -> None:
    """Extents, of which only the width is read, are a STRUCT."""
    kind = "STRUCT(low BIGINT, high BIGINT)"
    extents = Family(
        name="extents",
        title="extent",
        plural="extents",
        state_type=re.compile(r"STRUCT\(low \w+, high \w+\)"),
        build=Aggregate("extent_agg", "BIGINT"),
        union=Aggregate("extent_union_agg", kind),
        pair="struct_pack(low := least({a}.low, {b}.low), high := greatest({a}.high, {b}.high))",
        describe="{state}",
        is_empty="about.low IS NULL",
        reading=Number(noun="wide", number="{state}.high - {state}.low"),
        setup=(
            "CREATE OR REPLACE TEMP MACRO extent_agg(x) AS struct_pack(low := min(x), high := max(x))",
            "CREATE OR REPLACE TEMP MACRO extent_union_agg(s) AS struct_pack(low := min(s.low), high := max(s.high))",
        ),
    )
    families.register(extents)
    try:
        with Rollup.from_sql(
            "SELECT date_trunc('hour', ts) AS hour, extent_agg(x) AS extent FROM events GROUP BY ALL",
            name="hourly",
            sources={"events": f"{tmp_path}/*.parquet"},
            database=tmp_path / "r.duckdb",
        ) as made:
            for number in range(2):
                duckdb.sql(f"""
                    COPY (SELECT TIMESTAMP '2026-03-01' + INTERVAL (i) MINUTE AS ts, i * (1 + {number}) AS x
                        FROM range(100) t(i)) TO '{tmp_path}/{number}.parquet'
                """)
                made.refresh()
            daily = made.coarsen("day", "daily")
            assert rows(daily.connection, "SELECT extent FROM daily") == [({"low": 0, "high": 198},)]
            assert made.verify().ok
            made.connection.execute("UPDATE hourly SET extent = struct_pack(low := 0, high := 7) WHERE hour(hour) = 1")
            example = made.verify().column("extent").example
            assert example is not None
            assert (example.stored, example.exact) == (7, 138)
        _, hourly = inspect(tmp_path / "r.duckdb", "extent")
        assert (hourly.kind, hourly.sketches, hourly.bytes) == ("extents", 2, None)
        assert hourly.content == NumberSummary("wide", (7, 62.5, 118), 118)
        shown = CliRunner().invoke(app, ["show", str(tmp_path / "r.duckdb"), "--table", "hourly", "--group-by", "hour"])
        assert shown.exit_code == 0, shown.exception
        assert "118" in shown.output
    finally:
        families.unregister("extents")


def test_a_rollup_in_a_database_that_is_open(con: duckdb.DuckDBPyConnection) -> None:
    """Macros belong to one connection, and the rollup works over another one to the same database."""
    events = duckdb.sql("SELECT TIMESTAMP '2026-03-01' AS ts, 0 AS part, range AS x FROM range(5)").to_arrow_table()
    with Rollup.from_sql(STATEMENT, name="hourly", database=con) as made:
        made.append(events)
        assert value(made.connection, "SELECT digits_union_agg(digits) FROM hourly") == b"bits:31"


def test_an_hour_without_events_has_an_empty_state(rollup: Rollup) -> None:
    filled = rollup.filled("2026-03-01 09:00", "2026-03-01 11:00")
    states = filled.filter("hour = TIMESTAMP '2026-03-01 09:00'").project("digits").fetchall()
    assert {state for (state,) in states} == {b"bits:0"}


def test_messages_suggest_the_first_family_that_answers() -> None:
    families.unregister("digits")
    first = families.families()[0]
    families.register(DIGITS)
    with pytest.raises(SpecificationError, match=first.build.name):
        Rollup.from_sql(
            "SELECT date_trunc('hour', ts) AS hour, count(DISTINCT x) AS n FROM events GROUP BY ALL",
            name="hourly",
            sources={"events": "*.parquet"},
        )


def test_names_are_taken_once() -> None:
    with pytest.raises(InvalidInputError, match="there is a family digits already"):
        families.register(DIGITS)
    other = Family(
        name="others",
        title="",
        plural="",
        build=Aggregate("hll_sketch_agg", "BIGINT"),
        union=DIGITS.union,
        pair="",
        describe="",
        is_empty="",
        reading=DIGITS.reading,
    )
    with pytest.raises(InvalidInputError, match="hll_sketch_agg is an aggregate of the family hll already"):
        families.register(other)
    with pytest.raises(InvalidInputError, match="there is no family others; there are hll, histogram"):
        families.unregister("others")
    with pytest.raises(InvalidInputError, match="hll is a family of duckdb_sketch itself, and stays"):
        families.unregister("hll")


def test_without_the_family_its_aggregate_is_no_metric(rollup: Rollup) -> None:
    families.unregister("digits")
    try:
        with pytest.raises(SpecificationError, match="nothing to aggregate"):
            Rollup.from_sql(STATEMENT.replace("count(*) AS n, ", ""), name="x", sources={"events": "*.parquet"})
    finally:
        families.register(DIGITS)


def test_setup_that_fails_is_named(con: duckdb.DuckDBPyConnection) -> None:
    broken = Family(
        name="broken",
        title="",
        plural="",
        build=Aggregate("broken_agg", "BIGINT"),
        union=Aggregate("broken_union_agg", "BLOB"),
        pair="",
        describe="",
        is_empty="",
        reading=DIGITS.reading,
        setup=("CREATE TEMP MACRO",),
    )
    families.register(broken)
    try:
        with pytest.raises(LoadError, match="the family broken cannot be set up by CREATE TEMP MACRO"):
            duckdb_sketch.load(con)
    finally:
        families.unregister("broken")
    assert value(duckdb_sketch.load(con), "SELECT digits_agg(3)") == b"bits:8"
