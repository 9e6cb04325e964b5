{# What is done to a path before it is credited. `touches` is a list; of an element `t`, `field` is
   what names it ('' where it is the name itself, '.channel' of a struct), and `other` says, as SQL
   on t, that it is not the direct channel. In this order: direct touches are left out of a path that
   holds another (`drop_direct`), of a name several times in a row the first touch is kept
   (`collapse`), the last `longest` touches are kept, or with `keep_first` the first one and the last
   `longest` less one. The result is `touches` again. #}
{% macro journeys_trimmed(
    relation, field='', other='true', drop_direct=false, collapse=false, longest=none,
    keep_first=false
) -%}
    {%- set steps = [] -%}
    {%- if drop_direct -%}
    {%- set _ = steps.append(
        'case when len(list_filter(touches, lambda t: ' ~ other ~ ')) > 0 '
        ~ 'then list_filter(touches, lambda t: ' ~ other ~ ') else touches end'
    ) -%}
    {%- endif -%}
    {%- if collapse -%}
    {%- set _ = steps.append(
        'list_filter(touches, lambda t, i: i = 1 or t' ~ field
        ~ ' is distinct from touches[i - 1]' ~ field ~ ')'
    ) -%}
    {%- endif -%}
    {%- if longest is not none -%}
    {%- set kept = longest - 1 if keep_first else longest -%}
    {%- set _ = steps.append(
        'case when len(touches) <= ' ~ longest ~ ' then touches else '
        ~ ('touches[:1] || ' if keep_first else '')
        ~ 'touches[len(touches) - ' ~ kept ~ ' + 1:] end'
    ) -%}
    {%- endif -%}
    select * from {% for step in steps %}(select * replace ({{ steps[-loop.index] }} as touches) from {% endfor %}
    {{- relation }}{{ ')' * (steps | length) }}
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
