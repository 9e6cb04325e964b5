{# Materialisation `watched`: a view over a raw table whose partitions are known, so that partitioned
   models can follow it. For the tables of most rows: to copy them costs several times what
   reading them does. Config as in partitioned.sql. #}
{% materialization watched, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set how = config.get('meta', {}).partitions -%}
    {%- set code = local_md5(sql | replace(raw_folder(), '')) -%}
    {%- set state = 'built.' ~ this.identifier -%}

    {{ run_hooks(pre_hooks) }}
    {%- set known = existing is not none and is_built(this) -%}
    {%- if existing is not none and not existing.is_view -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {% call statement('main') %}
        create or replace view {{ target }} as (
            {{ sql }}
        );
        create or replace table {{ state }} as
        with waiting as ({{ landed_partitions(how.of, how.rates, code) }})

        select
            waiting.*,
            {% if known %}before.made_of is distinct from waiting.made_of{% else %}true{% endif %}
                as is_rebuilt
        from waiting
        {% if known %}left join {{ state }} as before using (_source, date_day){% endif %}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
