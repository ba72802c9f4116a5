{#
    A table of one row per time bucket and group, of which a run computes again only the newest buckets.

    time: The model's column of bucket starts.
    lookback: How far before the newest bucket events may still arrive, as an INTERVAL such as '2 days'. Buckets that
        start earlier are left as they are; --full-refresh computes all of them.

    A run that is repeated, or was interrupted, leaves the same rows: whole buckets are replaced, in one transaction.
#}
{% materialization rollup, adapter='duckdb' %}
    {%- set time = config.require('time') -%}
    {%- set lookback = config.get('lookback', '1 day') -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and not existing.is_table -%}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}

    {% call statement('main') %}
        {%- if existing is none or should_full_refresh() %}
            create or replace table {{ target }} as (
                {{ sql }}
            )
        {%- else %}
            {{ duckdb_sketch.replace_newest(target, adapter.quote(time), lookback, sql) }}
        {%- endif %}
    {% endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# The first bucket that is computed again is an existing one, so that no bucket is computed in part. #}
{% macro replace_newest(target, time, lookback, sql) %}
    create or replace temp table duckdb_sketch_since as
        select coalesce(min({{ time }}), '-infinity'::timestamp) as since from {{ target }}
        where {{ time }} >= (select max({{ time }}) from {{ target }}) - interval '{{ lookback }}';
    create or replace temp table duckdb_sketch_buckets as
        select * from ({{ sql }}) where {{ time }} >= (select since from duckdb_sketch_since);
    delete from {{ target }} where {{ time }} >= (select since from duckdb_sketch_since);
    insert into {{ target }} by name from duckdb_sketch_buckets
{% endmacro %}
