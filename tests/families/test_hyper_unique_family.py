"""Druid's `hyperUnique` as a family: metrics, coarser levels, `verify`, `inspect`, `show`, `plot`, values."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from family_rollup import hourly, write_events
from queries import rows, value
from typer.testing import CliRunner

from duckdb_sketch import HllSketch, HyperUniqueSketch, InvalidInputError, hyper_unique_estimate
from duckdb_sketch.cli.app import app
from duckdb_sketch.inspection import inspect
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.rollup.verification.verified import DistinctColumn
from duckdb_sketch.summary import DistinctSummary

pytestmark = pytest.mark.native  # the portable aggregates take no FILTER

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, hyper_unique_agg(name) AS names,
        hyper_unique_agg(name) FILTER (WHERE i % 3 = 0) AS few
    FROM events GROUP BY ALL
"""
NAME = "CASE WHEN i % 11 > 0 THEN 'n' || (i * 7919 + {number} * 333) % {distinct} ELSE '' END"


@pytest.fixture
def rollup(tmp_path: Path) -> Iterator[Rollup]:
    """Three files, counted one after the other, so that states were merged."""
    with hourly(
        tmp_path, STATEMENT, [NAME.format(number=number, distinct=900) for number in range(3)], odd="NULL"
    ) as made:
        yield made


def test_states_are_those_of_the_events(rollup: Rollup, tmp_path: Path) -> None:
    daily = rollup.coarsen("day", "daily")
    stored = rows(rollup.connection, "SELECT hour, part, names, few FROM hourly ORDER BY ALL")
    made = rows(rollup.connection, STATEMENT.replace("FROM events", f"FROM '{tmp_path}/*.parquet'") + " ORDER BY 1, 2")
    assert stored == made
    of_days = STATEMENT.replace("'hour'", "'day'").replace("FROM events", f"FROM '{tmp_path}/*.parquet'")
    assert rows(daily.connection, "FROM daily ORDER BY ALL") == rows(daily.connection, f"{of_days} ORDER BY 1, 2")


def test_verify_says_how_far_estimates_are_off(rollup: Rollup, tmp_path: Path) -> None:
    verified = rollup.verify(sample=100)
    assert verified.ok, str(verified)
    names = verified.column("names")
    assert isinstance(names, DistinctColumn)
    assert names.groups == verified.groups > 4
    assert names.expected_error == pytest.approx(0.023, abs=0.0001)
    assert names.worst_error is not None
    assert 0 < names.worst_error < 3 * 0.023
    assert names.within_3 == names.groups
    exact = f"""
        SELECT date_trunc('hour', ts) AS hour, part, count(DISTINCT name) AS n
        FROM '{tmp_path}/*.parquet' GROUP BY ALL
    """
    errors = f"""
        SELECT max(abs(hyper_unique_estimate(names) - n) / n)
        FROM hourly JOIN ({exact}) AS e ON e.hour = hourly.hour AND e.part IS NOT DISTINCT FROM hourly.part
    """
    assert names.worst_error == pytest.approx(value(rollup.connection, errors))


@pytest.mark.parametrize(
    ("damaged", "stored"),
    [
        ("hyper_unique_agg('other')", 1.0),
        ("NULL::BLOB", None),
        ("'no state'::BLOB", None),
        ("hll_sketch_agg(1)", None),
    ],
)
def test_verify_finds_damage(rollup: Rollup, damaged: str, stored: float | None) -> None:
    where = "hour = '2026-03-01 01:00' AND part IS NULL"
    rollup.connection.execute(f"UPDATE hourly SET names = (SELECT {damaged}) WHERE {where}")
    verified = rollup.verify(sample=100)
    assert [(column.name, column.differ) for column in verified.columns] == [("names", 1), ("few", 0)]
    example = verified.column("names").example
    assert example is not None
    assert str(example.group) == "2026-03-01 01:00:00, part None"
    assert example.stored == pytest.approx(stored, abs=0.01)


def test_one_text_too_few_is_found(rollup: Rollup, tmp_path: Path) -> None:
    """States are compared, not estimates that are merely close."""
    group = "hour = '2026-03-01 01:00' AND part IS NULL"
    rollup.connection.execute(f"""
        UPDATE hourly SET names = (
            SELECT hyper_unique_agg(name) FROM (
                SELECT DISTINCT name FROM (SELECT *, date_trunc('hour', ts) AS hour FROM '{tmp_path}/*.parquet')
                WHERE {group} ORDER BY name OFFSET 1
            )
        ) WHERE {group}
    """)
    assert rollup.verify(sample=100).column("names").differ == 1


def test_ranks_that_parts_cut_off_are_no_damage(tmp_path: Path) -> None:
    """The bytes of merged parts may differ from those of the whole in ranks that four bits do not say."""
    statement = "SELECT date_trunc('day', ts) AS day, hyper_unique_agg(name) AS names FROM events GROUP BY ALL"
    with Rollup.from_sql(statement, name="daily", sources={"events": f"{tmp_path}/*.parquet"}) as made:
        for number in range(8):
            write_events(tmp_path, number, NAME.format(number=number, distinct=1_000_003), events=30_000)
            made.refresh()
        whole = value(made.connection, f"SELECT hyper_unique_agg(name) FROM '{tmp_path}/*.parquet'")
        assert value(made.connection, "SELECT names FROM daily") != whole, "nothing was cut off: take other texts"
        verified = made.verify()
        assert verified.ok, str(verified)


