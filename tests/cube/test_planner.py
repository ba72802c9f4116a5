"""The planner without a database: tables as values, and DuckDB's answers by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlglot
from sqlglot import exp

from duckdb_sketch.cube.bounds import Cut, Moment, Range
from duckdb_sketch.cube.bucket_calendar import NaiveCalendar, ceiling
from duckdb_sketch.cube.canonical import Canonical, conjuncts
from duckdb_sketch.cube.cover import Candidate, Cover
from duckdb_sketch.cube.event_source import Counted, EventSource
from duckdb_sketch.cube.functions import Functions
from duckdb_sketch.cube.grain import grain_of, is_constant_within
from duckdb_sketch.cube.planner import Planner, Route
from duckdb_sketch.cube.query import block_of, event_tables
from duckdb_sketch.cube.reason import Reason
from duckdb_sketch.cube.rewrite import written
from duckdb_sketch.cube.state import MetricColumn, State
from duckdb_sketch.cube.table import CubeTable, Slices
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.table import Table

_METRICS = {
    "bids": ("count", None, "BIGINT"),
    "revenue": ("sum", "price", "DECIMAL(38,2)"),
    "users": ("hll_sketch_agg", "user_id", "BLOB"),
}


class Session:
    """Answers the planner's questions: constants are `TIMESTAMP '…'`, and every aggregate is a BIGINT."""

    functions = Functions(frozenset(["count", "sum", "max", "mode"]), frozenset(), frozenset(["random"]))
    calendar = NaiveCalendar()

    def moments(self, expressions: Sequence[str], event_type: str) -> list[datetime | None]:
        return [datetime.fromisoformat(text.split("'")[1]) for text in expressions]

    def describe(
        self, source: EventSource, alias: str, joins: Sequence[str], items: Sequence[str]
    ) -> list[tuple[str, str]]:
        return [(item.lower(), "BIGINT") for item in items]


