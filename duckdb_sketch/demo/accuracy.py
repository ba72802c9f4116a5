"""Estimates compared with the exact answers, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Grouping:
    """A question's groups: a granularity of time, and dimensions.

    Attributes:
        granularity: `hour`, `day`, `month` or `year`.
        dimensions: Further columns; none means all flights of that time together.
        table: The rollup that is asked.
        column: Its time column.
    """

    granularity: str
    dimensions: tuple[str, ...]
    table: str
    column: str

    def keys(self, time: str) -> str:
        """The columns to group by, where `time` is the source's time column."""
        return ", ".join([f"date_trunc('{self.granularity}', {time})::TIMESTAMP AS time", *self.dimensions])

    @property
    def names(self) -> str:
        """The names of those columns."""
        return ", ".join(["time", *self.dimensions])


_BY_ALL = ("origin", "carrier")
GROUPINGS = (
    Grouping("hour", _BY_ALL, "flights_hourly", "hour"),
    Grouping("day", _BY_ALL, "flights_daily", "day"),
    Grouping("month", _BY_ALL, "flights_monthly", "month"),
    Grouping("hour", (), "flights_hourly", "hour"),
    Grouping("day", (), "flights_daily", "day"),
    Grouping("month", (), "flights_monthly", "month"),
    Grouping("year", (), "flights_monthly", "month"),
)


@dataclass(frozen=True)
class UniquesError:
    """How far the estimates of distinct aircraft are off.

    Attributes:
        groups: How many groups have any aircraft.
        correct: The fraction of them whose estimate is the exact number.
        mean: The mean error, in standard errors.
        worst: The greatest error, in standard errors.
    """

    groups: int
    correct: float
    mean: float
    worst: float


@dataclass(frozen=True)
class RankError:
    """How far the quantiles of delays are off, as fractions of the flights of a group.

    Attributes:
        mean: The mean rank error over all groups and `QUANTILES`.
        worst: The greatest.
        guaranteed: What no error of these sketches can exceed.
    """

    mean: float
    worst: float
    guaranteed: float


def uniques_error(connection: duckdb.DuckDBPyConnection, grouping: Grouping) -> UniquesError:
    """Compare each group's `hll_sketch_estimate` with `count(DISTINCT …)` of the raw flights.

    A standard error is 1.04 / sqrt(2^lg_k) of the exact number.
    """
    row = connection.execute(
        f"""
        WITH united AS (
            SELECT {grouping.keys(grouping.column)}, hll_union_agg(aircraft) AS sketch
            FROM {grouping.table} GROUP BY ALL
        ),
        exact AS (
            SELECT {grouping.keys("time_hour")}, count(DISTINCT tailnum) AS aircraft FROM flights GROUP BY ALL
        ),
        compared AS (
            SELECT
                abs(hll_sketch_estimate(sketch) - aircraft) AS error,
                aircraft * 1.04 / sqrt(2 ** hll_sketch_describe(sketch).lg_k) AS standard_error
            FROM united JOIN exact USING ({grouping.names})
            WHERE aircraft > 0
        )
        SELECT count(*), avg((error = 0)::INTEGER), avg(error / standard_error), max(error / standard_error)
        FROM compared
        """
    ).fetchone()
    assert row is not None
    return UniquesError(*row)


def rank_error(connection: duckdb.DuckDBPyConnection, grouping: Grouping) -> RankError:
    """Compare the rank that each estimated quantile really has with the one that was asked for.

    A value that occurs several times has all of their ranks. So the error is the distance from the fraction asked for
    to the range of fractions that the estimate has among the raw flights, 0 within it.
    """
    row = connection.execute(
        f"""
        WITH united AS (
            SELECT {grouping.keys(grouping.column)}, approx_histogram_union_agg(delays) AS sketch,
                approx_histogram_stats(sketch) AS stats
            FROM {grouping.table} GROUP BY ALL
        ),
        estimated AS (
            SELECT
                {grouping.names},
                stats['rank_error'] AS guaranteed,
                unnest($quantiles) AS fraction,
                unnest(approx_histogram_quantile(sketch, $quantiles)) AS delay
            FROM united
        ),
        counted AS (
            SELECT {grouping.keys("time_hour")}, dep_delay, count(*) AS flights
            FROM flights WHERE dep_delay IS NOT NULL GROUP BY ALL
        ),
        compared AS (
            SELECT
                fraction,
                any_value(guaranteed) AS guaranteed,
                coalesce(sum(flights) FILTER (dep_delay < delay), 0) / sum(flights) AS below,
                coalesce(sum(flights) FILTER (dep_delay <= delay), 0) / sum(flights) AS up_to
            FROM estimated JOIN counted USING ({grouping.names})
            GROUP BY {grouping.names}, fraction
        ),
        errors AS (SELECT guaranteed, greatest(0, fraction - up_to, below - fraction) AS error FROM compared)
        SELECT avg(error), max(error), max(guaranteed) FROM errors
        """,
        {"quantiles": list(QUANTILES)},
    ).fetchone()
    assert row is not None
    return RankError(*row)
