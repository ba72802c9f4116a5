"""The numbers behind the picture."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import duckdb

FROM_MINUTE, TO_MINUTE = -20, 180
MARKED = (0.5, 0.9, 0.95)


@dataclass(frozen=True)
class Week:
    """The distinct aircraft of one week: the exact number, the estimate, and two standard errors either way.

    Attributes:
        monday: Its first day.
    """

    monday: datetime.date
    exact: int
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Delays:
    """The distribution of all departure delays of the year.

    Attributes:
        minutes: Where it is read, ascending.
        exact: The exact fraction of departures with at most this delay.
        estimate: The same from the sketch.
        quantiles: The sketch's delay, in minutes, for each fraction in `MARKED`.
        bins: How many bins the sketch has.
        bytes: Its size.
        guaranteed: What the rank error cannot exceed, as a fraction.
    """

    minutes: list[int]
    exact: list[float]
    estimate: list[float]
    quantiles: list[float]
    bins: int
    bytes: int
    guaranteed: float


def aircraft_by_week(connection: duckdb.DuckDBPyConnection) -> list[Week]:
    """The distinct aircraft of each week that has seven days in the data, from `flights_daily` and from `flights`."""
    rows = connection.execute(
        """
        WITH estimated AS (
            SELECT date_trunc('week', day)::DATE AS monday, hll_sketch_bounds(hll_union_agg(aircraft), 2) AS aircraft
            FROM flights_daily GROUP BY ALL HAVING count(DISTINCT day) = 7
        ),
        exact AS (
            SELECT date_trunc('week', time_hour)::DATE AS monday, count(DISTINCT tailnum) AS aircraft
            FROM flights GROUP BY ALL
        )
        SELECT monday, exact.aircraft, estimated.aircraft.estimate, estimated.aircraft.lower, estimated.aircraft.upper
        FROM estimated JOIN exact USING (monday) ORDER BY monday
        """
    ).fetchall()
    return [Week(*row) for row in rows]


def delays_of_the_year(connection: duckdb.DuckDBPyConnection) -> Delays:
    """The delays, from `flights_monthly` and from `flights`."""
    minutes = list(range(FROM_MINUTE, TO_MINUTE + 1))
    row = connection.execute(
        """
        WITH year AS (SELECT approx_histogram_union_agg(delays) AS sketch FROM flights_monthly)
        SELECT
            approx_histogram_cdf(sketch, $minutes::DOUBLE[]),
            approx_histogram_quantile(sketch, $fractions),
            approx_histogram_stats(sketch).bins,
            approx_histogram_stats(sketch).bytes,
            approx_histogram_stats(sketch).rank_error
        FROM year
        """,
        {"minutes": minutes, "fractions": list(MARKED)},
    ).fetchone()
    assert row is not None
    estimate, quantiles, bins, bytes_, guaranteed = row
    exact = connection.execute(
        """
        SELECT (SELECT count(*) FROM flights WHERE dep_delay <= read_at) / (SELECT count(dep_delay) FROM flights)
        FROM (SELECT unnest($minutes) AS read_at) ORDER BY read_at
        """,
        {"minutes": minutes},
    ).fetchall()
    return Delays(minutes, [fraction for (fraction,) in exact], estimate, quantiles, bins, bytes_, guaranteed)