def table(every: str, *, rows: int = 1000, **changes: object) -> CubeTable:
    """A rollup by country of the whole of 2026."""
    types = {"bucket": "TIMESTAMP", "country": "VARCHAR", **{name: kind for name, (_, _, kind) in _METRICS.items()}}
    layout = Table(f"by_{every}", "bucket", Granularity.parse(every), ("country",), (), types)
    found = CubeTable(
        layout=layout,
        base=layout,
        statement="",
        event="ts",
        event_type="TIMESTAMP",
        zone=None,
        dimensions={"country": "country"},
        metrics=tuple(
            MetricColumn(name, State(aggregate, argument), "", kind)
            for name, (aggregate, argument, kind) in _METRICS.items()
        ),
        where=frozenset(),
        joins=(),
        earliest=datetime(1900, 1, 1),
        latest=datetime(2200, 1, 1),
        slices=Slices({"a.parquet": (datetime(2026, 1, 1), datetime(2026, 12, 31))}),
        rows=rows,
        first=datetime(2026, 1, 1),
        last=datetime(2026, 12, 1),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


HOURS = table("hour", rows=100_000)
DAYS = table("day", rows=10_000)
MONTHS = table("month", rows=300)
SOURCE = EventSource(
    name="bids",
    sizes={"a.parquet": 10**9},
    counted={HOURS.clock: Counted(HOURS.slices.ranges, frozenset(HOURS.slices.ranges))},
    scan=lambda paths: f"FROM read({', '.join(paths)})",
    columns={"ts": "TIMESTAMP", "country": "VARCHAR", "user_id": "BIGINT", "price": "DECIMAL(8,2)"},
)


def route(query: str, *tables: CubeTable, source: EventSource = SOURCE, exact: bool = False) -> tuple[Route, str]:
    """How a query is answered, and the SQL of it."""
    parsed = sqlglot.parse_one(query, dialect="duckdb")
    (found,) = event_tables(parsed, ["bids"])
    select = block_of(found)
    assert select is not None
    planned = Planner(source, tables, Session(), "UTC", exact=exact).route(select)
    return planned, written(parsed)[0]


def parts(route: Route) -> list[tuple[str | None, str]]:
    return [(part.name, str(part.within)) for part in route.parts]


def test_each_part_of_a_range_is_answered_by_the_table_that_reads_least() -> None:
    query = "SELECT sum(price) FROM bids WHERE ts >= TIMESTAMP '2026-01-30 22:00' AND ts < TIMESTAMP '2026-03-02'"
    found, _ = route(query, HOURS, DAYS, MONTHS)
    assert parts(found) == [
        ("by_hour", "2026-01-30 22:00:00 to 2026-01-31 00:00:00"),
        ("by_day", "2026-01-31 00:00:00 to 2026-02-01 00:00:00"),
        ("by_month", "2026-02-01 00:00:00 to 2026-03-01 00:00:00"),
        ("by_day", "2026-03-01 00:00:00 to 2026-03-02 00:00:00"),
    ]


def test_a_finer_table_that_is_smaller_is_read_instead() -> None:
    found, _ = route("SELECT sum(price) FROM bids", replace(HOURS, rows=10), DAYS)
    assert parts(found) == [("by_hour", "… to …")]
    assert [(r.name, r.reason) for r in found.rejected] == [("by_day", Reason.DEARER)]


def test_of_two_alike_the_coarser_is_read() -> None:
    found, _ = route("SELECT sum(price) FROM bids", table("hour", rows=0), table("day", rows=0))
    assert parts(found) == [("by_day", "… to …")]


def test_partial_buckets_are_read_raw() -> None:
    query = "SELECT count(*) FROM bids WHERE ts BETWEEN TIMESTAMP '2026-05-01 10:30' AND TIMESTAMP '2026-05-01 13:00'"
    found, text = route(query, HOURS)
    assert parts(found) == [
        (None, "2026-05-01 10:30:00 to 2026-05-01 11:00:00"),
        ("by_hour", "2026-05-01 11:00:00 to 2026-05-01 13:00:00"),
        (None, "2026-05-01 13:00:00 to 2026-05-01 13:00:00.000001"),
    ]
    assert text.count("read(a.parquet)") == 2


def test_files_that_are_not_counted_are_read_beside_the_tables() -> None:
    slices = replace(HOURS.slices, uncounted=("b.parquet",))
    source = replace(SOURCE, sizes={**SOURCE.sizes, "b.parquet": 1000})
    found, text = route("SELECT country, count(*) FROM bids GROUP BY 1", replace(HOURS, slices=slices), source=source)
    assert [(part.name, part.paths) for part in found.parts] == [("by_hour", ()), (None, ("b.parquet",))]
    assert "read(b.parquet)" in text


def test_a_rollup_that_has_counted_more_is_read_instead_of_a_smaller_one() -> None:
    behind = replace(table("day", rows=10), slices=replace(HOURS.slices, uncounted=("b.parquet",)))
    source = replace(SOURCE, sizes={**SOURCE.sizes, "b.parquet": 10**9})
    found, _ = route("SELECT count(*) FROM bids", behind, HOURS, source=source)
    assert parts(found) == [("by_hour", "… to …")]


def test_expired_buckets_are_read_from_a_coarser_table() -> None:
    hours = replace(HOURS, rows=1, expired_before=datetime(2026, 6, 1))
    found, _ = route("SELECT count(*) FROM bids WHERE ts >= TIMESTAMP '2026-05-30'", hours, DAYS)
    assert parts(found) == [
        ("by_day", "2026-05-30 00:00:00 to 2026-06-01 00:00:00"),
        ("by_hour", "2026-06-01 00:00:00 to …"),
    ]


def test_events_that_are_gone_are_not_planned_for() -> None:
    gone = replace(SOURCE, sizes={})
    found, _ = route("SELECT count(*) FROM bids WHERE ts >= TIMESTAMP '2026-05-01 10:30'", HOURS, source=gone)
    assert not found.routed
    assert found.missing is not None
    assert "a.parquet, which was counted, is gone" in found.missing


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT price FROM bids", Reason.NOT_AGGREGATED),
        ("SELECT count(*) FROM bids WHERE random() < 1", Reason.VOLATILE),
        ("SELECT mode(price) FROM bids", Reason.NO_METRIC),
        ("SELECT count(*) FROM bids WHERE price > 1", Reason.NO_DIMENSION),
        ("SELECT ts, count(*) FROM bids GROUP BY ts", Reason.TIME_TOO_FINE),
        ("SELECT count(*) FROM bids b JOIN c USING (country)", Reason.OTHER_JOINS),
    ],
)
def test_a_query_that_no_table_answers_is_left_as_it_is(query: str, reason: Reason) -> None:
    found, text = route(query, HOURS)
    assert not found.routed
    assert [rejection.reason for rejection in found.rejected] == [reason]
    assert text == sqlglot.parse_one(query, dialect="duckdb").sql(dialect="duckdb", pretty=True)


