-- Days, from the hours alone: the raw flights are not read again, and may be gone by now.
--
-- Counts and totals add up, maxima compare, sketches unite. An aircraft that flew in five hours of a day counts once.
-- An average would not roll up; the total and the count that it is made of do.

CREATE OR REPLACE TABLE flights_daily AS
SELECT
    hour::DATE AS day,
    origin,
    carrier,
    sum(flights)::BIGINT AS flights,
    sum(total_delay)::BIGINT AS total_delay,
    max(max_delay) AS max_delay,
    hll_union_agg(aircraft) AS aircraft,
    approx_histogram_union_agg(delays) AS delays
FROM flights_hourly
GROUP BY ALL
ORDER BY day, origin, carrier;
