-- Hourly rollup: one row per hour, origin and carrier instead of one row per flight.
--
-- These files run as they are, in this order, in a DuckDB shell that has the extension loaded:
--
--     LOAD duckdb_sketch FROM duckdb_sketch;      -- once `duckdb-sketch install` has run
--     .read 01_hourly_rollup.sql
--
-- They start from a table or view `flights`, one row a flight, with the columns
--
--     time_hour  TIMESTAMP  the scheduled hour of departure, in local time
--     origin     VARCHAR    the airport
--     carrier    VARCHAR    the airline
--     tailnum    VARCHAR    the aircraft; NULL where it is not known
--     dep_delay  BIGINT     minutes late, negative if early; NULL where the flight was cancelled
--
-- `duckdb-sketch demo` writes one, the flights that left New York City in 2013:
--
--     CREATE VIEW flights AS FROM 'duckdb-sketch-demo/flights.parquet';

CREATE OR REPLACE TABLE flights_hourly AS
SELECT
    date_trunc('hour', time_hour) AS hour,
    origin,
    carrier,
    count(*) AS flights,
    coalesce(sum(dep_delay), 0)::BIGINT AS total_delay, -- minutes; 0 where every flight was cancelled
    max(dep_delay) AS max_delay,                        -- minutes; NULL where every flight was cancelled
    hll_sketch_agg(tailnum) AS aircraft,                -- which aircraft: answers how many distinct ones
    approx_histogram_agg(dep_delay) AS delays           -- how the delays of what did depart are distributed
FROM flights
GROUP BY ALL
ORDER BY hour, origin, carrier; -- so that a filter on the time skips whole row groups
