-- One row per hour, origin and carrier instead of one row per flight.
SELECT
    date_trunc('hour', time_hour) AS hour,
    origin,
    carrier,
    count(*) AS flights,
    coalesce(sum(dep_delay), 0)::BIGINT AS total_delay, -- minutes
    max(dep_delay) AS max_delay,
    hll_sketch_agg(tailnum) AS aircraft,
    approx_histogram_agg(dep_delay) AS delays
FROM flights
GROUP BY ALL
