"""Rollups that differ in what a query does not ask for are matched to it once; all others by themselves."""

from __future__ import annotations

from pathlib import Path

from bids import Bids

from duckdb_sketch.cube import Reason

_STATEMENT = "SELECT date_trunc('hour', ts) AS hour, {}, count(*) AS {}, hll_sketch_agg(user_id) AS users FROM bids {}"


def _with(bids: Bids, dimensions: dict[str, str], count: str = "bids", rest: str = "GROUP BY ALL") -> None:
    for name, dimension in dimensions.items():
        bids.refreshed(_STATEMENT.format(dimension, count, rest), name)


def test_each_of_many_rollups_is_answered_from_or_rejected_for_its_own_reason(tmp_path: Path) -> None:
    bids = Bids(tmp_path)
    _with(bids, {"by_country": "country", "by_land": "country AS land", "by_kind": "kind", "by_both": "country, kind"})
    _with(bids, {"clicks": "country"}, rest="WHERE kind = 'click' GROUP BY ALL")
    query = "SELECT country, count(*), count(DISTINCT user_id) FROM bids GROUP BY ALL ORDER BY ALL"
    explanation = bids.explain(query)
    reasons = {rejection.name: rejection.reason for rejection in explanation.rejected}
    assert explanation.parts[0].name in ("by_country", "by_land")
    assert reasons == {
        next(iter({"by_country", "by_land"} - {explanation.parts[0].name})): Reason.DEARER,
        "by_both": Reason.DEARER,
        "by_kind": Reason.NO_DIMENSION,
        "clicks": Reason.OTHER_WHERE,
    }
    assert bids.ask(query) == bids.ask(query, exact=True)
    clicks = "SELECT country, count(*) FROM bids WHERE kind = 'click' GROUP BY ALL ORDER BY ALL"
    assert bids.explain(clicks).parts[0].name in ("clicks", "by_both")
    assert bids.ask(clicks) == bids.ask(clicks, exact=True)


def test_a_dimension_of_the_same_name_may_be_another_expression(tmp_path: Path) -> None:
    bids = Bids(tmp_path)
    _with(bids, {"plain": "country", "upper": "upper(country) AS country"})
    query = "SELECT {} AS land, count(*) FROM bids GROUP BY ALL ORDER BY ALL"
    explanation = bids.explain(query.format("country"))
    assert [part.name for part in explanation.parts] == ["plain"]
    assert {rejection.name: rejection.reason for rejection in explanation.rejected} == {"upper": Reason.NO_DIMENSION}
    for expression in ("country", "upper(country)"):
        assert bids.ask(query.format(expression)) == bids.ask(query.format(expression), exact=True)
