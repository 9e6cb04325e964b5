{# What is done to a path before it is credited. `touches` is a list of structs with `channel` and
   the field that `name` names. In this order: touches of the direct channel are left out of a path
   that holds another (`drop_direct`; `direct` is a text as SQL), of a name several times in a row
   the first touch is kept (`collapse`), the last `longest` touches are kept, or with `keep_first`
   the first one and the last `longest` less one. The result is `touches` again. #}
{% macro journeys_trimmed(
    relation, name='channel', direct="'direct'", drop_direct=false, collapse=false, longest=none,
    keep_first=false
) -%}
    {%- set chosen = [relation] -%}
    {%- if drop_direct -%}
    {%- set text -%}
    (
        select * replace (
            case
                when len(list_filter(touches, lambda t: t.channel <> {{ direct }})) > 0
                    then list_filter(touches, lambda t: t.channel <> {{ direct }})
                else touches
            end as touches
        )
        from {{ chosen[-1] }}
    )
    {%- endset -%}
    {%- set _ = chosen.append(text) -%}
    {%- endif -%}
    {%- if collapse -%}
    {%- set text -%}
    (
        select * replace (
            list_filter(
                touches,
                lambda t, i: i = 1 or t.{{ name }} is distinct from touches[i - 1].{{ name }}
            ) as touches
        )
        from {{ chosen[-1] }}
    )
    {%- endset -%}
    {%- set _ = chosen.append(text) -%}
    {%- endif -%}
    {%- if longest is not none -%}
    {%- set text -%}
    (
        select * replace (
            case
                when len(touches) <= {{ longest }} then touches
                {%- if keep_first and longest > 1 %}
                else touches[:1] || touches[len(touches) - {{ longest }} + 2:]
                {%- elif keep_first %}
                else touches[:1]
                {%- else %}
                else touches[len(touches) - {{ longest }} + 1:]
                {%- endif %}
            end as touches
        )
        from {{ chosen[-1] }}
    )
    {%- endset -%}
    {%- set _ = chosen.append(text) -%}
    {%- endif -%}
    select * from {{ chosen[-1] }}
{%- endmacro %}

{# Machines: persons with more than `touches_allowed` touches within `minutes` of one another. Few
   persons have so many at all, so only theirs are put in order. #}
{% macro journeys_bots(touches, touches_allowed, minutes) -%}
    with many as (
        select person_id
        from {{ touches }}
        where person_id is not null
        group by person_id
        having count(*) > {{ touches_allowed }}
    ),

    spaced as (
        select
            touches.person_id,
            touches.occurred_at - lag(touches.occurred_at, {{ touches_allowed }}) over (
                partition by touches.person_id order by touches.occurred_at
            ) as took
        from {{ touches }} as touches
        inner join many
            on touches.person_id = many.person_id
    )

    select
        person_id,
        count(*) as touches
    from spaced
    group by person_id
    having coalesce(min(took) <= to_minutes({{ minutes }}), false)
{%- endmacro %}
