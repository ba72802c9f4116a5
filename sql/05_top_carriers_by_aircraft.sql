-- Top N by uniques: the ten carriers with the most distinct aircraft over the year, all airports together, and the
-- range that holds the true number with about 95 % confidence (two standard errors either way).

WITH carriers AS (
    SELECT carrier, sum(flights)::BIGINT AS flights, hll_union_agg(aircraft) AS aircraft
    FROM flights_monthly
    GROUP BY carrier
)
SELECT
    carrier,
    flights,
    hll_sketch_estimate(aircraft) AS different_aircraft,
    round(hll_sketch_bounds(aircraft, 2).lower)::BIGINT AS at_least,
    round(hll_sketch_bounds(aircraft, 2).upper)::BIGINT AS at_most
FROM carriers
ORDER BY different_aircraft DESC, carrier
LIMIT 10;
