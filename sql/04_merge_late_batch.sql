-- A late batch: flights that turned up after their hours were rolled up. Only the hours, days and months of the batch
-- are touched; the rest of the raw data is not needed.
--
-- The batch waits in a table `flights_late` with the columns of `flights`. It is emptied in the transaction that counts
-- it, so that running this file twice counts it once, and a run that fails half-way (then: ROLLBACK) counts nothing.
--
-- What that cannot see is the same flight delivered in two batches. It would add to `flights`, `total_delay` and
-- `delays` twice; `aircraft` and `max_delay` would not change, because a set and a maximum hold a value once. Where
-- batches can be delivered again, keep their names in a table, and write to it in this same transaction.
--
-- MERGE INTO needs DuckDB 1.4 or later.

CREATE TABLE IF NOT EXISTS flights_late AS FROM flights LIMIT 0;

BEGIN TRANSACTION;

-- Hours: what the batch adds to those there are, and those that it is the first to fill.
MERGE INTO flights_hourly AS known
USING (
    SELECT
        date_trunc('hour', time_hour) AS hour,
        origin,
        carrier,
        count(*) AS flights,
        coalesce(sum(dep_delay), 0)::BIGINT AS total_delay,
        max(dep_delay) AS max_delay,
        hll_sketch_agg(tailnum) AS aircraft,
        approx_histogram_agg(dep_delay) AS delays
    FROM flights_late
    GROUP BY ALL
) AS late
ON known.hour = late.hour
    AND known.origin IS NOT DISTINCT FROM late.origin -- NULL is a group like any other
    AND known.carrier IS NOT DISTINCT FROM late.carrier
WHEN MATCHED THEN UPDATE SET
    flights = known.flights + late.flights,
    total_delay = known.total_delay + late.total_delay,
    max_delay = greatest(known.max_delay, late.max_delay), -- of NULL and a number: the number
    aircraft = hll_union(known.aircraft, late.aircraft),
    delays = approx_histogram_union(known.delays, late.delays)
WHEN NOT MATCHED THEN INSERT BY NAME;

-- Days: rebuilt from all of their hours. This may run any number of times.
MERGE INTO flights_daily AS known
USING (
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
    WHERE hour::DATE IN (SELECT time_hour::DATE FROM flights_late)
    GROUP BY ALL
) AS fresh
ON known.day = fresh.day
    AND known.origin IS NOT DISTINCT FROM fresh.origin
    AND known.carrier IS NOT DISTINCT FROM fresh.carrier
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;

-- Months: likewise, from their days.
MERGE INTO flights_monthly AS known
USING (
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
    WHERE date_trunc('month', day) IN (SELECT date_trunc('month', time_hour) FROM flights_late)
    GROUP BY ALL
) AS fresh
ON known.month = fresh.month
    AND known.origin IS NOT DISTINCT FROM fresh.origin
    AND known.carrier IS NOT DISTINCT FROM fresh.carrier
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;

DELETE FROM flights_late;

COMMIT;