@pytest.mark.parametrize(
    ("expression", "fine", "coarse"),
    [
        ("date_trunc('day', ts)", "day", "week"),
        ("ts::DATE", "hour", "month"),
        ("hour(ts)", "hour", "day"),
        ("dayofweek(ts)", "day", "week"),
        ("week(ts)", "week", "month"),
        ("month(ts)", "month", "quarter"),
        ("year(ts)", "year", "decade"),
        ("strftime(ts, '%H:%M')", "minute", "hour"),
        ("time_bucket(INTERVAL '2 hours', ts)", "hour", "day"),
        ("extract('isodow' FROM ts)", "day", "week"),
    ],
)
def test_an_expression_over_time_is_constant_within_its_grain(expression: str, fine: str, coarse: str) -> None:
    grain = grain_of(sqlglot.parse_one(expression, dialect="duckdb"))
    assert grain is not None
    for width, expected in ((fine, True), (coarse, False)):
        assert is_constant_within(grain, Granularity.parse(width), zoned=False, local=True) is expected


def test_what_is_no_part_of_time_has_no_grain() -> None:
    for expression in ("ts", "epoch(ts)", "strftime(ts, '%f')", "time_bucket(INTERVAL 1 DAY, ts, DATE '2026-01-02')"):
        assert grain_of(sqlglot.parse_one(expression, dialect="duckdb")) is None


def test_a_cover_holds_each_moment_once() -> None:
    within = Range(Moment(datetime(2026, 1, 5, 7, 13)), Moment(datetime(2026, 8, 20, 3, 1)))
    blocked = [(datetime(2026, 3, 3, 5), datetime(2026, 3, 9, 1))]
    candidates = [Candidate(HOURS, 8), Candidate(DAYS, 8, blocked), Candidate(MONTHS, 8, blocked)]
    segments = Cover(candidates, NaiveCalendar()).segments(within)
    ends = [(segment.within.start, segment.within.end) for segment in segments]
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
    assert (ends[0][0], ends[-1][1]) == (within.start, within.end)
    for segment in segments:
        if segment.table is not None and segment.table is not HOURS:
            assert isinstance(segment.within.start, Cut)
            assert isinstance(segment.within.end, Cut)
            assert not segment.within.overlaps(blocked[0][0], blocked[0][1] - timedelta(microseconds=1))


def test_buckets_of_the_calendar() -> None:
    calendar = NaiveCalendar()
    time = datetime(2026, 5, 14, 15, 16, 17)
    for every, start, end in (
        ("15 minutes", datetime(2026, 5, 14, 15, 15), datetime(2026, 5, 14, 15, 30)),
        ("week", datetime(2026, 5, 11), datetime(2026, 5, 18)),
        ("quarter", datetime(2026, 4, 1), datetime(2026, 7, 1)),
        ("decade", datetime(2020, 1, 1), datetime(2030, 1, 1)),
    ):
        layout = replace(HOURS.layout, granularity=Granularity.parse(every))
        assert calendar.floor(layout, time) == start
        assert ceiling(calendar, layout, time) == calendar.next(layout, start) == end
        assert ceiling(calendar, layout, start) == start


def test_expressions_that_say_the_same_are_alike() -> None:
    canonical = Canonical("B")
    texts = ("upper(b.Country)", 'UPPER("country")', "(upper(country))")
    found = {canonical.text(sqlglot.parse_one(text, dialect="duckdb")) for text in texts}
    assert len(found) == 1
    condition = sqlglot.parse_one("a = 1 AND (b = 2 AND c = 3)", dialect="duckdb")
    assert len(list(conjuncts(condition))) == 3


def test_a_common_table_of_the_same_name_is_no_table_of_events() -> None:
    query = "WITH bids AS (SELECT count(*) AS n FROM bids) SELECT n FROM bids"
    (found,) = event_tables(sqlglot.parse_one(query, dialect="duckdb"), ["bids"])
    assert found.find_ancestor(exp.CTE) is not None
