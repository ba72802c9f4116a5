-- Gaps: a macro for the rows of a time series, and one for each bucket that a group lacks.
--
--     FROM fill_gaps('hours', 'hour', {hour: hour})                     -- one series
--     FROM fill_gaps('hours', 'hour', {hour: hour}, {origin: origin})   -- one for each origin; NULL is one like others
--
-- The arguments: the table's or view's name, a unit of date_trunc (second to millennium), the column of buckets, and
-- the columns that tell groups apart, each with its name, as in a struct. The buckets go from the first to the last
-- that there is. What else the new rows have is NULL; say otherwise where you read them:
--
--     SELECT * REPLACE (coalesce(flights, 0) AS flights,
--                       coalesce(aircraft, (SELECT hll_sketch_agg(NULL::BIGINT))) AS aircraft)
--     FROM fill_gaps('flights_daily', 'day', {day: day}, {origin: origin, carrier: carrier});
--
-- Buckets of a TIMESTAMPTZ are those of the session's time zone, also where a day has 23 or 25 hours. To find them,
-- times are truncated that are so close that each bucket has one, as adding a day to a midnight fails where the next
-- one does not exist. Buckets that are no unit wide, such as 15 minutes, are for duckdb_sketch.fill_gaps in Python,
-- which makes the same rows. Rows whose time is not a start of a unit, infinite or NULL stay as they are.
--
-- Needs no extension; DuckDB 1.3 or later.

-- The buckets that a group lacks, as structs of the columns that are given.
CREATE OR REPLACE MACRO missing_buckets(source, unit, bucket, groups) AS TABLE (
    WITH known AS MATERIALIZED (
        SELECT bucket AS start, groups AS part FROM query_table(source)
    ),
    edges AS (
        SELECT min(struct_extract_at(start, 1)) AS low, max(struct_extract_at(start, 1)) AS high,
            least(CAST('1 ' || unit AS INTERVAL), INTERVAL 6 HOUR) * 0.5 AS step
        FROM known WHERE isfinite(struct_extract_at(start, 1))
    ),
    grid AS (
        SELECT DISTINCT cast_to_type(date_trunc(unit, moment), low) AS time
        FROM (SELECT unnest(generate_series(low, high + step, step)) AS moment, low FROM edges)
    ),
    starts AS (  -- a row takes its name from the structs above it
        SELECT start FROM known WHERE false
        UNION ALL SELECT row(time) FROM grid, edges WHERE time BETWEEN low AND high
    )
    SELECT start, part FROM starts, (SELECT DISTINCT part FROM known)
    EXCEPT SELECT start, part FROM known
);

CREATE OR REPLACE MACRO fill_gaps
(source, unit, bucket) AS TABLE (
    FROM query_table(source)
    UNION ALL BY NAME SELECT unnest(start) FROM missing_buckets(source, unit, bucket, NULL)
),
(source, unit, bucket, groups) AS TABLE (
    FROM query_table(source)
    UNION ALL BY NAME SELECT unnest(start), unnest(part) FROM missing_buckets(source, unit, bucket, groups)
);
