"""Advice on a log of queries: what answers them, and which rollup would."""

from __future__ import annotations

from pathlib import Path

import pytest
from bids import Bids
from samples import few_fast

QUERIES = [
    "SELECT date_trunc('day', ts) AS day, max(user_id) FROM bids WHERE country = 'de' GROUP BY ALL",
    "SELECT kind, count(DISTINCT user_id) AS users FROM bids WHERE ts >= DATE '2026-01-02' GROUP BY ALL ORDER BY users",
    "SELECT kind, avg(user_id) FILTER (WHERE country = 'fr') FROM bids GROUP BY ALL",
    "SELECT hour(ts) AS h, kind, count(*) FROM bids GROUP BY 1, 2",
    "SELECT count(DISTINCT kind) FROM bids",
]


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    return Bids(tmp_path).refreshed(levels=["day"])


def test_what_is_answered_is_measured(bids: Bids) -> None:
    with bids.cube() as cube:
        (advice,) = cube.advise(["SELECT country, sum(price) FROM bids GROUP BY ALL"])
    assert (advice.tables, advice.rows, advice.reasons, advice.statements) == (("hourly_day",), 12, (), ())
    assert advice.bytes > 0


@pytest.mark.parametrize("query", few_fast(QUERIES, QUERIES[1]))
def test_a_suggested_rollup_answers(bids: Bids, query: str) -> None:
    with bids.cube() as cube:
        (advice,) = cube.advise([query])
        assert advice.tables == ()
        assert advice.reasons
        (statement,) = advice.statements
    bids.refreshed(statement, "suggested")
    explanation = bids.explain(query)
    assert {part.name for part in explanation.parts} == {"suggested"}
    if not explanation.approximate:
        assert sorted(map(repr, bids.ask(query))) == sorted(map(repr, bids.raw(query)))


def test_nothing_is_suggested_for_single_events(bids: Bids) -> None:
    with bids.cube() as cube:
        (advice,) = cube.advise(["SELECT price FROM bids"])
    assert advice.statements == ()
