"""The queries of a dashboard, each as one over events and as the best statement that knows the tables."""

from __future__ import annotations

from dataclasses import dataclass

_COUNT = "sum(bids)::BIGINT"
_USERS = "hll_sketch_estimate(hll_union_agg(users))"
_P95 = "approx_histogram_quantile(approx_histogram_union_agg(prices), 0.95)"
_CH_USERS = "uniqHLL12Merge(users)"
_MEDIAN = "approx_histogram_quantile(approx_histogram_union_agg(prices), 0.5)"


@dataclass(frozen=True)
class Question:
    """One of them.

    Attributes:
        name: What it asks.
        events: The query over `bids`.
        by_hand: The statement over the tables `hourly`, `daily` and `monthly`.
        clickhouse: The same for ClickHouse.
        of_months: Whether it is about months or longer.
    """

    name: str
    events: str
    by_hand: str
    clickhouse: str
    of_months: bool = False


QUESTIONS = (
    Question(
        "bids and users by day, 30 days",
        "SELECT date_trunc('day', ts) AS day, count(*), count(DISTINCT user_id) FROM bids "
        "WHERE ts >= DATE '2024-11-01' AND ts < DATE '2024-12-01' GROUP BY ALL ORDER BY day",
        f"SELECT day, {_COUNT}, {_USERS} FROM daily "
        "WHERE day >= DATE '2024-11-01' AND day < DATE '2024-12-01' GROUP BY ALL ORDER BY day",
        f"SELECT day, sum(bids), {_CH_USERS} FROM b.daily WHERE day >= '2024-11-01' AND day < '2024-12-01' "
        "GROUP BY day ORDER BY day",
        of_months=True,
    ),
    Question(
        "the year by month",
        "SELECT date_trunc('month', ts) AS month, count(*), sum(cents), count(DISTINCT user_id), median(price) "
        "FROM bids GROUP BY ALL ORDER BY month",
        f"SELECT month, {_COUNT}, sum(cents), {_USERS}, {_MEDIAN} FROM monthly GROUP BY ALL ORDER BY month",
        f"SELECT month, sum(bids), sum(cents), {_CH_USERS}, quantileTDigestMerge(0.5)(prices) FROM b.monthly "
        "GROUP BY month ORDER BY month",
        of_months=True,
    ),
    Question(
        "top publishers of the year",
        "SELECT publisher, sum(cents) AS revenue FROM bids GROUP BY publisher ORDER BY revenue DESC, publisher LIMIT 5",
        "SELECT publisher, sum(cents) AS revenue FROM monthly GROUP BY publisher "
        "ORDER BY revenue DESC, publisher LIMIT 5",
        "SELECT publisher, sum(cents) AS revenue FROM b.monthly GROUP BY publisher "
        "ORDER BY revenue DESC, publisher LIMIT 5",
        of_months=True,
    ),
    Question(
        "one country's p95 by hour, one day",
        "SELECT date_trunc('hour', ts) AS hour, quantile_cont(price, 0.95) FROM bids "
        "WHERE country = 'c1' AND ts >= DATE '2024-12-15' AND ts < DATE '2024-12-16' GROUP BY ALL ORDER BY hour",
        f"SELECT hour, {_P95} FROM hourly "
        "WHERE country = 'c1' AND hour >= DATE '2024-12-15' AND hour < DATE '2024-12-16' GROUP BY ALL ORDER BY hour",
        "SELECT hour, quantileTDigestMerge(0.95)(prices) FROM b.hourly "
        "WHERE country = 'c1' AND hour >= '2024-12-15' AND hour < '2024-12-16' GROUP BY hour ORDER BY hour",
    ),
    Question(
        "users of the year",
        "SELECT count(DISTINCT user_id) FROM bids",
        f"SELECT {_USERS} FROM monthly",
        f"SELECT {_CH_USERS} FROM b.monthly",
        of_months=True,
    ),
    Question(
        "average price by device and month",
        "SELECT device, date_trunc('month', ts) AS month, avg(cents) FROM bids GROUP BY ALL ORDER BY ALL",
        "SELECT device, month, sum(cents)::DOUBLE / sum(bids) FROM monthly GROUP BY ALL ORDER BY ALL",
        "SELECT device, month, sum(cents) / sum(bids) FROM b.monthly GROUP BY device, month ORDER BY device, month",
        of_months=True,
    ),
    Question(
        "bids by hour of the day, a quarter",
        "SELECT hour(ts) AS hour, count(*) FROM bids WHERE ts >= DATE '2024-04-01' AND ts < DATE '2024-07-01' "
        "GROUP BY ALL ORDER BY hour",
        f"SELECT hour(hour) AS h, {_COUNT} FROM hourly "
        "WHERE hour >= DATE '2024-04-01' AND hour < DATE '2024-07-01' GROUP BY ALL ORDER BY h",
        "SELECT toHour(hour) AS h, sum(bids) FROM b.hourly "
        "WHERE hour >= '2024-04-01' AND hour < '2024-07-01' GROUP BY h ORDER BY h",
        of_months=True,
    ),
    Question(
        "bids by day of the week, the year",
        "SELECT dayofweek(ts) AS day, count(*), count(DISTINCT user_id) FROM bids GROUP BY ALL ORDER BY day",
        f"SELECT dayofweek(day) AS d, {_COUNT}, {_USERS} FROM daily GROUP BY ALL ORDER BY d",
        f"SELECT toDayOfWeek(day) AS d, sum(bids), {_CH_USERS} FROM b.daily GROUP BY d ORDER BY d",
        of_months=True,
    ),
    Question(
        "one publisher's quantiles, a quarter",
        "SELECT approx_quantile(price, [0.1, 0.5, 0.9]) FROM bids "
        "WHERE publisher = 3 AND ts >= DATE '2024-07-01' AND ts < DATE '2024-10-01'",
        "SELECT approx_histogram_quantile(approx_histogram_union_agg(prices), [0.1, 0.5, 0.9]) FROM monthly "
        "WHERE publisher = 3 AND month >= DATE '2024-07-01' AND month < DATE '2024-10-01'",
        "SELECT quantilesTDigestMerge(0.1, 0.5, 0.9)(prices) FROM b.monthly "
        "WHERE publisher = 3 AND month >= '2024-07-01' AND month < '2024-10-01'",
        of_months=True,
    ),
    Question(
        "this month beside the last one",
        "SELECT country, count(*) FILTER (WHERE ts >= DATE '2024-12-01'), "
        "count(*) FILTER (WHERE ts < DATE '2024-12-01') "
        "FROM bids WHERE ts >= DATE '2024-11-01' GROUP BY ALL ORDER BY country",
        "SELECT country, sum(bids) FILTER (WHERE month >= DATE '2024-12-01'), "
        "sum(bids) FILTER (WHERE month < DATE '2024-12-01') "
        "FROM monthly WHERE month >= DATE '2024-11-01' GROUP BY ALL ORDER BY country",
        "SELECT country, sumIf(bids, month >= '2024-12-01'), sumIf(bids, month < '2024-12-01') "
        "FROM b.monthly WHERE month >= '2024-11-01' GROUP BY country ORDER BY country",
        of_months=True,
    ),
    Question(
        "revenue so far, day by day, of a month",
        "SELECT ts::DATE AS day, sum(sum(cents)) OVER (ORDER BY ts::DATE) FROM bids "
        "WHERE ts >= DATE '2024-05-01' AND ts < DATE '2024-06-01' GROUP BY ts::DATE ORDER BY day",
        "SELECT day::DATE AS day, sum(sum(cents)) OVER (ORDER BY day::DATE) FROM daily "
        "WHERE day >= DATE '2024-05-01' AND day < DATE '2024-06-01' GROUP BY day::DATE ORDER BY day",
        "SELECT day, sum(sum(cents)) OVER (ORDER BY day) FROM b.daily "
        "WHERE day >= '2024-05-01' AND day < '2024-06-01' GROUP BY day ORDER BY day",
        of_months=True,
    ),
    Question(
        "six weeks, from one noon to another",
        "SELECT country, count(*), count(DISTINCT user_id) FROM bids "
        "WHERE ts >= TIMESTAMP '2024-02-20 12:00' AND ts < TIMESTAMP '2024-04-03 12:00' GROUP BY ALL ORDER BY country",
        f"""SELECT country, {_COUNT}, {_USERS} FROM (
            SELECT country, bids, users FROM hourly WHERE hour >= TIMESTAMP '2024-02-20 12:00' AND hour < '2024-02-21'
            UNION ALL SELECT country, bids, users FROM daily WHERE day >= '2024-02-21' AND day < '2024-03-01'
            UNION ALL SELECT country, bids, users FROM monthly WHERE month >= '2024-03-01' AND month < '2024-04-01'
            UNION ALL SELECT country, bids, users FROM daily WHERE day >= '2024-04-01' AND day < '2024-04-03'
            UNION ALL SELECT country, bids, users FROM hourly
            WHERE hour >= '2024-04-03' AND hour < TIMESTAMP '2024-04-03 12:00'
        ) GROUP BY ALL ORDER BY country""",
        f"""SELECT country, sum(bids), {_CH_USERS} FROM (
            SELECT country, bids, users FROM b.hourly WHERE hour >= '2024-02-20 12:00:00' AND hour < '2024-02-21'
            UNION ALL SELECT country, bids, users FROM b.daily WHERE day >= '2024-02-21' AND day < '2024-03-01'
            UNION ALL SELECT country, bids, users FROM b.monthly WHERE month >= '2024-03-01' AND month < '2024-04-01'
            UNION ALL SELECT country, bids, users FROM b.daily WHERE day >= '2024-04-01' AND day < '2024-04-03'
            UNION ALL SELECT country, bids, users FROM b.hourly
            WHERE hour >= '2024-04-03' AND hour < '2024-04-03 12:00:00'
        ) GROUP BY country ORDER BY country""",
        of_months=True,
    ),
)
