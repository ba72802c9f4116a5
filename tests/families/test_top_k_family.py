"""Frequent items as a family: metrics, coarser levels, `verify`, the cube, `inspect`, `show`, values."""

from __future__ import annotations

import datetime
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from datasketches import PyLongsSerDe, frequent_items_sketch
from family_rollup import hourly
from queries import rows, value
from typer.testing import CliRunner

import duckdb_sketch
from duckdb_sketch import Cube, HllSketch, InvalidInputError, TopK
from duckdb_sketch.cli.app import app
from duckdb_sketch.inspection import inspect
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.sketch_file import StateColumn, families_in
from duckdb_sketch.summary import RankingSummary

pytestmark = pytest.mark.native

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, approx_top_k_accumulate(name) AS names,
        approx_top_k_accumulate(i % 90, 6) FILTER (WHERE i % 3 = 0) AS few
    FROM events GROUP BY ALL
"""
WEIGHTED = """
    SELECT date_trunc('hour', ts) AS hour, part, approx_top_k_accumulate(name, 10000, i % 5) AS names,
        approx_top_k_accumulate(i % 90, 6, CASE WHEN i % 7 > 0 THEN i % 4 END) FILTER (WHERE i % 3 = 0) AS few
    FROM events GROUP BY ALL
"""
NAME = "CASE WHEN i % 11 > 0 THEN 'n' || least(i * 7919 % 900, i * 31 % 40) END"


@pytest.fixture
def rollup(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rollup]:
    """Three files, counted one after the other, so that states were merged; by `STATEMENT` if a test has no other."""
    with hourly(tmp_path, getattr(request, "param", STATEMENT), 3 * [NAME]) as made:
        yield made


#: For values that count as often as another column says.
weighted = pytest.mark.parametrize("rollup", [WEIGHTED], indirect=True)


def test_states_are_those_of_the_events(rollup: Rollup, tmp_path: Path) -> None:
    """Their bytes, where all items are counted; where not, the bounds hold."""
    daily = rollup.coarsen("day", "daily")
    names = "SELECT hour, part, names FROM ({}) ORDER BY ALL"
    events = f"FROM '{tmp_path}/*.parquet'"
    assert rows(rollup.connection, names.format("FROM hourly")) == rows(
        rollup.connection, names.format(STATEMENT.replace("FROM events", events))
    )
    of_days = STATEMENT.replace("'hour'", "'day'").replace("FROM events", events).replace("AS hour", "AS day")
    assert rows(daily.connection, "SELECT day, part, names FROM daily ORDER BY ALL") == rows(
        daily.connection, f"SELECT day, part, names FROM ({of_days}) ORDER BY ALL"
    )
    checked = f"""
        SELECT count(*), bool_and(n BETWEEN e.lower AND e.upper) FROM (
            SELECT part, unnest(approx_top_k_estimate(few)) AS e FROM daily
        ) AS found JOIN (
            SELECT part, (i % 90)::VARCHAR AS item, count(*) AS n {events} WHERE i % 3 = 0 GROUP BY ALL
        ) AS exact ON found.part = exact.part AND found.e.item = exact.item
    """
    ((count, held),) = rows(daily.connection, checked)
    assert count >= 2
    assert held
    described = "SELECT DISTINCT approx_top_k_describe(few).max_items FROM daily"
    assert value(daily.connection, described) == 6, "a level keeps the number of items"


def test_verify_compares_with_the_events(rollup: Rollup) -> None:
    found = rollup.verify()
    assert found.ok, str(found)
    rollup.connection.execute(
        "UPDATE hourly SET names = (SELECT approx_top_k_accumulate('x') FROM range(9)) WHERE part = 'odd'"
    )
    wrong = rollup.verify()
    column = wrong.column("names")
    assert not wrong.ok
    assert column.example is not None
    assert column.example.stored == 9
    assert column.example.exact > 9


def test_another_item_that_came_as_often_is_found(rollup: Rollup) -> None:
    rollup.connection.execute("""
        UPDATE hourly SET names = (
            SELECT approx_top_k_accumulate('other') FROM range(approx_top_k_describe(names).total)
        ) WHERE part = 'odd'
    """)
    assert rollup.verify().column("names").differ > 0


def test_the_cube_answers_from_states(rollup: Rollup, tmp_path: Path) -> None:
    rollup.coarsen("day", "daily")
    rollup.close()
    with Cube(tmp_path / "r.duckdb") as cube:
        for select in (
            "approx_top_k_estimate(approx_top_k_accumulate(name), 7)",
            "approx_top_k_accumulate(name)",
            "approx_top_k_accumulate(name, 10000)",
        ):
            query = f"SELECT part, {select} AS answer FROM events GROUP BY part ORDER BY part"
            assert cube.explain(query).parts[0].name == "daily", select
            raw = query.replace("FROM events", f"FROM '{tmp_path}/*.parquet'")
            with duckdb.connect() as con:
                assert cube.sql(query).fetchall() == rows(duckdb_sketch.load(con), raw), select
        other = "SELECT part, approx_top_k_accumulate(name, 20) AS s FROM events GROUP BY part ORDER BY part"
        assert [part.name for part in cube.explain(other).parts] != ["daily"], "another precision"


def test_the_cube_answers_duckdb_s_own_aggregate(rollup: Rollup, tmp_path: Path) -> None:
    """Values of the type that they have, without NULL."""
    rollup.coarsen("day", "daily")
    rollup.close()
    with Cube(tmp_path / "r.duckdb") as cube:
        events = f"FROM '{tmp_path}/*.parquet'"
        query = "SELECT part, approx_top_k(name, 3) AS names FROM events GROUP BY part ORDER BY part"
        explanation = cube.explain(query)
        assert explanation.parts[0].name == "daily"
        assert explanation.approximate == ("names",)
        with duckdb.connect() as con:
            counted = f"SELECT part, name, count(*) AS n {events} WHERE name IS NOT NULL GROUP BY ALL"
            exact = rows(
                con, f"SELECT part, list(name ORDER BY n DESC, name)[:3] FROM ({counted}) GROUP BY 1 ORDER BY 1"
            )
        assert cube.sql(query).fetchall() == exact
        few = cube.sql("SELECT approx_top_k(i % 90, 2) FILTER (WHERE i % 3 = 0) AS few FROM events")
        ((found,),) = few.fetchall()
        assert all(isinstance(each, int) for each in found)
        assert cube.sql("SELECT approx_top_k(name, 2) AS n FROM events WHERE part = 'none'").fetchall() == [(None,)]
        assert not cube.explain("SELECT approx_top_k(name, 1 + 1) AS n FROM events").approximate


@pytest.mark.parametrize("rollup", [STATEMENT, WEIGHTED], indirect=True)
def test_an_hour_without_events_has_empty_states(rollup: Rollup) -> None:
    filled = rollup.filled("2026-02-28 23:00", "2026-03-01 01:00")
    totals = "approx_top_k_describe(names).total, approx_top_k_describe(few).total"
    before = filled.filter("hour = TIMESTAMP '2026-02-28 23:00'").project(totals)
    assert set(before.fetchall()) == {(0, 0)}


@weighted
def test_a_weighted_metric_is_that_of_the_events(rollup: Rollup, tmp_path: Path) -> None:
    daily = rollup.coarsen("day", "daily")
    events = f"FROM '{tmp_path}/*.parquet'"
    exact = f"SELECT part, name, sum(i % 5)::BIGINT AS n {events} GROUP BY ALL HAVING n > 0 ORDER BY ALL"
    kept = """
        SELECT part, e.item, e.count FROM (
            SELECT part, unnest(approx_top_k_estimate(approx_top_k_combine(names), 1000)) AS e FROM {} GROUP BY part
        ) ORDER BY ALL
    """
    for level in (rollup, daily):
        assert rows(level.connection, kept.format(level.name)) == rows(level.connection, exact)
    assert value(daily.connection, "SELECT DISTINCT approx_top_k_describe(few).max_items FROM daily") == 6
    assert rollup.verify().ok, str(rollup.verify())
    rollup.connection.execute(
        "UPDATE hourly SET names = (SELECT approx_top_k_accumulate('x', 10000, 9)) WHERE part = 'odd'"
    )
    example = rollup.verify().column("names").example
    assert example is not None
    assert example.stored == 9
    of_group = f"SELECT sum(i % 5)::BIGINT {events} WHERE part = 'odd' AND date_trunc('hour', ts) = $1"
    assert example.exact == value(rollup.connection, of_group, example.group.bucket)


@weighted
def test_the_cube_tells_weights_apart(rollup: Rollup, tmp_path: Path) -> None:
    """A weighted state answers what has the same weight, and nothing that has none."""
    rollup.coarsen("day", "daily")
    rollup.close()
    with Cube(tmp_path / "r.duckdb") as cube:
        query = "SELECT part, approx_top_k_accumulate(name, 10000, i % 5) AS s FROM events GROUP BY part ORDER BY part"
        assert cube.explain(query).parts[0].name == "daily"
        raw = query.replace("FROM events", f"FROM '{tmp_path}/*.parquet'")
        with duckdb.connect() as con:
            assert cube.sql(query).fetchall() == rows(duckdb_sketch.load(con), raw)
        for select in (
            "approx_top_k(name, 3)",
            "approx_top_k_accumulate(name)",
            "approx_top_k_accumulate(name, 10000, i % 4)",
        ):
            assert [part.name for part in cube.explain(f"SELECT {select} AS s FROM events").parts] != ["daily"], select


def test_inspect_and_show(rollup: Rollup, tmp_path: Path) -> None:
    rollup.close()
    names, few = inspect(tmp_path / "r.duckdb")
    assert (names.kind, few.kind, names.title, names.empty) == ("top_k", "top_k", "frequent items", 0)
    assert isinstance(names.content, RankingSummary)
    assert isinstance(few.content, RankingSummary)
    assert (names.content.total, names.content.max_error, few.content.total) == (12_000, 0, 4002)
    assert few.content.max_error > 0
    assert names.content.items[0] == (None, 1092)
    assert names.content.lines()["number 1"] == "NULL: 1,092"
    inspected = CliRunner().invoke(app, ["inspect", str(tmp_path / "r.duckdb"), "--column", "names"])
    assert inspected.exit_code == 0, inspected.exception
    assert "12,000 values" in inspected.output
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "r.duckdb"), "--column", "names"])
    assert shown.exit_code == 0, shown.exception
    assert "12,000 values; all counts are exact" in shown.output
    assert "9.1 %" in shown.output
    grouped = CliRunner().invoke(app, ["show", str(tmp_path / "r.duckdb"), "--column", "few", "--group-by", "part"])
    assert grouped.exit_code == 0, grouped.exception
    assert grouped.output.splitlines()[2].split() == ["part", "values", "most", "often"]


def test_values() -> None:
    words = ["b", "a", "b", None, "c", "b", "a", None]
    a = TopK.from_values(words)
    assert [tuple(found) for found in a.estimate(3)] == [("b", 3, 3, 3), ("a", 2, 2, 2), (None, 2, 2, 2)]
    assert {found.item: found.count for found in a.estimate(99)} == Counter(words)
    b = TopK.from_values(["c", "c", "c"])
    assert (a | b).estimate(1)[0].item == "c"
    assert a | b == b | a == TopK.from_states([a, b, None]) == TopK.from_values([*words, "c", "c", "c"])
    assert (a.total, a.description.nulls, a.description.item_type) == (8, 2, "VARCHAR")
    assert pickle.loads(pickle.dumps(a)) == a
    many = TopK.from_values([i % 100 for i in range(10_000)], 20)
    assert 0 < many.description.max_error <= 2 * 10_000 / 24
    assert TopK.from_states([many, many], max_items=7).description.max_items == 12
    assert "items of 8 values, counts off by at most 0" in repr(a)
    assert "<td>b</td><td>3</td>" in a._repr_html_()
    assert TopK.from_states([]).estimate() == []


def test_items_are_values_of_python() -> None:
    utc = datetime.timezone.utc
    for items in (
        [1, -(2**63)],
        [2**64 - 1],
        [0.5, float("inf")],
        [True, False],
        [datetime.date(2026, 3, 1)],
        [datetime.time(1, 2, 3)],
        [datetime.datetime(2026, 3, 1, 4, 5, 6, 7)],
        [datetime.datetime(2026, 3, 1, 4, 5, 6, 7, utc)],
    ):
        assert {found.item for found in TopK.from_values([*items, None]).estimate()} == {*items, None}


def test_sketches_of_other_libraries() -> None:
    theirs = frequent_items_sketch(5)
    theirs.update(7, 3)
    sketch = TopK.from_datasketches(theirs.serialize(PyLongsSerDe()), "BIGINT")
    assert sketch.estimate() == [(7, 3, 3, 3)]
    with pytest.raises(InvalidInputError, match="approx_top_k_import"):
        TopK.from_bytes(theirs.serialize(PyLongsSerDe()))


def test_values_of_other_kinds_are_refused() -> None:
    a, hll = TopK.from_values([1]), HllSketch.from_values([1])
    with pytest.raises(TypeError):
        a | hll  # type: ignore[operator]
    with pytest.raises(InvalidInputError, match="this is an HLL sketch"):
        TopK.from_bytes(hll.state)
    with pytest.raises(InvalidInputError, match="max_items is 0"):
        TopK.from_values([1], 0)
    with pytest.raises(InvalidInputError, match="k is 0"):
        a.estimate(0)
    with pytest.raises(InvalidInputError, match="cast them to one type"):
        a | TopK.from_values(["x"])


def test_the_portable_backend_says_that_it_has_none() -> None:
    with duckdb_sketch.connect(backend="portable") as con:
        for call in (
            "approx_top_k_accumulate(1)",
            "approx_top_k_estimate(''::BLOB, 3)",
            "approx_top_k_combine(''::BLOB)",
        ):
            name = call.partition("(")[0]
            with pytest.raises(duckdb.Error, match=f"{name}: needs the native extension"):
                con.execute(f"SELECT {call}").fetchall()


def test_the_portable_backend_looks_for_sketches_of_the_other_families() -> None:
    """Where it meets a state of frequent items, that is none of theirs."""
    with duckdb_sketch.connect(backend="portable") as con:
        state = bytes(TopK.from_values(["a"]).state)
        con.execute("CREATE TABLE t AS SELECT theta_sketch_agg(i) AS s FROM range(9) r(i) UNION ALL SELECT $1", [state])
        column = StateColumn("t", "s", "BLOB", "t")
        assert [family.name for family in families_in(con, column)] == ["theta"]
