{# Whether a count of a rollup adds up to the rows of what it was made of. #}

{% test adds_up(model, column_name, to) %}
    select * from (select sum({{ column_name }}) as counted from {{ model }}), (select count(*) as events from {{ to }})
    where counted is distinct from events
{% endtest %}
