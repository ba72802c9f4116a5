-- Quantiles over time: what departure delay, in minutes, a half, 90 % and 99 % of a day's flights did not exceed.
--
-- A median of medians is not a median. The sketches of all airports and carriers are united first, then asked.

WITH days AS (
    SELECT day, sum(flights)::BIGINT AS flights, approx_histogram_union_agg(delays) AS delays
    FROM flights_daily
    GROUP BY day
),
quantiles AS (
    SELECT day, flights, delays, approx_histogram_quantile(delays, [0.5, 0.9, 0.99]) AS delay
    FROM days
)
SELECT
    day,
    flights,
    flights - approx_histogram_stats(delays).count::BIGINT AS cancelled, -- a flight that never left has no delay
    round(delay[1], 1) AS median_delay,
    round(delay[2], 1) AS p90_delay,
    round(delay[3], 1) AS p99_delay,
    round(1 - approx_histogram_cdf(delays, 60), 3) AS share_over_an_hour
FROM quantiles
ORDER BY day;
