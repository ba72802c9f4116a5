-- Months, from the days. The aircraft come out byte for byte as they would straight from the hours, or from the raw
-- flights: an HLL sketch depends on what it has seen and on nothing else.

CREATE OR REPLACE TABLE flights_monthly AS
SELECT
    date_trunc('month', day)::DATE AS month,
    origin,
    carrier,
    sum(flights)::BIGINT AS flights,
    sum(total_delay)::BIGINT AS total_delay,
    max(max_delay) AS max_delay,
    hll_union_agg(aircraft) AS aircraft,
    approx_histogram_union_agg(delays) AS delays
FROM flights_daily
GROUP BY ALL
ORDER BY month, origin, carrier;
