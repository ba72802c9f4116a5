-- One row per hour and country instead of thousands of bids.
SELECT
    date_trunc('hour', ts) AS hour,
    country,
    count(*) AS bids,
    sum(price) AS revenue,
    hll_sketch_agg(user_id) AS users,
    approx_histogram_agg(price) AS prices
FROM bids
GROUP BY ALL
