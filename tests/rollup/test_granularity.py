"""Widths of buckets, and which nest in which: checked against what DuckDB truncates."""

from __future__ import annotations

from datetime import datetime, timezone

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_sketch.rollup import Granularity, SpecificationError

_WIDTHS = """
    minute, 5 minutes, 15 minutes, 20 minutes, 45 minutes, hour, 90 minutes, 2 hours, 6 hours, 36 hours,
    day, 2 days, 4 days, 7 days, week, 2 weeks, month, 2 months, 3 months, 6 months, quarter, year, 2 years, 4 years,
    decade, century
"""
WIDTHS = [Granularity.parse(text) for text in _WIDTHS.split(",")]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "America/Havana"]


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [
        ("hour", 1, "hour"),
        ("15 minutes", 15, "minute"),
        ("15min", 15, "minute"),
        (" 1 Day ", 1, "day"),
        ("3 months", 3, "month"),
        ("centuries", 1, "century"),
        ("90d", 90, "day"),
        ("2 h", 2, "hour"),
    ],
)
def test_widths_are_read(text: str, count: int, unit: str) -> None:
    assert Granularity.parse(text) == Granularity(count, unit)


@pytest.mark.parametrize("text", ["", "0 hours", "fortnight", "-1 day", "1.5 hours", "1 hour 30 minutes", "dow"])
def test_what_is_no_width_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(SpecificationError, match="15 minutes"):
        Granularity.parse(text)


@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_a_width_reads_what_it_writes(width: Granularity) -> None:
    assert Granularity.parse(str(width)) == width


# Around changes of the clocks, and anywhere.
moments = (
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))
    | st.datetimes(datetime(2024, 3, 9), datetime(2024, 4, 8))
    | st.datetimes(datetime(2024, 10, 4), datetime(2024, 11, 5))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zone=st.sampled_from([None, *ZONES]), times=st.lists(moments, min_size=1, max_size=20))
def test_what_nests_truncates_the_same_by_way_of_the_finer(
    con: duckdb.DuckDBPyConnection, zone: str | None, times: list[datetime]
) -> None:
    if zone:
        con.execute(f"SET TimeZone = '{zone}'")
        times = [time.replace(tzinfo=timezone.utc) for time in times]
    pairs = [(a, b) for a in WIDTHS for b in WIDTHS if a.nests_in(b, zoned=zone is not None)]
    checks = [f"bool_and({b.truncated(a.truncated('t'))} = {b.truncated('t')})" for a, b in pairs]
    kind = "TIMESTAMPTZ" if zone else "TIMESTAMP"
    row = con.execute(f"SELECT {', '.join(checks)} FROM (SELECT unnest(?::{kind}[]) AS t)", [times]).fetchone()
    assert row is not None
    assert [f"{a} in {b}" for (a, b), holds in zip(pairs, row, strict=True) if not holds] == []


@pytest.mark.parametrize(
    ("finer", "coarser", "plain", "zoned"),
    [
        ("hour", "day", True, True),
        ("15 minutes", "hour", True, True),
        ("day", "month", True, True),
        ("day", "week", True, True),
        ("month", "quarter", True, True),
        ("month", "year", True, True),
        ("week", "month", False, False),
        ("week", "year", False, False),
        ("month", "week", False, False),
        ("day", "hour", False, False),
        ("36 hours", "day", False, False),
        ("2 days", "month", False, False),
        ("20 minutes", "hour", True, False),  # in a zone, where offsets are quarters of an hour
        ("hour", "2 hours", True, False),
        ("day", "2 days", True, False),  # time_bucket counts days from UTC's
        ("month", "3 months", True, False),
        ("hour", "2 days", True, False),
    ],
)
def test_what_nests(finer: str, coarser: str, plain: bool, zoned: bool) -> None:
    width = Granularity.parse(finer)
    assert width.nests_in(Granularity.parse(coarser), zoned=False) == plain
    assert width.nests_in(Granularity.parse(coarser), zoned=True) == zoned
