{#
    The SELECT of a coarser level of a rollup.

    rollup: The relation.
    time: Its column of bucket starts; the level has one of the same name.
    every: A unit of date_trunc, such as 'day'.
    dimensions: Columns that are kept.
    metrics: For each other column that is kept, how its values become one: 'sum', 'min', 'max', 'hll' or 'histogram'.
#}
{% macro coarsen(rollup, time, every, dimensions=[], metrics={}) %}
{%- set merges = {'sum': 'sum', 'min': 'min', 'max': 'max', 'hll': 'hll_union_agg', 'histogram': 'approx_histogram_union_agg'} -%}
select
    date_trunc('{{ every }}', {{ adapter.quote(time) }}) as {{ adapter.quote(time) }}
    {%- for name in dimensions %},
    {{ adapter.quote(name) }}
    {%- endfor %}
    {%- for name, merge in metrics.items() %}
    {%- if merge not in merges %}
        {{ exceptions.raise_compiler_error("coarsen: " ~ name ~ " is merged by " ~ (merges | join(", ")) ~ ", not by " ~ merge) }}
    {%- endif %},
    {{ merges[merge] }}({{ adapter.quote(name) }}) as {{ adapter.quote(name) }}
    {%- endfor %}
from {{ rollup }}
group by all
{% endmacro %}
