{# Whether the distinct count of each group of a rollup is within its bounds of the exact one. #}

{% test uniques_within_bounds(model, column_name, of, events, group_by, deviations=3) %}
    with estimated as (
        select {{ group_by }} as bucket, {{ duckdb_sketch.uniques_bounds(column_name, deviations) }} as bounds
        from {{ model }} group by all
    ), exact as (
        select {{ group_by }} as bucket, count(distinct {{ of }}) as uniques from {{ events }} group by all
    )
    select * from estimated full join exact using (bucket)
    where not coalesce(uniques between bounds.lower and bounds.upper, false)
{% endtest %}
