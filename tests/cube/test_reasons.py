"""Each reason for which a rollup does not answer, or none does: when it is given, and that the answer is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from bids import HOURLY, Bids, write_bids
from processes import PROJECT

from duckdb_sketch.cube import CubeError, Reason


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    return Bids(tmp_path)


def assert_raw(bids: Bids, query: str, reason: Reason, name: str | None = None) -> None:
    """The reason is given, and the raw events answer, exactly."""
    explanation = bids.explain(query)
    assert not explanation.routed
    assert bids.reasons(query)[name] is reason
    assert sorted(map(repr, bids.ask(query))) == sorted(map(repr, bids.raw(query)))


def test_not_aggregated(bids: Bids) -> None:
    bids.refreshed()
    for query in ("SELECT * FROM bids", "SELECT price FROM bids WHERE country = 'de'"):
        assert_raw(bids, query, Reason.NOT_AGGREGATED)


def test_joined(bids: Bids) -> None:
    bids.refreshed()
    assert_raw(bids, "SELECT count(*) FROM range(2) t JOIN bids ON bids.user_id = t.range", Reason.JOINED)


def test_sampled(bids: Bids) -> None:
    bids.refreshed()
    assert bids.reasons("SELECT count(*) FROM bids USING SAMPLE 10 ROWS")[None] is Reason.SAMPLED


def test_volatile(bids: Bids) -> None:
    bids.refreshed()
    for query in ("SELECT count(*) FROM bids WHERE random() < 0.5", "SELECT sum(random()) FROM bids"):
        assert bids.reasons(query)[None] is Reason.VOLATILE


def test_unsupported(bids: Bids) -> None:
    bids.refreshed()
    assert_raw(bids, "WITH w AS (SELECT 1) SELECT sum(COLUMNS('price')) FROM bids", Reason.UNSUPPORTED)


def test_other_where(bids: Bids) -> None:
    bids.refreshed(HOURLY.replace("GROUP BY", "WHERE country = 'de' GROUP BY"), "german")
    assert_raw(bids, "SELECT count(*) FROM bids", Reason.OTHER_WHERE, "german")
    query = "SELECT count(*), sum(price) FROM bids WHERE country = 'de'"
    assert bids.explain(query).routed
    assert bids.ask(query) == bids.raw(query)


def test_rollups_with_different_conditions_are_not_mixed(bids: Bids) -> None:
    bids.refreshed(HOURLY.replace("GROUP BY", "WHERE country = 'de' GROUP BY"), "german").refreshed()
    with bids.rollup() as hourly:
        hourly.coarsen("day", "daily")
        hourly.expire(before=datetime(2026, 1, 2))
    for query in ("SELECT count(*) FROM bids", "SELECT count(*) FROM bids WHERE country = 'de'"):
        assert bids.ask(query) == bids.raw(query)


def test_other_joins(bids: Bids, tmp_path: Path) -> None:
    duckdb.sql("SELECT 'de' AS country, 'Germany' AS name").write_parquet(str(tmp_path / "countries.parquet"))
    statement = (
        "SELECT date_trunc('hour', ts) AS hour, c.name AS land, count(*) AS bids FROM bids "
        "JOIN countries AS c USING (country) GROUP BY ALL"
    )
    bids.sources["countries"] = str(tmp_path / "countries.parquet")
    bids.refreshed(statement, "by_land")
    assert_raw(bids, "SELECT count(*) FROM bids", Reason.OTHER_JOINS, "by_land")
    query = "SELECT c.name, count(*) FROM bids JOIN countries AS c USING (country) GROUP BY ALL"
    assert bids.explain(query).routed
    assert bids.ask(query) == [("Germany", 150)]


def test_other_zone(tmp_path: Path) -> None:
    duckdb.sql("SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(i) AS ts FROM range(100) t(i)").write_parquet(
        str(tmp_path / "bids-1.parquet")
    )
    bids = Bids(tmp_path, days=[])
    statement = "SELECT date_trunc('day', ts) AS day, count(*) AS bids FROM bids GROUP BY ALL"
    bids.refreshed(statement, "berlin", time_zone="Europe/Berlin").refreshed(statement, "tokyo", time_zone="Asia/Tokyo")
    query = "SELECT date_trunc('day', ts) AS day, count(*) FROM bids GROUP BY ALL"
    with pytest.raises(CubeError, match="Asia/Tokyo and Europe/Berlin: choose one"):
        bids.ask(query)
    with bids.cube(time_zone="Asia/Tokyo") as cube:
        found = cube.explain(query)
        assert [part.name for part in found.parts] == ["tokyo"]
        assert {rejection.name: rejection.reason for rejection in found.rejected} == {"berlin": Reason.OTHER_ZONE}


def test_no_dimension(bids: Bids) -> None:
    bids.refreshed()
    assert_raw(bids, "SELECT count(*) FROM bids WHERE user_id = 3", Reason.NO_DIMENSION, "hourly")
    assert_raw(bids, "SELECT kind, count(*) FROM bids GROUP BY ALL", Reason.NO_DIMENSION, "hourly")


def test_no_metric(bids: Bids) -> None:
    bids.refreshed()
    for aggregate in (
        "max(user_id)",
        "mode(price)",
        "sum(DISTINCT price)",
        "first(country ORDER BY ts)",
        "sum(user_id)",
    ):
        assert_raw(bids, f"SELECT {aggregate} FROM bids", Reason.NO_METRIC, "hourly")


def test_a_dimension_is_not_added_up_once_a_row(bids: Bids) -> None:
    """Each row of a rollup stands for many events."""
    bids.refreshed("SELECT date_trunc('hour', ts) AS hour, user_id, count(*) AS bids FROM bids GROUP BY ALL")
    for aggregate in ("sum(user_id)", "avg(user_id)", "median(user_id)", "list(user_id ORDER BY user_id)"):
        assert_raw(bids, f"SELECT {aggregate} FROM bids", Reason.NO_METRIC, "hourly")
    query = "SELECT count(user_id), min(user_id), count(DISTINCT user_id), string_agg(DISTINCT country, ',') FROM bids"
    assert bids.ask(query.replace(", string_agg(DISTINCT country, ',')", "")) == bids.raw(
        query.replace(", string_agg(DISTINCT country, ',')", "")
    )


def test_metric_filter(bids: Bids) -> None:
    clicked = "sum(price) FILTER (WHERE kind = 'click') AS clicked"
    bids.refreshed(f"SELECT date_trunc('hour', ts) AS hour, {clicked} FROM bids GROUP BY ALL")
    assert_raw(bids, "SELECT sum(price) FROM bids", Reason.METRIC_FILTER, "hourly")
    query = "SELECT sum(price) FILTER (WHERE kind = 'click') FROM bids"
    assert bids.explain(query).routed
    assert bids.ask(query) == bids.raw(query)


def test_time_too_fine(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    assert_raw(bids, "SELECT minute(ts), count(*) FROM bids GROUP BY ALL", Reason.TIME_TOO_FINE, "hourly")
    found = bids.explain("SELECT hour(ts), count(*) FROM bids GROUP BY ALL")
    assert [part.name for part in found.parts] == ["hourly"]
    assert [(r.name, r.reason) for r in found.rejected] == [("hourly_day", Reason.TIME_TOO_FINE)]


def test_no_whole_bucket(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    query = "SELECT count(*) FROM bids WHERE ts >= TIMESTAMP '2026-01-01 10:00' AND ts < TIMESTAMP '2026-01-01 12:00'"
    found = bids.explain(query)
    assert [part.name for part in found.parts] == ["hourly"]
    assert [(r.name, r.reason) for r in found.rejected] == [("hourly_day", Reason.NO_WHOLE_BUCKET)]
    assert bids.ask(query) == bids.raw(query)


def test_approximate(bids: Bids) -> None:
    bids.refreshed()
    query = "SELECT count(DISTINCT user_id), median(price) FROM bids"
    assert bids.explain(query).approximate == ("count(DISTINCT user_id)", "median(price)")
    assert bids.reasons(query, exact=True) == {"hourly": Reason.APPROXIMATE}
    assert bids.ask(query, exact=True) == bids.raw(query)


def test_lags(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed(levels=["day"])
    write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)")
    with bids.rollup() as hourly:
        hourly.refresh(levels=False)
    query = "SELECT ts::DATE AS day, count(*) FROM bids GROUP BY ALL"
    assert bids.reasons(query) == {"hourly_day": Reason.LAGS}
    assert sorted(bids.ask(query)) == sorted(bids.raw(query))


def test_changed_file(bids: Bids, tmp_path: Path) -> None:
    path = write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)")
    bids.refreshed()
    path.unlink()
    write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)", "('2026-01-05 03:00', 'de', 'view', 1, 2)")
    assert_raw(bids, "SELECT count(*) FROM bids", Reason.CHANGED_FILE, "hourly")


def test_missing_events(bids: Bids, tmp_path: Path) -> None:
    path = write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)")
    bids.refreshed()
    path.unlink()
    bids.refreshed("SELECT date_trunc('day', ts) AS day, count(*) AS bids FROM bids GROUP BY ALL", "daily")
    query = "SELECT count(*) FROM bids WHERE ts::DATE = DATE '2026-01-02'"
    assert bids.reasons(query) == {"daily": Reason.MISSING_EVENTS}
    assert bids.ask(query) == [(201,)]


def test_expired(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    with bids.rollup() as hourly:
        hourly.expire(before=datetime(2026, 1, 3))
    query = "SELECT count(*) FROM bids WHERE ts < TIMESTAMP '2026-01-02'"
    assert bids.reasons(query) == {"hourly": Reason.EXPIRED}
    assert bids.ask(query) == bids.raw(query)


def test_dropped(bids: Bids, tmp_path: Path) -> None:
    bids.refreshed(late="drop")
    write_bids(tmp_path, "('2026-01-02 03:00', 'de', 'view', 1, 2)")
    with bids.rollup(late="drop") as hourly:
        assert hourly.refresh().dropped_rows == 1
    query = "SELECT count(*) FROM bids WHERE ts >= TIMESTAMP '2026-01-02 03:00' AND ts < TIMESTAMP '2026-01-02 04:00'"
    assert bids.reasons(query) == {"hourly": Reason.DROPPED}
    assert bids.ask(query) == bids.raw(query)
    assert bids.ask("SELECT count(*) FROM bids") == bids.raw("SELECT count(*) FROM bids")


def test_dearer(bids: Bids) -> None:
    bids.refreshed(levels=["day"])
    assert bids.reasons("SELECT count(*) FROM bids") == {"hourly": Reason.DEARER}


def test_every_reason_has_a_test_and_a_line_in_the_documentation() -> None:
    tests: dict[str, Callable[..., None]] = {
        name: value for name, value in globals().items() if name.startswith("test_")
    }
    text = (PROJECT / "docs" / "CUBE.md").read_text(encoding="utf-8")
    for reason in Reason:
        assert f"test_{reason.name.lower()}" in tests
        assert re.search(rf"^\| `{reason.name}` \| {re.escape(reason.value)}", text, re.MULTILINE), reason
