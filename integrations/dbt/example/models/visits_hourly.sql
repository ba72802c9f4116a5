{{ config(materialized='rollup', time='hour', lookback='6 hours') }}
select
    date_trunc('hour', ts) as hour,
    page,
    count(*) as visits,
    {{ duckdb_sketch.hll_state('user_id') }} as users,
    {{ duckdb_sketch.histogram_state('seconds') }} as seconds
from {{ ref('visits') }}
group by all
