{# The first step: states, which roll up. #}

{% macro hll_state(column, lg_k=12) -%}
    hll_sketch_agg({{ column }}, {{ lg_k }})
{%- endmacro %}

{% macro histogram_state(column, bins=50) -%}
    approx_histogram_agg({{ column }}, {{ bins }})
{%- endmacro %}
