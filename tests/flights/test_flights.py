"""Accuracy on real data: every hour, day and month of a year of flights against the exact answer.

Which aircraft flew, and how late flights left, is nothing that a random generator would come up with: the same aircraft
come back day after day, and one flight in thirteen leaves exactly five minutes early. Made-up data goes to test_laws.py
and to the tests of each sketch.
"""

from __future__ import annotations

import duckdb
import pytest
from queries import rows, value
from samples import few_fast

pytestmark = pytest.mark.newest_duckdb

DIMENSIONS = ["origin, carrier", "origin", "carrier", "'all' AS everything"]
LEVELS = [("hour", "flights_hourly", "hour"), ("day", "flights_daily", "day"), ("month", "flights_monthly", "month")]
YEAR = ("year", "flights_monthly", "month")

STANDARD_ERROR = 1.04 / 4096**0.5
COUPONS = 384  # what a sketch of lg_k 12 keeps one by one: three quarters of 2^(12 - 3); it estimates beyond
FRACTIONS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def names(dimensions: str) -> str:
    return "everything" if "everything" in dimensions else dimensions


@pytest.mark.parametrize("dimensions", few_fast(DIMENSIONS, "origin, carrier", "'all' AS everything"))
@pytest.mark.parametrize(("granularity", "table", "time"), [*LEVELS, YEAR])
def test_different_aircraft(
    rolled_up: duckdb.DuckDBPyConnection, granularity: str, table: str, time: str, dimensions: str
) -> None:
    compared = rows(
        rolled_up,
        f"""
        WITH estimated AS (
            SELECT date_trunc('{granularity}', {time})::TIMESTAMP AS time, {dimensions},
                hll_sketch_estimate(hll_union_agg(aircraft)) AS estimate
            FROM {table} GROUP BY ALL
        ),
        exact AS (
            SELECT date_trunc('{granularity}', time_hour)::TIMESTAMP AS time, {dimensions},
                count(DISTINCT tailnum) AS exact
            FROM flights GROUP BY ALL
        )
        SELECT exact, estimate FROM exact FULL JOIN estimated USING (time, {names(dimensions)})
        """,
    )
    few = [(exact, estimate) for exact, estimate in compared if exact <= COUPONS]
    assert [pair for pair in few if pair[0] != pair[1]] == []
    many = [(exact, estimate) for exact, estimate in compared if exact > COUPONS]
    assert [pair for pair in many if abs(pair[1] / pair[0] - 1) > 3 * STANDARD_ERROR] == []
    assert compared


def test_some_groups_are_large_enough_to_be_estimated(rolled_up: duckdb.DuckDBPyConnection) -> None:
    modes = rows(
        rolled_up,
        """
        SELECT DISTINCT hll_sketch_describe(sketch).mode
        FROM (SELECT hll_union_agg(aircraft) AS sketch FROM flights_daily GROUP BY day)
        """,
    )
    assert modes == [("HLL",)]


@pytest.mark.parametrize("sigmas", [2, 3])
def test_bounds_hold_as_often_as_they_say(rolled_up: duckdb.DuckDBPyConnection, sigmas: int) -> None:
    share = value(
        rolled_up,
        f"""
        WITH estimated AS (
            SELECT day, hll_sketch_bounds(hll_union_agg(aircraft), {sigmas}) AS bounds FROM flights_daily GROUP BY day
        ),
        exact AS (SELECT time_hour::DATE AS day, count(DISTINCT tailnum) AS exact FROM flights GROUP BY ALL)
        SELECT avg((exact BETWEEN bounds.lower AND bounds.upper)::INTEGER) FROM estimated JOIN exact USING (day)
        """,
    )
    assert share >= {2: 0.95, 3: 0.99}[sigmas]


