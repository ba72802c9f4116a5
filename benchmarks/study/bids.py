"""A generated stream of bids for advertisements."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.scale import THREADS
from benchmarks.study.subject import Question, Subject

SEED = 20131028 << 32
_USERS = 10_000_000
_COUNTRIES = 20
_MILLISECONDS = 30 * 86_400_000


def _uniform(salt: int) -> str:
    """A number in (0, 1] for each row `i`, in SQL."""
    return f"(((hash({SEED + salt} + 8 * i) >> 11) + 1) / 9007199254740992)"


class Bids(Subject):
    """Thirty days of bids.

    A user's or a country's share falls as one over its rank (Zipf's law with exponent 1, the rank being N to the power
    of a uniform number); prices are lognormal with sigma = 1 around half a dollar, to a hundredth of a cent.
    """

    name = "bids"
    source = "generated: Zipf users, lognormal prices, three dimensions"
    time = "ts"
    dimensions = ("country", "device", "exchange")
    counted = "user_id"
    measured = "price"

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.title = f"{rows:,} bids of 30 days"  # type: ignore[misc]

    def recipe(self) -> str:
        step = _MILLISECONDS / self.rows
        return f"""
            SELECT
                TIMESTAMP '2013-10-01' + to_milliseconds((i * {step})::BIGINT) AS ts,
                floor({_USERS} ** {_uniform(1)})::BIGINT AS user_id,
                round(exp(ln(0.5) + sqrt(-2 * ln({_uniform(2)})) * cos(2 * pi() * {_uniform(3)})), 4) AS price,
                'country ' || floor({_COUNTRIES + 1} ** (0.9999999 * {_uniform(4)}))::INT AS country,
                CASE WHEN {_uniform(5)} < 0.6 THEN 'mobile' WHEN {_uniform(5)} < 0.9 THEN 'desktop' ELSE 'tablet' END
                    AS device,
                'exchange ' || (1 + hash({SEED + 6} + 8 * i) % 5) AS exchange
            FROM range({self.rows}) t(i)
        """

    def write_raw(self, parquet: Path) -> None:
        # The rows stream from the generator into the file, in order.
        with duckdb.connect(config={"threads": THREADS}) as con:
            con.execute(f"COPY ({self.recipe()}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")

    def questions(self) -> list[Question]:
        where = "device = 'mobile' AND ts >= DATE '2013-10-07' AND ts < DATE '2013-10-14'"
        levels = "[0.5, 0.9, 0.99]"
        return [
            Question(
                "full count, and the revenue",
                "SELECT count(*)::DOUBLE FROM raw UNION ALL SELECT sum(price) FROM raw",
                "SELECT count(*)::DOUBLE FROM raw UNION ALL SELECT sum(price) FROM raw",
                "SELECT sum(n)::DOUBLE FROM rollup UNION ALL SELECT sum(total) FROM rollup",
            ),
            Question(
                "ten countries with the most users",
                "SELECT country, count(DISTINCT user_id) users FROM raw GROUP BY country ORDER BY users DESC LIMIT 10",
                "SELECT country, hll_sketch_estimate(hll_sketch_agg(user_id)) users FROM raw"
                " GROUP BY country ORDER BY users DESC LIMIT 10",
                "SELECT country, hll_sketch_estimate(hll_union_agg(counted)) users FROM rollup"
                " GROUP BY country ORDER BY users DESC LIMIT 10",
                answer=1,
            ),
            Question(
                "prices on mobile in one week",
                f"SELECT unnest(quantile_cont(price, {levels})) FROM raw WHERE {where}",
                f"SELECT unnest(approx_histogram_quantile(approx_histogram_agg(price), {levels}))"
                f" FROM raw WHERE {where}",
                f"SELECT unnest(approx_histogram_quantile(approx_histogram_union_agg(distribution), {levels}))"
                f" FROM rollup WHERE {where}",
            ),
        ]
