-- Export to Parquet, into the current folder. A sketch is an ordinary BLOB, so any reader of Parquet carries it along,
-- and Spark, whose HLL functions have the same names and bytes, counts with it.

COPY flights_hourly TO 'flights_hourly.parquet' (FORMAT parquet, COMPRESSION zstd);
COPY flights_daily TO 'flights_daily.parquet' (FORMAT parquet, COMPRESSION zstd);
COPY flights_monthly TO 'flights_monthly.parquet' (FORMAT parquet, COMPRESSION zstd);

-- The files answer by themselves, without the tables.
SELECT
    month,
    sum(flights)::BIGINT AS flights,
    hll_sketch_estimate(hll_union_agg(aircraft)) AS different_aircraft,
    round(approx_histogram_quantile(approx_histogram_union_agg(delays), 0.9), 1) AS p90_delay
FROM 'flights_monthly.parquet'
GROUP BY month
ORDER BY month;
