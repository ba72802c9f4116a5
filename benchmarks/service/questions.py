"""The queries of a dashboard over the last minutes of bids."""

from __future__ import annotations

#: What a rollup of the bids holds.
STATEMENT = """
SELECT date_trunc('minute', ts) AS minute, country, count(*) AS bids, sum(cents) AS cents, count(cents) AS priced,
       hll_sketch_agg(user_id) AS users, approx_histogram_agg(price) AS prices
FROM bids GROUP BY ALL
"""
COUNT = "SELECT count(*) AS bids FROM bids"
QUESTIONS = (
    "SELECT date_trunc('minute', ts) AS time, count(*) AS bids FROM bids GROUP BY ALL ORDER BY time",
    "SELECT date_trunc('minute', ts) AS time, count(DISTINCT user_id) AS users FROM bids GROUP BY ALL ORDER BY time",
    "SELECT date_trunc('minute', ts) AS time, median(price), quantile_cont(price, 0.95) FROM bids GROUP BY 1",
    "SELECT country, count(*) AS bids, sum(cents) AS cents FROM bids GROUP BY ALL ORDER BY cents DESC LIMIT 5",
    "SELECT country, avg(cents), count(DISTINCT user_id) FROM bids GROUP BY ALL ORDER BY ALL",
    "SELECT count(DISTINCT user_id) AS users, avg(cents) AS cents FROM bids",
    "SELECT date_trunc('hour', ts) AS hour, count(*) FROM bids WHERE country = $1 GROUP BY ALL ORDER BY hour",
    "SELECT date_trunc('minute', ts) AS t, sum(cents) FROM bids WHERE country = $1 GROUP BY ALL ORDER BY t",
    "SELECT quantile_cont(price, [0.1, 0.5, 0.9]) FROM bids WHERE country = $1",
    "SELECT count(*) FILTER (WHERE country = $1) AS here, count(*) AS everywhere FROM bids",
)
COUNTRIES = tuple(f"c{number}" for number in range(8))
#: The table, to be compared: what is exact, and sketches that are the same bytes whatever the order.
EXACT = """
SELECT date_trunc('minute', ts) AS minute, country, count(*), sum(cents), md5(hll_sketch_agg(user_id))
FROM bids GROUP BY ALL ORDER BY ALL
"""


def parameters(question: str, number: int) -> list[str] | None:
    """The parameters of a question, another country for each number."""
    return [COUNTRIES[number % len(COUNTRIES)]] if "$1" in question else None
