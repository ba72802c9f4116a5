{# Whether each value of a column is a state: NULL, or bytes that the functions read. #}

{% test is_hll_sketch(model, column_name) %}
    select {{ column_name }} from {{ model }}
    where {{ column_name }} is not null and try(hll_sketch_estimate({{ column_name }})) is null
{% endtest %}

{% test is_approx_histogram(model, column_name) %}
    select {{ column_name }} from {{ model }}
    where {{ column_name }} is not null and try(approx_histogram_stats({{ column_name }})) is null
{% endtest %}