@pytest.mark.parametrize("dimensions", few_fast(DIMENSIONS, "origin, carrier", "'all' AS everything"))
@pytest.mark.parametrize(("granularity", "table", "time"), [*LEVELS, YEAR])
def test_quantiles_of_delay(
    rolled_up: duckdb.DuckDBPyConnection, granularity: str, table: str, time: str, dimensions: str
) -> None:
    # A delay that several flights share has all of their ranks, from `below` to `up_to`.
    beyond = rows(
        rolled_up,
        f"""
        WITH estimated AS (
            SELECT time, {names(dimensions)}, approx_histogram_stats(sketch).rank_error AS guaranteed,
                unnest({FRACTIONS}) AS fraction, unnest(approx_histogram_quantile(sketch, {FRACTIONS})) AS delay
            FROM (
                SELECT date_trunc('{granularity}', {time})::TIMESTAMP AS time, {dimensions},
                    approx_histogram_union_agg(delays) AS sketch
                FROM {table} GROUP BY ALL
            )
        ),
        counted AS (
            SELECT date_trunc('{granularity}', time_hour)::TIMESTAMP AS time, {dimensions}, dep_delay,
                count(*) AS flights
            FROM flights WHERE dep_delay IS NOT NULL GROUP BY ALL
        ),
        ranked AS (
            SELECT time, {names(dimensions)}, fraction, delay, any_value(guaranteed) AS guaranteed,
                coalesce(sum(flights) FILTER (dep_delay < delay), 0) / sum(flights) AS below,
                coalesce(sum(flights) FILTER (dep_delay <= delay), 0) / sum(flights) AS up_to
            FROM estimated JOIN counted USING (time, {names(dimensions)}) GROUP BY ALL
        )
        SELECT *, greatest(fraction - up_to, below - fraction) AS error FROM ranked
        WHERE error > guaranteed + 1e-9
        """,
    )
    assert beyond == []


@pytest.mark.parametrize(("granularity", "table", "time"), [*LEVELS, YEAR])
def test_quantile_bounds_of_delay(
    rolled_up: duckdb.DuckDBPyConnection, granularity: str, table: str, time: str
) -> None:
    outside, inside = rows(
        rolled_up,
        f"""
        WITH estimated AS (
            SELECT time, fraction, approx_histogram_quantile_bounds(sketch, fraction) AS bounds
            FROM (
                SELECT date_trunc('{granularity}', {time})::TIMESTAMP AS time,
                    approx_histogram_union_agg(delays) AS sketch
                FROM {table} GROUP BY ALL
            ), (SELECT unnest({FRACTIONS}) AS fraction)
        ),
        sorted AS (
            SELECT date_trunc('{granularity}', time_hour)::TIMESTAMP AS time,
                list(dep_delay ORDER BY dep_delay) AS delays
            FROM flights WHERE dep_delay IS NOT NULL GROUP BY ALL
        ),
        -- Of 25 values, 0.56 is the 14th; 0.56 * 25 rounded to a DOUBLE is a little more than 14.
        compared AS (
            SELECT bounds, delays[greatest(1, ceil(fraction * len(delays) - 1e-6))::INTEGER] AS delay
            FROM estimated JOIN sorted USING (time)
        )
        SELECT unnest([
            count(*) FILTER (delay NOT BETWEEN bounds.lower AND bounds.upper),
            count(*) FILTER (delay BETWEEN bounds.lower AND bounds.upper)
        ]) FROM compared
        """,
    )
    assert outside == (0,)
    assert inside > (0,)


def test_no_flight_is_scheduled_in_the_hour_that_occurs_twice(rolled_up: duckdb.DuckDBPyConnection) -> None:
    # Local hours name groups only as long as no two hours have one name.
    repeated = "SELECT count(*) FROM flights WHERE time_hour = TIMESTAMP '2013-11-03 01:00:00'"
    assert value(rolled_up, repeated) == 0
    assert value(rolled_up, "SELECT count(*) FROM flights WHERE hour(time_hour) <> hour") == 0
