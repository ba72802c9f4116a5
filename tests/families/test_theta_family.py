"""Theta sketches as a family: metrics, coarser levels, `verify`, the cube, `inspect`, `show`, values."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from family_rollup import hourly
from queries import rows, value
from typer.testing import CliRunner

import duckdb_sketch
from duckdb_sketch import Cube, HllSketch, InvalidInputError, ThetaSketch
from duckdb_sketch.cli.app import app
from duckdb_sketch.inspection import inspect
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.rollup.verification.verified import DistinctColumn
from duckdb_sketch.summary import DistinctSummary

pytestmark = pytest.mark.native  # the portable aggregates take no FILTER

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, theta_sketch_agg(name) AS names,
        theta_sketch_agg(i, 7) FILTER (WHERE i % 3 = 0) AS few
    FROM events GROUP BY ALL
"""
NAME = "CASE WHEN i % 11 > 0 THEN 'n' || (i * 7919 + {number} * 333) % 900 ELSE '' END"


@pytest.fixture
def rollup(tmp_path: Path) -> Iterator[Rollup]:
    """Three files, counted one after the other, so that states were merged."""
    with hourly(tmp_path, STATEMENT, [NAME.format(number=number) for number in range(3)]) as made:
        yield made


def test_states_are_those_of_the_events(rollup: Rollup, tmp_path: Path) -> None:
    daily = rollup.coarsen("day", "daily")
    stored = rows(rollup.connection, "SELECT hour, part, names, few FROM hourly ORDER BY ALL")
    made = rows(rollup.connection, STATEMENT.replace("FROM events", f"FROM '{tmp_path}/*.parquet'") + " ORDER BY 1, 2")
    assert stored == made
    of_days = STATEMENT.replace("'hour'", "'day'").replace("FROM events", f"FROM '{tmp_path}/*.parquet'")
    assert rows(daily.connection, "FROM daily ORDER BY ALL") == rows(daily.connection, f"{of_days} ORDER BY 1, 2")
    precision = "SELECT DISTINCT theta_sketch_describe(few).lg_nom_entries FROM daily"
    assert value(daily.connection, precision) == 7, "a level keeps the precision"


def test_verify_compares_with_the_events(rollup: Rollup) -> None:
    found = rollup.verify()
    assert found.ok
    columns = {column.name: column for column in found.columns}
    names = columns["names"]
    assert isinstance(names, DistinctColumn)
    assert names.expected_error == pytest.approx(1 / 4095**0.5)
    rollup.connection.execute("UPDATE hourly SET names = (SELECT theta_sketch_agg('x'))")
    assert not rollup.verify().ok


def test_the_cube_answers_from_states(rollup: Rollup, tmp_path: Path) -> None:
    rollup.coarsen("day", "daily")
    rollup.close()
    with Cube(tmp_path / "r.duckdb") as cube:
        for select in (
            "theta_sketch_estimate(theta_sketch_agg(name))",
            "theta_sketch_agg(name)",
            "theta_sketch_agg(name, 12)",
            "theta_sketch_agg(i, 7) FILTER (WHERE i % 3 = 0)",
            "theta_sketch_estimate(theta_intersection(theta_sketch_agg(name) FILTER (WHERE part = 'even'), "
            "theta_sketch_agg(name) FILTER (WHERE part = 'odd')))",
        ):
            query = f"SELECT part, {select} AS answer FROM events GROUP BY part ORDER BY part"
            assert cube.explain(query).parts[0].name == "daily", select
            raw = query.replace("FROM events", f"FROM '{tmp_path}/*.parquet'")
            with duckdb.connect() as con:
                assert cube.sql(query).fetchall() == rows(duckdb_sketch.load(con), raw), select
        # A sketch skips the empty name.
        distinct = "SELECT count(DISTINCT name) AS names FROM events WHERE part = 'even'"
        assert cube.sql(distinct, errors=True).fetchall() == [(900, 900.0, 900.0)]


def test_inspect_and_show(rollup: Rollup, tmp_path: Path) -> None:
    rollup.close()
    names, few = inspect(tmp_path / "r.duckdb")
    assert (names.kind, few.kind) == ("theta", "theta")
    assert isinstance(names.content, DistinctSummary)
    assert isinstance(few.content, DistinctSummary)
    assert names.content.modes == {"EXACT": names.rows}
    assert "ESTIMATION" in few.content.modes
    assert names.content.lines()["precision"] == "lg_nom_entries 12"
    assert few.content.lines()["precision"] == "lg_nom_entries 7"
    result = CliRunner().invoke(app, ["show", str(tmp_path / "r.duckdb"), "--column", "names"])
    assert result.exit_code == 0, result.output
    assert "900" in result.output


def test_values() -> None:
    a, b = ThetaSketch.from_values(range(60)), ThetaSketch.from_values(range(40, 100))
    assert [(a | b).estimate, (a & b).estimate, (a - b).estimate, (b - a).estimate] == [100, 20, 40, 40]
    assert a | b == ThetaSketch.from_values(range(100)) == ThetaSketch.from_states([a, b])
    assert (a - b) | (a & b) == a
    assert a.jaccard(b).estimate == 0.2
    assert a.bounds(3) == (60, 60, 60)
    assert a.lg_nom_entries == 12
    assert pickle.loads(pickle.dumps(a)) == a
    many = ThetaSketch.from_values(range(50_000), 8)
    lower, estimate, upper = many.bounds()
    assert lower < estimate < upper
    assert many.description.mode == "ESTIMATION"
    assert ThetaSketch.from_states([many, a]).lg_nom_entries == 8
    assert ThetaSketch.from_states([many, a], lg_nom_entries=6).lg_nom_entries == 6
    assert "about" in repr(many)
    assert "between" in many._repr_html_()


def test_values_of_other_kinds_are_refused() -> None:
    a, hll = ThetaSketch.from_values([1]), HllSketch.from_values([1])
    for operate in (lambda: a & hll, lambda: a - hll, lambda: a | hll):
        with pytest.raises(TypeError):
            operate()
    with pytest.raises(InvalidInputError, match="this is an HLL sketch"):
        ThetaSketch.from_bytes(hll.state)
    with pytest.raises(InvalidInputError, match="lg_nom_entries is 3"):
        ThetaSketch.from_values([1], 3)
