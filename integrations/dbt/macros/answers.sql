{# The second step: answers, of all states that are grouped together. #}

{% macro uniques(state) -%}
    hll_sketch_estimate(hll_union_agg({{ state }}))
{%- endmacro %}

{% macro uniques_bounds(state, deviations=2) -%}
    hll_sketch_bounds(hll_union_agg({{ state }}), {{ deviations }})
{%- endmacro %}

{% macro quantile(state, q) -%}
    approx_histogram_quantile(approx_histogram_union_agg({{ state }}), {{ q }})
{%- endmacro %}

{% macro share_below(state, value) -%}
    approx_histogram_cdf(approx_histogram_union_agg({{ state }}), {{ value }})
{%- endmacro %}
