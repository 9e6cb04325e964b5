{# How the warehouse builds journeys, from the vars of dbt_project.yml, as arguments of the macros
   beside this file. Only dbt calls these. #}
{% macro journeys_other() -%}
    t.channel <> '{{ var("journeys_direct") | replace("'", "''") }}'
{%- endmacro %}

{# Paths of a relation as they are credited, by one grain. #}
{% macro journeys_credited_paths(relation, name='channel') -%}
    {{ journeys_trimmed(
        relation,
        field='.' ~ name,
        other=journeys_other(),
        drop_direct=var('journeys_drop_direct'),
        collapse=var('journeys_collapse'),
        longest=var('journeys_longest')
    ) }}
{%- endmacro %}

{# Credit of conversions that are no more. #}
{% macro journeys_without_gone(credit) -%}
    delete from {{ credit }}
    where (conversion_kind, conversion_id) not in (
        select (conversion_kind, conversion_id) from {{ ref('int_journeys__conversions') }}
    )
{%- endmacro %}
