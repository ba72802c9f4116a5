-- Events of as many days as the variable says; the hours of each day know of late ones once the next has begun.
{{ config(materialized='view') }}
select
    timestamp '2026-03-01' + to_minutes(i) as ts,
    date_trunc('hour', ts) as hour,
    'page ' || i % 3 as page,
    i * 7919 % 1009 as user_id,
    i * 31 % 600 / 10 as seconds
from range(({{ var('days') }} * 1440)::bigint) as t(i)