def test_unions_of_states_from_files(rollup: Rollup, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    rollup.connection.execute(f"COPY hourly TO '{tmp_path}/states/all.parquet'")
    statement = "SELECT date_trunc('day', hour) AS day, hyper_unique_union_agg(names) AS names FROM states GROUP BY ALL"
    with Rollup.from_sql(statement, name="days", sources={"states": f"{tmp_path}/states/*.parquet"}) as days:
        days.refresh()
        assert days.verify().ok
        days.connection.execute("UPDATE days SET names = (SELECT hyper_unique_agg('a'))")
        verified = days.verify()
        assert verified.column("names").differ == 1


def test_hours_without_events_are_empty(rollup: Rollup) -> None:
    filled = rollup.filled("2026-02-28 23:00", "2026-03-01 01:00").filter("hour < TIMESTAMP '2026-03-01'")
    estimates = filled.project("hyper_unique_estimate(names), hyper_unique_estimate(few)").fetchall()
    assert set(estimates) == {(0.0, 0.0)}


def test_inspect(rollup: Rollup, tmp_path: Path) -> None:
    con = rollup.connection
    con.execute("INSERT INTO hourly BY NAME SELECT hyper_unique_agg(NULL) AS names, 'a picture'::BLOB AS few")
    con.execute("INSERT INTO hourly BY NAME SELECT (SELECT hyper_unique_agg(i::VARCHAR) FROM range(9) t(i)) AS names")
    path = tmp_path / "hourly.pq"
    con.execute(f"COPY hourly TO '{path}' (FORMAT parquet)")
    names, few = inspect(path)
    assert (names.kind, names.title, names.nulls, names.empty) == ("hyper_unique", "hyperUnique of Druid", 0, 1)
    assert (few.nulls, few.others) == (1, 1)
    content = names.content
    assert isinstance(content, DistinctSummary)
    assert content.lg_k == (11, 11)
    assert content.modes == {"sparse": 2, "dense": names.sketches - 2}
    assert content.union is not None
    lower, estimate, upper = content.union
    assert estimate == value(con, "SELECT hyper_unique_estimate(hyper_unique_union_agg(names)) FROM hourly")
    assert (estimate / lower, estimate / upper) == (pytest.approx(1.046, abs=1e-3), pytest.approx(0.954, abs=1e-3))
    output = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["inspect", str(path)]).output
    assert "hyperUnique of Druid" in output
    assert "sparse 2, dense " in output


def test_show_and_plot(rollup: Rollup, tmp_path: Path) -> None:
    path = tmp_path / "hourly.pq"
    rollup.connection.execute(f"COPY hourly TO '{path}' (FORMAT parquet)")
    shown = CliRunner().invoke(app, ["show", str(path), "--column", "names"])
    assert shown.exit_code == 0, shown.exception
    assert "distinct, 95 % sure of" in shown.output
    assert "distinct values by hour" in shown.output
    grouped = CliRunner().invoke(app, ["show", str(path), "--column", "names", "--group-by", "part"])
    assert grouped.output.splitlines()[2].split() == ["part", "distinct", "95", "%", "sure"]
    svg = tmp_path / "names.svg"
    plotted = CliRunner().invoke(app, ["plot", str(path), "--column", "names", "-o", str(svg)])
    assert plotted.exit_code == 0, plotted.exception
    assert "Distinct values over time: " in svg.read_text(encoding="utf-8")


def test_values(con: duckdb.DuckDBPyConnection) -> None:
    sketch = HyperUniqueSketch.from_values(["ann", None, "bob", "ann", ""])
    state = value(con, "SELECT hyper_unique_agg(x) FROM (SELECT unnest(['ann', 'bob', '']) AS x)")
    assert bytes(sketch) == state
    assert HyperUniqueSketch.from_bytes(state) == sketch == pickle.loads(pickle.dumps(sketch))
    assert sketch.estimate == value(con, "SELECT hyper_unique_estimate(?::BLOB)", state) == pytest.approx(3, abs=0.01)
    lower, estimate, upper = sketch.bounds(3)
    assert lower < sketch.bounds(1).lower < estimate == sketch.estimate < upper
    assert repr(sketch) == f"<HyperUniqueSketch: about 3 distinct, {len(state)} bytes>"
    assert "<b>3</b> distinct, with 95 % between 3 and 3" in sketch._repr_html_()


def test_values_merge() -> None:
    a, b = HyperUniqueSketch.from_values(["a", "b"]), HyperUniqueSketch.from_values(["b", "c"])
    assert a | b == b | a == HyperUniqueSketch.from_values(["a", "b", "c"])
    assert HyperUniqueSketch.from_states([a, None, bytes(b)]) == a | b
    assert HyperUniqueSketch.from_states([]).estimate == 0
    assert hyper_unique_estimate([a, None]).to_pylist() == [a.estimate, None]
    with pytest.raises(TypeError):
        a | HllSketch.from_values(["a"])  # type: ignore[operator]


def test_mistakes() -> None:
    with pytest.raises(InvalidInputError, match=r"cannot count INTEGER: write hyper_unique_agg\(x::VARCHAR\)"):
        HyperUniqueSketch.from_values([1, 2])
    with pytest.raises(InvalidInputError, match="this is an HLL sketch"):
        HyperUniqueSketch.from_bytes(bytes(HllSketch.from_values([1])))
    with pytest.raises(InvalidInputError, match="num_std_dev is 4, and must be 1, 2 or 3"):
        HyperUniqueSketch.from_values(["a"]).bounds(4)
