{{ config(materialized='table') }}
{{ duckdb_sketch.coarsen(
    ref('visits_hourly'), 'hour', 'day',
    dimensions=['page'],
    metrics={'visits': 'sum', 'users': 'hll', 'seconds': 'histogram'},
) }}
