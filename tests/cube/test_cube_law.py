"""What a cube answers is what the events answer, whatever state the rollups are in.

- Exact columns are the same, HLL sketches byte by byte, and so are the estimates that are read off them.
- Quantiles lie within the bounds that are stated for them.
- What a cube refuses are events that are in no file any more.

A failure is a seed: `check(seed, …)` builds the same database and asks the same queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from bids import Bids
from cube_scenario import Queries, Query, Scenario
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import samples

from duckdb_sketch.cube import Cube, CubeError

_QUERIES = 12
_ZONES = [None, None, "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]
_UNREADABLE = ("is gone", "are in no file")


@contextmanager
def scenario(seed: int) -> Iterator[Scenario]:
    """A generated database."""
    with TemporaryDirectory() as folder, closing(Scenario(seed, _ZONES[seed % len(_ZONES)], Path(folder))) as built:
        built.build()
        yield built


def check(seed: int, *, rounds: int, queries: int) -> Counter[str]:
    """Ask generated queries of a generated database; count the answers by whether a rollup gave them.

    Args:
        seed: Makes the database and the queries.
        rounds: How often the database changes, and the cube stays open.
        queries: How many queries are asked in each round; after the first one some are asked again.
    """
    found: Counter[str] = Counter()
    with scenario(seed) as built, built.raw() as raw, built.cube() as cube:
        generator = Queries(built, seed)
        asked: list[Query] = []
        for number in range(rounds):
            if number:
                built.go_on()
                built.show_events(raw)
            again = asked[:: max(len(asked) // (queries // 4), 1)] if number else []
            for query in (*again, *(generator.next() for _ in range(queries - len(again)))):
                found[compare(cube, raw, query, f"seed {seed}, round {number}: {built.log}")] += 1
                asked.append(query)
            for _ in range(max(queries // 6, 1)):
                compare_quantiles(cube, raw, generator, f"seed {seed}, round {number}: {built.log}")
    return found


def compare(cube: Cube, raw: duckdb.DuckDBPyConnection, query: Query, where: str) -> str:
    try:
        answer = cube.answer(query.text, query.parameters)
    except CubeError as error:
        require_unreadable(error, f"{where}\n{query.text}")
        return "refused"
    raw.register("found", answer.relation.to_arrow_table())
    raw.execute(f"CREATE OR REPLACE TEMP TABLE wanted AS {query.exact}", query.parameters)
    for left, right in (("found", "wanted"), ("wanted", "found")):
        rest = raw.execute(f"FROM {left} EXCEPT ALL FROM {right}").fetchall()
        assert not rest, f"{where}\n{query.text}\nonly in {left}: {rest}\n{answer.explanation}"
    return "routed" if answer.explanation.routed else "raw"


def require_unreadable(error: CubeError, where: str) -> None:
    assert any(reason in str(error) for reason in _UNREADABLE), f"{where}\n{error}"


def compare_quantiles(cube: Cube, raw: duckdb.DuckDBPyConnection, asked: Queries, where: str) -> None:
    text, exact, keys = asked.quantiles()
    try:
        answer = cube.answer(text, errors=True)
    except CubeError as error:
        require_unreadable(error, f"{where}\n{text}")
        return
    if not answer.explanation.routed:
        return
    found = {row[:keys]: row[keys:] for row in answer.relation.fetchall()}
    wanted = {row[:keys]: row[keys] for row in raw.execute(exact).fetchall()}
    assert found.keys() == wanted.keys(), f"{where}\n{text}\n{answer.explanation}"
    for key, value in wanted.items():
        _, lower, upper = found[key]
        if value is None:
            assert found[key] == (None, None, None), f"{where}\n{text}"
        else:
            assert lower <= float(value) <= upper, f"{where}\n{text}\n{key}: {lower} <= {value} <= {upper}"


@pytest.mark.thorough
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(seed=st.integers(0, 1 << 32))
def test_a_cube_answers_as_the_events_do(seed: int) -> None:
    check(seed, rounds=2, queries=6)


@pytest.mark.slow
def test_hundreds_of_queries_are_answered_as_the_events_do(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 80 % of queries for which some rollup has the metrics and the dimensions are answered from rollups."""
    found: Counter[str] = Counter()
    seed = 0
    while found["routed"] < samples(500):
        found += check(seed, rounds=3, queries=24)
        seed += 1
    share = found["routed"] / (found["routed"] + found["raw"])
    with capsys.disabled():
        print(f"\n{found.total():,} queries: {dict(found)}, {share:.1%} of those answered from rollups")
    assert share >= 0.8


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """A cube that misses a file is noticed."""
    bids = Bids(tmp_path).refreshed()
    query = Query("SELECT count(*) AS c0 FROM bids", "SELECT count(*) AS c0 FROM bids")
    with duckdb.connect() as raw, bids.cube() as cube:
        raw.execute(f"CREATE TABLE bids AS FROM read_parquet('{bids.sources['bids']}')")
        assert compare(cube, raw, query, "all of it") == "routed"
        raw.execute("DELETE FROM bids WHERE country IS NULL")
        with pytest.raises(AssertionError, match="all but"):
            compare(cube, raw, query, "all but some")
