{{ config(materialized='table') }}
select
    hour as day,
    sum(visits)::bigint as visits,
    {{ duckdb_sketch.uniques('users') }} as users,
    {{ duckdb_sketch.quantile('seconds', 0.5) }} as median_seconds,
    {{ duckdb_sketch.share_below('seconds', 30) }} as share_under_30_seconds
from {{ ref('visits_daily') }}
group by all
